/* Why something could not be done: filled once, by whoever found out first, and carried up unchanged.
 *
 * A function that can fail returns bool and takes a struct fail * as its last argument: true wrote every ret_ output,
 * false wrote none of them and filled the failure. Only the edge of the program logs it or turns it into an answer. */
#pragma once

#include "base/attributes.h"

#include <stdbool.h>
#include <stdint.h>

enum fail_code {
    FAIL_NONE,
    FAIL_SYSTEM,    /* the operating system or a program we called said no */
    FAIL_INPUT,     /* what came from outside is malformed */
    FAIL_NOT_FOUND, /* the thing named does not exist */
    FAIL_LIMIT,     /* a limit was reached */
    FAIL_DENIED,    /* not permitted */
    FAIL_CONFLICT,  /* in the way of something that exists or happens */
    FAIL_API,       /* an error of an AWS API: `type` is its code */
};

struct fail {
    enum fail_code code;
    const char *type;   /* FAIL_API: the AWS error code, such as "ClusterNotFoundException"; static storage */
    uint16_t status;    /* FAIL_API: HTTP status when it is not the model's (0: the model's, or 400) */
    char message[1000]; /* one sentence or more, for a person; cut at the end of the buffer */
};

/* Fills *f and is false. (These are macros so that the compiler sees that they are false, and knows after a call which
 * outputs were written.) */
#define fail(f, code, ...) (fail_fill((f), (code), __VA_ARGS__), false)

/* Fills *f with an error of an AWS API and is false. `type` must have static storage. */
#define fail_api(f, type, ...) (fail_fill_api((f), 0, (type), __VA_ARGS__), false)

/* The same with an HTTP status of its own. */
#define fail_status(f, status, type, ...) (fail_fill_api((f), (status), (type), __VA_ARGS__), false)

/* Puts "context: " in front of the message and is false, code and type unchanged. */
#define fail_in(f, ...) (fail_prefix((f), __VA_ARGS__), false)

void fail_fill(struct fail *f, enum fail_code code, const char *format, ...) printf_like(3, 4);
void fail_fill_api(struct fail *f, uint16_t status, const char *type, const char *format, ...) printf_like(4, 5);
void fail_prefix(struct fail *f, const char *format, ...) printf_like(2, 3);
