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
 * Everything a value points to lives in one arena (requests, answers) or in one block (records).
 *
 * How the tables look: those of one model are a single constant object without a pointer in it, so that they need no
 * relocation and all processes share them (docs/decisions/0093). A row leads to others by distances: an int32_t field
 * of a row is how many bytes behind the row's own address its target stands, 0 is none. Nobody reads these fields but
 * the functions beside the rows, which follow them: shape_name(shape), member_shape(member). */
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
} __attribute__((packed));

enum member_location {
    LOCATION_BODY,
    LOCATION_HEADER,
    LOCATION_HEADERS,
    LOCATION_URI,
    LOCATION_QUERY,
    LOCATION_STATUS
} __attribute__((packed));

enum timestamp_format { TIMESTAMP_DEFAULT, TIMESTAMP_ISO8601, TIMESTAMP_EPOCH, TIMESTAMP_HTTP } __attribute__((packed));

struct shape;

static inline const void *row_target(const void *row, int32_t distance)
{
    return (const char *)row + distance;
}
/* Define NOUN_FIELD(row), which follows a distance that every row has, or only some do (NULL for the others). */
#define LEADS_TO(type, noun, field)                                                                                    \
    static inline const type *noun##_##field(const struct noun *row)                                                   \
    {                                                                                                                  \
        return row_target(row, row->field);                                                                            \
    }
#define MAY_LEAD_TO(type, noun, field)                                                                                 \
    static inline const type *noun##_##field(const struct noun *row)                                                   \
    {                                                                                                                  \
        return row->field == 0 ? NULL : row_target(row, row->field);                                                   \
    }

struct member {
    int32_t name;          /* in the model: the JSON key, and what messages name */
    int32_t shape;         /* its type */
    int32_t location_name; /* the model's locationName */
    int32_t query_name;    /* ec2's queryName */
    int32_t xml_namespace; /* restXml: of the element */
    uint32_t tag;          /* FNV-1a of name: names the member in stored records; unique within its structure */
    uint16_t offset;       /* of the value in the C struct */
    uint16_t has_offset;   /* of has_x; 0 when presence is told by the value itself */
    enum shape_kind kind;  /* the shape's: here too, for the walks over all members of records */
    enum member_location location;
    enum timestamp_format timestamp_format;
    bool required;
    bool idempotency_token; /* filled by clients; an absent one is not an error */
    bool flattened;         /* query and XML: a list without a wrapper */
    bool sensitive;         /* never shown by dump */
    bool payload;           /* this member alone is the HTTP body */
    bool streaming;         /* a payload that may be too large for memory */
    bool xml_attribute;     /* restXml: an attribute of the element, not a child */
};
LEADS_TO(char, member, name)
LEADS_TO(struct shape, member, shape)
MAY_LEAD_TO(char, member, location_name)
MAY_LEAD_TO(char, member, query_name)
MAY_LEAD_TO(char, member, xml_namespace)

struct shape {
    int32_t name;         /* in the model */
    int32_t members;      /* structure: in the model's order */
    int32_t element;      /* list: item; map: value */
    int32_t key;          /* map: string or enum */
    int32_t element_name; /* list: locationName of the items, if any ("member" in query) */
    int32_t key_name;     /* map: locationName of key and value, if any */
    int32_t value_name;
    int32_t enum_names; /* enum: distances from the shape to the values in the model's order: enum_name_at */
    int32_t enum_order; /* indexes of enum_names in byte order of the names */
    int32_t pattern;    /* string: the model's regular expression, written for Java, if any */
    int32_t regex;      /* the same for PCRE2 */
    int32_t error_code; /* exception: what goes on the wire; the shape's name unless the model says otherwise */
    uint32_t size;      /* of the C type, as it stands inside a list */
    uint16_t member_count;
    uint16_t enum_count;
    uint16_t value_offset; /* map: of the value within an entry; an entry is entry_size bytes */
    uint16_t entry_size;
    int64_t min, max; /* length of strings and blobs, count of lists and maps, value of numbers */
    bool has_min, has_max;
    uint16_t error_status; /* exception: HTTP status; 0: 400, or 500 for a fault */
    enum shape_kind kind;
    enum timestamp_format timestamp_format;
    bool is_union;        /* exactly one member is present */
    bool is_event_stream; /* a stream of events: no wire codec can carry it */
    bool is_exception;
    bool is_fault; /* the server's, not the caller's */
    bool sensitive;
    bool flattened;
};
LEADS_TO(char, shape, name)
LEADS_TO(struct member, shape, members)
LEADS_TO(struct shape, shape, element)
LEADS_TO(struct shape, shape, key)
MAY_LEAD_TO(char, shape, element_name)
MAY_LEAD_TO(char, shape, key_name)
MAY_LEAD_TO(char, shape, value_name)
LEADS_TO(int32_t, shape, enum_names)
LEADS_TO(uint16_t, shape, enum_order)
MAY_LEAD_TO(char, shape, pattern)
MAY_LEAD_TO(char, shape, regex)
MAY_LEAD_TO(char, shape, error_code)

