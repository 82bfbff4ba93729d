/* A command line as ECS Exec splits it: into words, with no shell. The agent in the container splits as a POSIX shell
 * would: blanks part words, a backslash takes the next character as it is, nothing has a meaning between single quotes,
 * a backslash alone has one between double quotes, and a '#' at the begin of a word starts a comment. */
#pragma once

#include "base/arena.h"
#include "base/fail.h"

enum { COMMAND_WORDS_MAX = 1024 };

/* *ret_words ends in NULL and is in the arena. FAIL_INPUT for a quote that is not closed, for nothing but blanks, and
 * for NUL bytes. */
checked bool command_words(struct str command, struct arena *arena, const char ***ret_words, size_t *ret_count,
                           struct fail *f);
