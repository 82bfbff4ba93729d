/* Typed reads of JSON members, with failures that name the member. Documents come from registries: nothing is assumed.
 *
 * A member that is absent or null reads as absent (or 0); one of another type fails with IMAGE_MALFORMED. Strs are
 * copied into the arena, since the document goes before the record. */
#pragma once

#include "base/arena.h"
#include "base/fail.h"

#include <jansson.h>

struct strs {
    const struct str *items; /* NULL: absent, which is not the same as empty */
    size_t count;
};

struct str_pair {
    struct str name;
    struct str value;
};

struct str_pairs {
    const struct str_pair *items;
    size_t count;
};

/* The document as an object; the caller gives it back with json_decref. `what` names it in the failure. */
checked bool json_read(struct str bytes, const char *what, json_t **ret_object, struct fail *f);

checked bool json_read_text(const json_t *object, const char *name, struct arena *arena, struct str *ret_text,
                            struct fail *f);
/* Not negative. */
checked bool json_read_count(const json_t *object, const char *name, uint64_t *ret_count, struct fail *f);
checked bool json_read_texts(const json_t *object, const char *name, struct arena *arena, struct strs *ret_texts,
                             struct fail *f);
/* The keys of an object whose values say nothing, as ExposedPorts and Volumes are written. */
checked bool json_read_names(const json_t *object, const char *name, struct arena *arena, struct strs *ret_names,
                             struct fail *f);
checked bool json_read_pairs(const json_t *object, const char *name, struct arena *arena, struct str_pairs *ret_pairs,
                             struct fail *f);
/* The member itself when it has that type, NULL when absent. */
checked bool json_read_member(const json_t *object, const char *name, json_type type, json_t **ret_member,
                              struct fail *f);

static inline void json_decref_at(json_t **json)
{
    json_decref(*json);
}
#define auto_json __attribute__((cleanup(json_decref_at))) json_t