/* The name of an enum's value index + 1. */
static inline const char *enum_name_at(const struct shape *enumeration, size_t index)
{
    return row_target(enumeration, shape_enum_names(enumeration)[index]);
}

/* The C type of an operation's input or output when the model has none. */
struct nothing {
    char empty;
};

/* Any list as the interpreters see it, and any map. */
struct list_value {
    void *items;
    size_t count;
};

/* An item of a list. */
static inline void *list_at(const struct shape *list, const void *value, size_t index)
{
    return (char *)((const struct list_value *)value)->items + index * shape_element(list)->size;
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

/* How answers are cut into pages, from the model's paginators; all NULL when the operation has no paginator. Where the
 * model lists several tokens or results, this is the first of them. */
struct pagination {
    int32_t input_token;
    int32_t output_token;
    int32_t limit_key;
    int32_t result_key;
};
MAY_LEAD_TO(char, pagination, input_token)
MAY_LEAD_TO(char, pagination, output_token)
MAY_LEAD_TO(char, pagination, limit_key)
MAY_LEAD_TO(char, pagination, result_key)

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
    int32_t name;
    int32_t service;
    int32_t http_method;
    int32_t uri;            /* the model's requestUri, with {labels} */
    int32_t input;          /* operations without one have an empty structure */
    int32_t output;         /* likewise */
    int32_t result_wrapper; /* query: name of the element around the result, if any */
    int32_t errors;         /* distances from the operation to their shapes: operation_error */
    uint16_t error_count;
    uint16_t success_status; /* 0: 200 */
    bool unsigned_allowed;   /* the model's authtype none: AssumeRoleWithWebIdentity */
    struct pagination pagination;
};
LEADS_TO(char, operation, name)
LEADS_TO(struct service, operation, service)
LEADS_TO(char, operation, http_method)
LEADS_TO(char, operation, uri)
LEADS_TO(struct shape, operation, input)
LEADS_TO(struct shape, operation, output)
MAY_LEAD_TO(char, operation, result_wrapper)
LEADS_TO(int32_t, operation, errors)

static inline const struct shape *operation_error(const struct operation *operation, size_t index)
{
    return row_target(operation, operation_errors(operation)[index]);
}

struct service {
    int32_t id;           /* our name: "ecs", "elbv2"; also the name of the model file */
    int32_t signing_name; /* in the credential scope */
    int32_t api_version;
    int32_t target_prefix; /* X-Amz-Target before the dot, if it has one */
    int32_t json_version;  /* "1.0" or "1.1" */
    int32_t xml_namespace;
    int32_t operations; /* by name */
    int32_t shapes;     /* by name; errors are looked up here */
    uint16_t operation_count;
    uint16_t shape_count;
    uint8_t protocols;           /* all it speaks: bits 1 << PROTOCOL_X */
    enum protocol_kind protocol; /* the main one; never PROTOCOL_CBOR */
    bool query_compatible;       /* JSON and CBOR errors also carry the query protocol's code */
};
LEADS_TO(char, service, id)
MAY_LEAD_TO(char, service, signing_name)
MAY_LEAD_TO(char, service, api_version)
MAY_LEAD_TO(char, service, target_prefix)
MAY_LEAD_TO(char, service, json_version)
MAY_LEAD_TO(char, service, xml_namespace)
LEADS_TO(struct operation, service, operations)
LEADS_TO(struct shape, service, shapes)

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

    switch (member->kind) {
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
