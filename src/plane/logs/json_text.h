/* JSON read in place (RFC 8259): values are slices of the text, found by walking it, so that looking up one member of a
 * message allocates nothing and numbers keep their digits. */
#pragma once

#include "base/str.h"

enum json_kind { JSON_OBJECT, JSON_ARRAY, JSON_STRING, JSON_NUMBER, JSON_TRUE, JSON_FALSE, JSON_NULL };

struct json_value {
    enum json_kind kind;
    struct str raw; /* with its quotes, braces or brackets */
};

enum { JSON_DEPTH_MAX = 100 };

/* Checks the whole text: one value, spaces around it, nothing nested deeper than JSON_DEPTH_MAX. Bytes of strings are
 * not checked for UTF-8. The functions below take only values that come from here. */
checked bool json_text_read(struct str text, struct json_value *ret_root);

/* Walks the members of an object or elements of an array. Start with json_text_walk; key is the raw string of a member
 * (absent for elements). */
struct json_text_walk {
    struct str rest;
};
struct json_text_walk json_text_walk(struct json_value container);
bool json_text_next(struct json_text_walk *walk, struct str *ret_key, struct json_value *ret_value);

/* The text of a raw string, escapes undone (a lone surrogate becomes U+FFFD): a slice of raw, or written to room, which
 * has raw.len bytes. */
struct str json_text_string(struct str raw, char *room);
/* Whether a raw string has escapes, so that json_text_string will write. */
bool json_text_string_escaped(struct str raw);
/* The same as comparing json_text_string's answer, without room. */
bool json_text_string_is(struct str raw, struct str text);
