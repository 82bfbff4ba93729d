/* must(): what is false here is a bug of ours. It is checked in every build; a failed one writes the trace ring and
 * aborts, and recovery from the durable state takes over. Never for input, never for an answer of the OS. */
#pragma once

#define must(condition) ((condition) ? (void)0 : must_failed(#condition, __FILE__, __LINE__, __func__))

/* A place that is never reached; `text` says why it should not be. */
#define must_not_happen(text) must_failed(text, __FILE__, __LINE__, __func__)

_Noreturn void must_failed(const char *condition, const char *file, int line, const char *function);
