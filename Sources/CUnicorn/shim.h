// Unicorn's functions with a variable number of arguments, which Swift cannot call.
#include <unicorn/unicorn.h>

static inline uc_err unicorn_hook_in(uc_engine *engine, uc_hook *hook, uc_cb_insn_in_t callback, void *context) {
  return uc_hook_add(engine, hook, UC_HOOK_INSN, (void *)callback, context, 1, 0, UC_X86_INS_IN);
}

static inline uc_err unicorn_hook_out(uc_engine *engine, uc_hook *hook, uc_cb_insn_out_t callback, void *context) {
  return uc_hook_add(engine, hook, UC_HOOK_INSN, (void *)callback, context, 1, 0, UC_X86_INS_OUT);
}

// A true result keeps Unicorn from answering CPUID itself.
typedef bool (*unicorn_cpuid)(uc_engine *engine, void *context);

static inline uc_err unicorn_hook_cpuid(uc_engine *engine, uc_hook *hook, unicorn_cpuid callback, void *context) {
  return uc_hook_add(engine, hook, UC_HOOK_INSN, (void *)callback, context, 1, 0, UC_X86_INS_CPUID);
}

// Accesses that no mapping allows.
static inline uc_err unicorn_hook_bad_memory(
    uc_engine *engine, uc_hook *hook, uc_cb_eventmem_t callback, void *context) {
  return uc_hook_add(engine, hook, UC_HOOK_MEM_INVALID, (void *)callback, context, 1, 0);
}

// Exceptions of the CPU.
static inline uc_err unicorn_hook_exceptions(
    uc_engine *engine, uc_hook *hook, uc_cb_hookintr_t callback, void *context) {
  return uc_hook_add(engine, hook, UC_HOOK_INTR, (void *)callback, context, 1, 0);
}

// Basic blocks whose first byte is in [begin, end].
static inline uc_err unicorn_hook_blocks(
    uc_engine *engine, uc_hook *hook, uc_cb_hookcode_t callback, void *context, uint64_t begin, uint64_t end) {
  return uc_hook_add(engine, hook, UC_HOOK_BLOCK, (void *)callback, context, begin, end);
}

// The instruction at an address; nothing where none begins there.
static inline uc_err unicorn_hook_instruction(
    uc_engine *engine, uc_hook *hook, uc_cb_hookcode_t callback, void *context, uint64_t address) {
  return uc_hook_add(engine, hook, UC_HOOK_CODE, (void *)callback, context, address, address);
}

// Forgets all translated code: hooks that came later are seen.
static inline uc_err unicorn_forget_code(uc_engine *engine) { return uc_ctl_flush_tlb(engine); }
