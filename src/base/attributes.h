/* Compiler attributes under short names, and cleanup of locals that own an OS resource. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define checked                __attribute__((warn_unused_result))
#define printf_like(fmt, args) __attribute__((format(printf, fmt, args)))
#define never_null             __attribute__((returns_nonnull))
#define unused                 __attribute__((unused))

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static inline void close_fd_at(const int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

static inline void free_at(void *at)
{
    free(*(void **)at);
}

static inline void close_file_at(FILE **file)
{
    if (*file != NULL)
        (void)fclose(*file);
}

/* A file descriptor that closes itself when it goes out of scope; move it out with take_fd. */
#define auto_fd __attribute__((cleanup(close_fd_at))) int
/* A malloc'ed pointer that frees itself; move it out with take_ptr. */
#define auto_free __attribute__((cleanup(free_at)))
#define auto_file __attribute__((cleanup(close_file_at))) FILE *

static inline int take_fd(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

#define take_ptr(ptr_at)                                                                                               \
    ({                                                                                                                 \
        __auto_type taken_ = *(ptr_at);                                                                                \
        *(ptr_at) = NULL;                                                                                              \
        taken_;                                                                                                        \
    })
