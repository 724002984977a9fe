// What the compiler's coverage instrumentation leaves behind: counters of control-flow edges, and distances between
// compared values.
#ifndef CCOVERAGE_H
#define CCOVERAGE_H

#include <stddef.h>
#include <stdint.h>

/// Slots for comparisons. Comparisons whose places in the program fall on one slot share it.
enum { coverage_slot_count = 1 << 14 };

/// The counters of one image: one byte for each edge, in the order of the program's text.
struct coverage_counters {
  uint8_t *_Nullable start;
  size_t count;
};

/// The counters; none if no module is instrumented, or if another fuzzing engine has them.
struct coverage_counters coverage_get_counters(void);

/// Sets all counters to 0.
void coverage_reset_counters(void);

/// Turns the tracing of comparisons on or off. Operands below `least` are not looked at unless the other is above.
void coverage_trace_comparisons(int on, uint64_t least);

/// The slots touched since the last `coverage_reset_comparisons`, in the order of first touch.
const uint16_t *_Nonnull coverage_touched_slots(size_t *_Nonnull count);

/// 0 if nothing was compared there; else 1 + the bits of the smallest distance: 1 for equal, 2 for 1, 3 for 2 to 3, ...
uint8_t coverage_slot_distance(uint16_t slot);

/// Forgets all comparisons.
void coverage_reset_comparisons(void);

#endif
