// The callbacks of SanitizerCoverage, which the compiler calls in modules built with `-sanitize=fuzzer`. All are weak: in
// a program that links libFuzzer, libFuzzer's own are used, and this file knows no counters.

#include "CCoverage.h"

#include <string.h>

#define WEAK __attribute__((weak))

static struct coverage_counters counters;

// Called once for each object file, always with the bounds of the whole image's section.
WEAK void __sanitizer_cov_8bit_counters_init(uint8_t *start, uint8_t *stop) {
  if (counters.count == 0) {
    counters.start = start;
    counters.count = (size_t)(stop - start);
  }
}

WEAK void __sanitizer_cov_pcs_init(const uintptr_t *start, const uintptr_t *stop) {
  (void)start;
  (void)stop;
}

// The stack's depth is of no use here: models do not recurse without bounds.
WEAK __attribute__((tls_model("initial-exec"))) _Thread_local uintptr_t __sancov_lowest_stack = UINTPTR_MAX;

WEAK void __sanitizer_cov_trace_pc_indir(uintptr_t callee) { (void)callee; }

struct coverage_counters coverage_get_counters(void) { return counters; }

void coverage_reset_counters(void) {
  if (counters.count != 0) memset(counters.start, 0, counters.count);
}

// Comparisons. The compiler's code asks the gate before it calls.

WEAK uint64_t __sancov_should_track = 0;

static uint64_t least_operand;
static uint8_t distances[coverage_slot_count];
static uint16_t touched[coverage_slot_count];
static size_t touched_count;

void coverage_trace_comparisons(int on, uint64_t least) {
  least_operand = least;
  __sancov_should_track = on != 0;
}

const uint16_t *coverage_touched_slots(size_t *count) {
  *count = touched_count;
  return touched;
}

uint8_t coverage_slot_distance(uint16_t slot) { return slot < coverage_slot_count ? distances[slot] : 0; }

void coverage_reset_comparisons(void) {
  for (size_t i = 0; i < touched_count; i++) distances[touched[i]] = 0;
  touched_count = 0;
}

// `place` is the call's return address. Its distance from a function of this image is the same in every process,
// wherever the image is loaded.
static inline void compared(const void *place, uint64_t a, uint64_t b) {
  if (a < least_operand && b < least_operand) return;
  uint64_t offset = (uint64_t)((uintptr_t)place - (uintptr_t)&coverage_reset_counters);
  // The multiplier of Fibonacci hashing: neighbours are spread.
  uint16_t slot = (uint16_t)((offset * 0x9E3779B97F4A7C15u) >> 50);
  uint64_t apart = a < b ? b - a : a - b;
  uint8_t distance = (uint8_t)(apart == 0 ? 1 : 65 - __builtin_clzll(apart));
  if (distances[slot] == 0) {
    touched[touched_count++] = slot;
    distances[slot] = distance;
  } else if (distance < distances[slot]) {
    distances[slot] = distance;
  }
}

// Narrow values are flags, counts and characters: no addresses.
WEAK void __sanitizer_cov_trace_cmp1(uint8_t a, uint8_t b) { (void)a, (void)b; }
WEAK void __sanitizer_cov_trace_cmp2(uint16_t a, uint16_t b) { (void)a, (void)b; }
WEAK void __sanitizer_cov_trace_cmp4(uint32_t a, uint32_t b) { compared(__builtin_return_address(0), a, b); }
WEAK void __sanitizer_cov_trace_cmp8(uint64_t a, uint64_t b) { compared(__builtin_return_address(0), a, b); }
WEAK void __sanitizer_cov_trace_const_cmp1(uint8_t a, uint8_t b) { (void)a, (void)b; }
WEAK void __sanitizer_cov_trace_const_cmp2(uint16_t a, uint16_t b) { (void)a, (void)b; }
WEAK void __sanitizer_cov_trace_const_cmp4(uint32_t a, uint32_t b) { compared(__builtin_return_address(0), a, b); }
WEAK void __sanitizer_cov_trace_const_cmp8(uint64_t a, uint64_t b) { compared(__builtin_return_address(0), a, b); }
WEAK void __sanitizer_cov_trace_switch(uint64_t value, const uint64_t *cases) { (void)value, (void)cases; }
