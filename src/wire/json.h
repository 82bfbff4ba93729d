/* JSON as awsJson 1.0/1.1 and restJson1 have it: blobs in base64, timestamps as seconds with a fraction, null for
 * absent.
 *
 * Reading goes through jansson; writing goes straight into the buffer, since answers are large and a tree of them would
 * be built for nothing. */
#pragma once

#include "base/buf.h"
#include "wire/decode.h"

/* Reads text, an object, into a zeroed structure; members that are not in the body (headers, labels) are left alone. An
 * empty text is an empty object. */
checked bool wire_json_read(struct decoder *decoder, const struct shape *structure, struct str text, void *ret_value);

/* Any value. Of a structure, only members that belong in the body. */
void wire_json_write(const struct shape *shape, const void *value, struct buf *out);

/* A string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void wire_json_write_string(struct str text, struct buf *out);
