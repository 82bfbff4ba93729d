/* Texts put together from pieces, as most formats of ours do: "arn:aws:ecs:%.*s:%.*s:task/%.*s". The C library's printf
 * takes ten times as long for them, and names, keys and messages are made in every step of the core. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* Writes the text, without a NUL, when the format has nothing but %.*s, %s and %d in it and the text fits; what it says
 * is what vsnprintf would say. false: ask that. Takes from `args` either way. */
bool format_pieces(char *space, size_t size, const char *format, va_list args, size_t *ret_len);
