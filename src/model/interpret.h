/* The interpreters of shapes that know no protocol. All take a pointer to the C value (struct, list struct, scalar) and
 * its shape. None is recursive beyond VALUE_DEPTH_MAX levels; deeper input is refused where it is decoded. Thread-safe:
 * they touch nothing but their arguments. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/fail.h"
#include "model/shape.h"

enum { VALUE_DEPTH_MAX = 64 };

/* Checks required members, lengths, ranges, patterns and union arity of a decoded input against its shape. Fails with
 * FAIL_API, type "ValidationException" (the caller replaces the type by the service's), message as AWS words it:
 * "1 validation error detected: Value 'x' at 'clusterName' failed to satisfy constraint: Member must have length less
 * than or equal to 255" ("N validation errors detected: ...; ..." for several, at most ten are listed). Sensitive
 * values are not shown. */
checked bool value_check(const struct shape *shape, const void *value, struct fail *f);

/* Deep copy into the arena: *to is a shallow destination of shape->size bytes. */
void value_copy(const struct shape *shape, void *to, const void *from, struct arena *arena);

/* Deep copy of a structure into one malloc'ed block, freed with free(): how records are kept. */
void *value_block(const struct shape *structure, const void *from, size_t *ret_size);

/* Same content, absent and empty told apart; lists in order, maps in any order. */
bool value_equal(const struct shape *shape, const void *a, const void *b);

/* One-line JSON-like text for logs and `berth state`; sensitive members are shown as "***". Not a wire format. */
void value_dump(const struct shape *shape, const void *value, struct buf *out);

/* Store encoding: compact, self-describing by member tag, so that members can be added, removed and reordered between
 * releases. Enums are stored by name. Unknown tags are skipped when decoding; an unknown enum name is kept absent. */
void value_encode(const struct shape *structure, const void *value, struct buf *out);
/* Decodes into a zeroed struct of structure->size bytes; FAIL_INPUT on torn or malformed bytes (never crashes). */
checked bool value_decode(const struct shape *structure, struct str bytes, void *value, struct arena *arena,
                          struct fail *f);

/* Names of enum values: NULL for 0 or out of range; 0 when the name is unknown. */
const char *enum_name(const struct shape *enumeration, int value);
int enum_value(const struct shape *enumeration, struct str name);
