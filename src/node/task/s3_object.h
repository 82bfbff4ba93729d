/* One object of an S3 server: GetObject (S3 API reference) in path style, signed (SigV4). Any thread, which waits for
 * the server. */
#pragma once

#include "base/buf.h"
#include "base/fail.h"
#include "base/str.h"

/* Which one, and who asks for it. */
struct s3_object {
    const char *endpoint; /* "http://127.0.0.1:9000" */
    struct str access_key, secret;
    struct str session_token; /* absent without */
    struct str region;
    struct str bucket, key;
};

/* Adds the object to *body. Fails in the words of AWS's SDKs ("operation error S3: GetObject, ..."): FAIL_DENIED when
 * the server refused, FAIL_LIMIT when the object is larger than body's limit, FAIL_SYSTEM when there was no answer, or
 * one of 5xx: then it may be tried again. */
checked bool s3_object_get(const struct s3_object *object, struct buf *body, struct fail *f);
