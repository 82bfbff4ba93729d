/* Small text files: the kernel's (cgroup, proc) and our own records, read and written whole. All functions are
 * thread-safe. */
#pragma once

#include "base/fail.h"
#include "base/str.h"

enum { PATH_BYTES = 1024, SMALL_FILE_BYTES = 8192 };

/* Formats a path; one that does not fit is a bug: the parts are bounded when they come in. */
void path_format(char path[PATH_BYTES], const char *format, ...) printf_like(2, 3);

/* Reads a file into buffer, NUL-terminated; *ret_text is without the white space at its end. FAIL_NOT_FOUND when there
 * is no such file, FAIL_LIMIT when it has size bytes or more. */
checked bool small_file_read(const char *path, char *buffer, size_t size, struct str *ret_text, struct fail *f);

/* Reads a file that holds one number; "max" (cgroup v2's no limit) is UINT64_MAX. */
checked bool small_file_read_number(const char *path, uint64_t *ret_value, struct fail *f);

/* Writes into a file that exists (the kernel's kind), in one write. */
checked bool small_file_write(const char *path, struct str text, struct fail *f);
