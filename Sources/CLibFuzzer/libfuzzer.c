#include "CLibFuzzer.h"

#include <signal.h>

// libFuzzer finds them by the section's name.
__attribute__((used, section("__libfuzzer_extra_counters"))) static uint8_t features[libfuzzer_feature_count];

void libfuzzer_add_feature(uint16_t feature) {
  if (features[feature] != UINT8_MAX) features[feature]++;
}

void libfuzzer_reset_signals(void) {
  static const int signals[] = {SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGQUIT};
  for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) signal(signals[i], SIG_DFL);
}
