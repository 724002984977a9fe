// libFuzzer's interface, as far as the target uses it.
#ifndef CLIBFUZZER_H
#define CLIBFUZZER_H

#include <stddef.h>
#include <stdint.h>

/// libFuzzer's own main; returns when it has nothing more to do.
int LLVMFuzzerRunDriver(
    int *_Nonnull count, char *_Nullable *_Nonnull *_Nonnull arguments,
    int (*_Nonnull test)(const uint8_t *_Nullable data, size_t size));

/// Changes `size` bytes in place as libFuzzer would without a mutator of ours; returns their new number.
size_t LLVMFuzzerMutate(uint8_t *_Nonnull data, size_t size, size_t most);

enum { libfuzzer_feature_count = 1 << 16 };

/// Counts the feature with this number; libFuzzer looks at it, and sets all back to 0, as with its own counters.
void libfuzzer_add_feature(uint16_t feature);

/// Gives the signals of crashes back to the system. The handlers of Swift's backtracer end the process before libFuzzer
/// has written the input.
void libfuzzer_reset_signals(void);

#endif
