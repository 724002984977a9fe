// An engine tells one crash from another by the functions on the stack. Functions of equal effect may be merged or
// inlined by a compiler; these are neither, and each leaves its own name behind.

#include "CFuzzTarget.h"

#include <stdlib.h>

// Every property there is, in the order of their catalogue; a test holds the list against it.
#define PROPERTIES \
  PROPERTY(ram_clear_of_ranges, "ram-clear-of-ranges") \
  PROPERTY(rmrr_in_one_guest, "rmrr-in-one-guest") \
  PROPERTY(one_owner, "one-owner") \
  PROPERTY(groups_atomic, "groups-atomic") \
  PROPERTY(strict_mapped, "strict-mapped") \
  PROPERTY(views_agree, "views-agree") \
  PROPERTY(e820_well_formed, "e820-well-formed") \
  PROPERTY(ranges_reserved, "ranges-reserved") \
  PROPERTY(e820_ram_backed, "e820-ram-backed") \
  PROPERTY(bars_placed, "bars-placed") \
  PROPERTY(ram_conserved, "ram-conserved") \
  PROPERTY(ram_agreed, "ram-agreed") \
  PROPERTY(refusal_changes_nothing, "refusal-changes-nothing") \
  PROPERTY(destroy_gives_back, "destroy-gives-back") \
  PROPERTY(identity_counted, "identity-counted") \
  PROPERTY(identity_kept, "identity-kept") \
  PROPERTY(quarantine_mapped, "quarantine-mapped") \
  PROPERTY(dma_confined, "dma-confined") \
  PROPERTY(nobody_crashes, "nobody-crashes") \
  PROPERTY(ranges_accounted, "ranges-accounted") \
  PROPERTY(strict_wins, "strict-wins") \
  PROPERTY(dropped_not_shown, "dropped-not-shown") \
  PROPERTY(e820_lists_ram, "e820-lists-ram") \
  PROPERTY(bar_pages_apart, "bar-pages-apart") \
  PROPERTY(windows_uncached, "windows-uncached") \
  PROPERTY(firmware_areas_clear, "firmware-areas-clear") \
  PROPERTY(asked_is_given, "asked-is-given") \
  PROPERTY(memory_map_sound, "memory-map-sound") \
  PROPERTY(strict_announced, "strict-announced") \
  PROPERTY(firmware_ends, "firmware-ends") \
  PROPERTY(tables_agree, "tables-agree") \
  PROPERTY(order_free, "order-free") \
  PROPERTY(strict_implies_relaxed, "strict-implies-relaxed") \
  PROPERTY(stranger_ignored, "stranger-ignored") \
  PROPERTY(reboot_repeats, "reboot-repeats") \
  PROPERTY(text_repeats, "text-repeats")

static const char *volatile broken;

#define PROPERTY(name, id) \
  __attribute__((noinline, optnone, noreturn)) void broken_##name(void) { \
    broken = id; \
    abort(); \
  }
PROPERTIES
#undef PROPERTY

static const struct {
  const char *id;
  void (*fail)(void);
} properties[] = {
#define PROPERTY(name, id) {id, broken_##name},
    PROPERTIES
#undef PROPERTY
};

size_t fuzz_target_property_count(void) { return sizeof properties / sizeof properties[0]; }

const char *fuzz_target_property(size_t index) { return properties[index].id; }

void fuzz_target_fail(size_t index) {
  if (index < fuzz_target_property_count()) properties[index].fail();
  abort();
}
