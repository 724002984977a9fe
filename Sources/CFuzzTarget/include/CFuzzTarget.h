// Where a fuzzing engine sees a broken property: a function for each, so that no two have one crash state.
#ifndef CFUZZTARGET_H
#define CFUZZTARGET_H

#include <stddef.h>

/// How many properties have a function.
size_t fuzz_target_property_count(void);

/// The id of a property, such as `strict-mapped`.
const char *_Nonnull fuzz_target_property(size_t index);

/// Aborts in the function of the property, such as `broken_strict_mapped`.
void fuzz_target_fail(size_t index) __attribute__((noreturn));

#endif
