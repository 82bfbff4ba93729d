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

/* Fills *f and returns false. */
bool fail(struct fail *f, enum fail_code code, const char *format, ...) printf_like(3, 4);

/* Fills *f with an error of an AWS API and returns false. `type` must have static storage. */
bool fail_api(struct fail *f, const char *type, const char *format, ...) printf_like(3, 4);

/* The same with an HTTP status of its own. */
bool fail_status(struct fail *f, uint16_t status, const char *type, const char *format, ...) printf_like(4, 5);

/* Puts "context: " in front of the message and returns false, code and type unchanged. */
bool fail_in(struct fail *f, const char *format, ...) printf_like(2, 3);
