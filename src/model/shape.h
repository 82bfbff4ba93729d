/* Shapes: what the generator knows of every type of every API, as tables. Interpreters (check, copy, equal, dump, store
 * encoding, the wire protocols) walk them; nothing else in Berth knows a field by its name in a string.
 *
 * How a shape looks in C (generated headers, model/gen/<service>.h):
 *
 *   string, blob      struct str            ptr NULL: absent
 *   document          struct str            the JSON text as it came; ptr NULL: absent
 *   enum string       enum ecs_launch_type  0 (..._NONE): absent; value n stands for enum_names[n - 1]; an AWS value
 *                                           that is itself spelled NONE is ..._NONE_ in C
 *   boolean           bool + bool has_x     has_x false: absent
 *   integer, long     int32_t, int64_t + has_x
 *   float, double     double + has_x
 *   timestamp         int64_t + has_x       milliseconds since the epoch
 *   list              struct { T *items; size_t count; }   items NULL: absent; an empty list has any other pointer
 *   map               struct { struct { struct str key; T value; } *items; size_t count; }   likewise; keys are unique
 *   structure, union  struct T *            NULL: absent
 *
 * Inside a list or map, T stands by itself without has_x: struct str, the enum, the number, `struct T` inline for
 * structures, the list struct for lists of lists. So an item of a list is never absent.
 *
 * Everything a value points to lives in one arena (requests, answers) or in one block (records). */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum shape_kind {
    SHAPE_STRUCTURE,
    SHAPE_LIST,
    SHAPE_MAP,
    SHAPE_STRING,
    SHAPE_ENUM,
    SHAPE_BLOB,
    SHAPE_DOCUMENT,
    SHAPE_BOOLEAN,
    SHAPE_INTEGER,
    SHAPE_LONG,
    SHAPE_DOUBLE, /* float too */
    SHAPE_TIMESTAMP,
};

enum member_location {
    LOCATION_BODY,
    LOCATION_HEADER,
    LOCATION_HEADERS,
    LOCATION_URI,
    LOCATION_QUERY,
    LOCATION_STATUS
};

enum timestamp_format { TIMESTAMP_DEFAULT, TIMESTAMP_ISO8601, TIMESTAMP_EPOCH, TIMESTAMP_HTTP };

struct shape;

/* A regular expression, compiled by whichever thread needs it first and kept for the life of the process. */
struct compiled_pattern {
    _Atomic(void *) code; /* NULL: not yet */
};

struct member {
    const char *name;          /* in the model: the JSON key, and what messages name */
    const char *location_name; /* the model's locationName, NULL when it has none */
    const char *query_name;    /* ec2's queryName, NULL when it has none */
    const char *xml_namespace; /* restXml: of the element, NULL when it has none */
    const struct shape *shape;
    uint32_t tag;        /* FNV-1a of name: names the member in stored records; unique within its structure */
    uint16_t offset;     /* of the value in the C struct */
    uint16_t has_offset; /* of has_x; 0 when presence is told by the value itself */
    enum member_location location;
    enum timestamp_format timestamp_format;
    bool required;
    bool idempotency_token; /* filled by clients; an absent one is not an error */
    bool flattened;         /* query and XML: a list without a wrapper */
    bool sensitive;         /* never shown by dump */
    bool payload;           /* this member alone is the HTTP body */
    bool streaming;         /* a payload that may be too large for memory */
    bool xml_attribute;     /* restXml: an attribute of the element, not a child */
    uint8_t kind;           /* the shape's enum shape_kind: here too, for the walks over all members of records */
};

struct shape {
    const char *name; /* in the model */
    enum shape_kind kind;
    uint32_t size;                /* of the C type, as it stands inside a list */
    const struct member *members; /* structure: in the model's order */
    size_t member_count;
    bool is_union;               /* exactly one member is present */
    bool is_event_stream;        /* a stream of events: no wire codec can carry it */
    const struct shape *element; /* list: item; map: value */
    const struct shape *key;     /* map: string or enum */
    const char *element_name;    /* list: locationName of the items, or NULL ("member" in query) */
    const char *key_name;        /* map: locationName of key and value, or NULL */
    const char *value_name;
    uint32_t value_offset; /* map: of the value within an entry; an entry is entry_size bytes */
    uint32_t entry_size;
    const char *const *enum_names; /* enum: the values in the model's order */
    const uint16_t *enum_order;    /* indexes of enum_names in byte order of the names */
    size_t enum_count;
    bool has_min, has_max; /* length of strings and blobs, count of lists and maps, value of numbers */
    int64_t min, max;
    const char *pattern;               /* string: the model's regular expression, written for Java, or NULL */
    const char *regex;                 /* the same for PCRE2 */
    struct compiled_pattern *compiled; /* the cache of value_check */
    bool sensitive;
    bool flattened;
    enum timestamp_format timestamp_format;
    /* exceptions */
    bool is_exception;
    bool is_fault;          /* the server's, not the caller's */
    const char *error_code; /* what goes on the wire; the shape's name unless the model says otherwise */
    uint16_t error_status;  /* HTTP status; 0: 400, or 500 for a fault */
};

