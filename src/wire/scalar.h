/* Numbers, booleans and times as text, for all encoders: written straight into the buffer. */
#pragma once

#include "base/buf.h"
#include "model/shape.h"

void scalar_whole(int64_t number, struct buf *out);
/* The shortest of the usual forms that reads back the same; "NaN", "Infinity", "-Infinity". */
void scalar_double(double number, struct buf *out);
/* Seconds since 1970, with three digits of fraction unless they are zero. */
void scalar_epoch(int64_t when_ms, struct buf *out);
/* RFC 3339 in UTC, as when_to_iso8601. */
void scalar_iso8601(int64_t when_ms, struct buf *out);
/* The key of an entry of a map as text: a string or the name of an enum value. */
struct str scalar_key(const struct shape *map, const void *value, size_t index);
/* A boolean, number or timestamp by its shape; format: TIMESTAMP_ISO8601 or TIMESTAMP_EPOCH. */
void scalar_add(const struct shape *shape, const void *at, enum timestamp_format format, struct buf *out);
