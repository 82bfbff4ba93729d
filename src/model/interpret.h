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

/* An enum value that the model does not know cannot stand in the C struct. A wire codec keeps it aside with enum_parse,
 * which gives a negative number to put in the enum's place; value_check_input then reports it among the other
 * violations: "Member must satisfy enum value set: [A, B]". It never accepts a value with a negative enum in it, so no
 * handler sees one. */
enum { UNKNOWN_ENUMS_MAX = 10 };
struct unknown_enums {
    struct str names[UNKNOWN_ENUMS_MAX]; /* not copied */
    size_t count;
};
int enum_parse(const struct shape *enumeration, struct str name, struct unknown_enums *unknown);
checked bool value_check_input(const struct shape *shape, const void *value, const struct unknown_enums *unknown,
                               struct fail *f);

/* Deep copy: *to is a destination of shape->size bytes; all it points to stands in one piece of the arena. Strings do
 * not end in NUL. */
void value_copy(const struct shape *shape, void *to, const void *from, struct arena *arena);

/* Deep copy of a structure into one malloc'ed block of *ret_size bytes, freed with free(): how records are kept. */
void *value_block(const struct shape *structure, const void *from, size_t *ret_size);

/* Same content, absent and empty told apart; lists in order, maps in any order. */
bool value_equal(const struct shape *shape, const void *a, const void *b);

/* One-line JSON-like text for logs and `berth state`; sensitive members are shown as "***". Not a wire format. */
void value_dump(const struct shape *shape, const void *value, struct buf *out);
/* The same with members named as CloudTrail names them: the first letter small. */
void value_dump_camel(const struct shape *shape, const void *value, struct buf *out);

/* JSON as events tell of a value: sensitive members are shown, times are as RFC 3339 has them. */
void value_json(const struct shape *shape, const void *value, struct buf *out);
/* A text as JSON has it, in quotes. */
void value_json_text(struct str text, struct buf *out);

/* Store encoding: compact, self-describing by member tag, so that members can be added, removed and reordered between
 * releases. Enums are stored by name. Unknown tags are skipped when decoding; an unknown enum name is absent, in a list
 * or map its item is left out. */
void value_encode(const struct shape *structure, const void *value, struct buf *out);
/* Decodes into a zeroed struct of structure->size bytes; nothing points into `bytes` afterwards. FAIL_INPUT on torn or
 * malformed bytes and on members stored as another type, FAIL_LIMIT when the arena is too small. On failure *value is
 * in an undefined state. */
checked bool value_decode(const struct shape *structure, struct str bytes, void *value, struct arena *arena,
                          struct fail *f);

/* Names of enum values: NULL for 0 or out of range; 0 when the name is unknown. */
const char *enum_name(const struct shape *enumeration, int value);
int enum_value(const struct shape *enumeration, struct str name);