/* The C type of an operation's input or output when the model has none, and its shape. */
struct nothing {
    char empty;
};
extern const struct shape nothing_shape;

/* Any list as the interpreters see it, and any map. */
struct list_value {
    void *items;
    size_t count;
};

/* An item of a list. */
static inline void *list_at(const struct shape *list, const void *value, size_t index)
{
    return (char *)((const struct list_value *)value)->items + index * list->element->size;
}
/* The key and the value of an entry of a map. */
static inline void *map_key_at(const struct shape *map, const void *value, size_t index)
{
    return (char *)((const struct list_value *)value)->items + index * map->entry_size;
}
static inline void *map_value_at(const struct shape *map, const void *value, size_t index)
{
    return (char *)map_key_at(map, value, index) + map->value_offset;
}

/* How answers are cut into pages, from the model's paginators; NULL members when the operation has no paginator. Where
 * the model lists several tokens or results, this is the first of them. */
struct pagination {
    const char *input_token;
    const char *output_token;
    const char *limit_key;
    const char *result_key;
};

enum protocol_kind {
    PROTOCOL_JSON,
    PROTOCOL_QUERY,
    PROTOCOL_EC2,
    PROTOCOL_REST_JSON,
    PROTOCOL_REST_XML,
    PROTOCOL_CBOR
};

struct service;

struct operation {
    const char *name;
    const struct service *service;
    const char *http_method;
    const char *uri;            /* the model's requestUri, with {labels} */
    uint16_t success_status;    /* 0: 200 */
    const struct shape *input;  /* never NULL: operations without one have an empty structure */
    const struct shape *output; /* likewise */
    const char *result_wrapper; /* query: name of the element around the result, NULL: none */
    const struct shape *const *errors;
    size_t error_count;
    bool unsigned_allowed; /* the model's authtype none: AssumeRoleWithWebIdentity */
    struct pagination pagination;
};

struct service {
    const char *id;           /* our name: "ecs", "elbv2"; also the name of the model file */
    const char *signing_name; /* in the credential scope */
    const char *api_version;
    const char *target_prefix;          /* X-Amz-Target before the dot, NULL without */
    const char *json_version;           /* "1.0" or "1.1" */
    const char *xml_namespace;          /* NULL without */
    enum protocol_kind protocol;        /* the main one; never PROTOCOL_CBOR */
    uint8_t protocols;                  /* all it speaks: bits 1 << PROTOCOL_X */
    bool query_compatible;              /* JSON and CBOR errors also carry the query protocol's code */
    const struct operation *operations; /* by name */
    size_t operation_count;
    const struct shape *const *shapes; /* by name; errors are looked up here */
    size_t shape_count;
};

/* Binary searches by name; NULL when there is none. */
const struct operation *service_operation(const struct service *service, struct str name);
const struct shape *service_shape(const struct service *service, struct str name);
const struct member *shape_member(const struct shape *structure, struct str name);

/* Where a member's value stands, and whether it is present. `value` points to the C struct of `structure`. */
static inline void *member_at(const struct member *member, const void *value)
{
    return (char *)value + member->offset;
}
/* The member's value in the sense of the interpreters: of a structure the struct itself; NULL when it is absent. */
static inline void *member_value(const struct member *member, const void *value)
{
    void *at = member_at(member, value);

    return member->kind == SHAPE_STRUCTURE ? *(void **)at : at;
}
static inline bool member_present(const struct member *member, const void *value)
{
    const void *at = member_at(member, value);

    switch ((enum shape_kind)member->kind) {
    case SHAPE_STRUCTURE:
        return *(void *const *)at != NULL;
    case SHAPE_LIST:
    case SHAPE_MAP:
        return ((const struct list_value *)at)->items != NULL;
    case SHAPE_STRING:
    case SHAPE_BLOB:
    case SHAPE_DOCUMENT:
        return ((const struct str *)at)->ptr != NULL;
    case SHAPE_ENUM:
        return *(const int *)at != 0;
    case SHAPE_BOOLEAN:
    case SHAPE_INTEGER:
    case SHAPE_LONG:
    case SHAPE_DOUBLE:
    case SHAPE_TIMESTAMP:
        return *((const bool *)value + member->has_offset);
    }
    return false;
}
/* Marks a number, boolean or timestamp present; nothing for kinds whose value tells. */
void member_mark(const struct member *member, void *value);

/* Sets an optional scalar of a generated struct. */
#define SET(structure, member, to) ((structure)->member = (to), (void)((structure)->has_##member = true))
