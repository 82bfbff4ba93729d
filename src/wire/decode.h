/* What the decoders of all protocols share: bounded memory, bounded depth, and values that come as text (query
 * parameters, headers, path labels, JSON strings of some kinds). */
#pragma once

#include "base/arena.h"
#include "base/fail.h"
#include "model/interpret.h"

struct service_rules;

struct decoder {
    struct arena *arena;
    const struct service_rules *rules;
    struct fail *f;
    struct unknown_enums unknown; /* for value_check_input */
    unsigned depth;               /* of structures, lists and maps around the current value */
};

/* Zeroed memory from the arena for what the input asks for; refuses with RequestEntityTooLarge. Never NULL, also for
 * count 0, so that empty and absent differ. */
checked bool decode_alloc(struct decoder *decoder, size_t count, size_t size, void **ret_memory);
/* The str in the arena. */
checked bool decode_str(struct decoder *decoder, struct str text, struct str *ret_copy);

/* Counts one level down (leave with decode_leave); refuses past VALUE_DEPTH_MAX. */
checked bool decode_enter(struct decoder *decoder);
void decode_leave(struct decoder *decoder);

/* A wrong type, number or date: MalformedInput, which wire_encode_error puts out as SerializationException in JSON and
 * InvalidParameterValue in EC2. Is false, as fail() is. */
#define decode_refuse(decoder, ...) fail_api((decoder)->f, "MalformedInput", __VA_ARGS__)

/* An enum by its name, which is copied if need be; an unknown one is left to value_check_input. */
checked bool decode_enum(struct decoder *decoder, const struct shape *shape, struct str name, int *ret_value);

/* The key of the entry behind those that the map has. Keys are unique: one that was there before is refused. */
checked bool decode_key(struct decoder *decoder, const struct shape *map, const struct list_value *value,
                        struct str key);

/* A number that must be whole: stored as 32 or 64 bits by the shape's kind. */
checked bool decode_whole(struct decoder *decoder, const struct shape *shape, int64_t number, void *at);

/* Any value that has no inner structure, from text that may lie in the request: strings are not copied. Timestamps
 * are read in any format. at: the value's place in its struct or list. */
checked bool decode_text(struct decoder *decoder, const struct shape *shape, struct str text, void *at);

/* Seconds since 1970 as milliseconds; refuses what is beyond the year 9999. */
checked bool decode_epoch(struct decoder *decoder, double seconds, int64_t *ret_when_ms);

/* The structure behind a member, allocated; for all other kinds the member's own place. */
checked bool decode_place(struct decoder *decoder, const struct member *member, void *value, void **ret_at);

/* The name of a member on the wire, in JSON and XML. */
static inline const char *wire_name(const struct member *member)
{
    return member_location_name(member) != NULL ? member_location_name(member) : member_name(member);
}
