/* CBOR as Smithy RPC v2 has it: structures are maps by member name, timestamps are tag 1 (seconds), blobs byte strings.
 * The newest CloudWatch clients (the Go SDK, and with it Terraform) speak it and nothing else. */
#pragma once

#include "base/buf.h"
#include "wire/decode.h"

/* Reads bytes, one map, into a zeroed structure. No bytes are an empty structure. Strs of the input may point into
 * bytes. */
checked bool wire_cbor_read(struct decoder *decoder, const struct shape *structure, struct str bytes, void *ret_value);

void wire_cbor_write(const struct shape *shape, const void *value, struct buf *out);

/* Pieces of a map that is not a shape's: errors. */
void wire_cbor_write_map_start(size_t count, struct buf *out);
void wire_cbor_write_text(struct str text, struct buf *out);
