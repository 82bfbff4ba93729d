/* Environment files (ECS API reference, EnvironmentFile), which Fargate takes as docker takes an --env-file:
 *
 *   VARIABLE=VALUE   up to the end of the line, with its quotes and spaces
 *   VARIABLE         nothing: there is no environment that it could be taken from
 *   # ...            nothing, nor is an empty line anything
 *
 * Spaces in front of a line do not count, CR LF ends a line too. A file of which a line has no name, or a name with
 * spaces, is refused, as is one with NUL bytes or that is not UTF-8. Pure but for env_files_read; any thread. */
#pragma once

#include "base/arena.h"
#include "base/fail.h"
#include "model/gen/ecs.h"

enum { ENV_FILE_BYTES_MAX = 1 << 20 };

/* "VARIABLE=VALUE" each, in the text; of two of one name the later one counts. */
struct env_lines {
    struct str *items;
    size_t count;
};

/* Fails with FAIL_INPUT, naming the line; nothing of the file is in the message. */
checked bool env_file_parse(struct str text, struct arena *arena, struct env_lines *ret_lines, struct fail *f);

/* Where file k of container i stands in the task's folder: mode 0600, as it came. */
const char *env_file_path(const char *task_dir, size_t i, size_t k, struct arena *arena);

/* The lines of all files of container i that were fetched into the task's folder, those of the first file last: it
 * counts most. */
checked bool env_files_read(const char *task_dir, size_t i, const struct ecs_environment_files *files,
                            struct arena *arena, struct env_lines *ret_lines, struct fail *f);
