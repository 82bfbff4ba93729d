#include "plane/logs/json_text.h"

#include "base/must.h"

/* -- Scanning: each function takes its piece from the front of *text, or fails. */

static void skip_spaces(struct str *text)
{
    while (text->len > 0 && strchr(" \t\r\n", text->ptr[0]) != NULL && text->ptr[0] != '\0')
        *text = str_from(*text, 1);
}

static bool take_char(struct str *text, char c)
{
    if (text->len == 0 || text->ptr[0] != c)
        return false;
    *text = str_from(*text, 1);
    return true;
}

static bool take_word(struct str *text, const char *word)
{
    if (!str_starts(*text, str_of(word)))
        return false;
    *text = str_from(*text, strlen(word));
    return true;
}

static size_t take_digits(struct str *text)
{
    size_t count = 0;

    for (; text->len > 0 && text->ptr[0] >= '0' && text->ptr[0] <= '9'; count++)
        *text = str_from(*text, 1);
    return count;
}

static bool take_number(struct str *text)
{
    (void)take_char(text, '-');
    if (!take_char(text, '0') && take_digits(text) == 0)
        return false;
    if (take_char(text, '.') && take_digits(text) == 0)
        return false;
    if (take_char(text, 'e') || take_char(text, 'E')) {
        if (!take_char(text, '+'))
            (void)take_char(text, '-');
        return take_digits(text) > 0;
    }
    return true;
}

/* The value of four hexadecimal digits, or -1. */
static int32_t hex4(struct str text)
{
    int32_t value = 0;

    if (text.len < 4)
        return -1;
    for (size_t i = 0; i < 4; i++) {
        char c = text.ptr[i];

        if (c >= '0' && c <= '9')
            value = value * 16 + (c - '0');
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            value = value * 16 + ((c | 32) - 'a' + 10);
        else
            return -1;
    }
    return value;
}

static bool take_escape(struct str *text)
{
    if (take_char(text, 'u')) {
        if (hex4(*text) < 0)
            return false;
        *text = str_from(*text, 4);
        return true;
    }
    if (text->len == 0 || text->ptr[0] == '\0' || strchr("\"\\/bfnrt", text->ptr[0]) == NULL)
        return false;
    *text = str_from(*text, 1);
    return true;
}

static bool take_string(struct str *text)
{
    if (!take_char(text, '"'))
        return false;
    while (text->len > 0) {
        unsigned char c = (unsigned char)text->ptr[0];

        *text = str_from(*text, 1);
        if (c == '"')
            return true;
        if (c < 0x20 || (c == '\\' && !take_escape(text)))
            return false;
    }
    return false;
}

/* What a text that begins so must be. */
static enum json_kind kind_of(char first)
{
    switch (first) {
    case '{':
        return JSON_OBJECT;
    case '[':
        return JSON_ARRAY;
    case '"':
        return JSON_STRING;
    case 't':
        return JSON_TRUE;
    case 'f':
        return JSON_FALSE;
    case 'n':
        return JSON_NULL;
    default:
        return JSON_NUMBER;
    }
}

static bool take_scalar(struct str *text, enum json_kind kind)
{
    switch (kind) {
    case JSON_STRING:
        return take_string(text);
    case JSON_TRUE:
        return take_word(text, "true");
    case JSON_FALSE:
        return take_word(text, "false");
    case JSON_NULL:
        return take_word(text, "null");
    case JSON_NUMBER:
        return take_number(text);
    case JSON_OBJECT:
    case JSON_ARRAY:
        break;
    }
    must(false);
    return false;
}

/* -- The whole value, without recursion: `open` holds the closing bracket of each container around. */

enum expectation { EXPECT_VALUE, EXPECT_FIRST_KEY, EXPECT_KEY, EXPECT_FIRST_ELEMENT, EXPECT_MORE };

struct reading {
    struct str rest;
    char open[JSON_DEPTH_MAX];
    size_t depth;
    enum expectation expect;
};

static bool take_key(struct reading *reading)
{
    if (!take_string(&reading->rest))
        return false;
    skip_spaces(&reading->rest);
    reading->expect = EXPECT_VALUE;
    return take_char(&reading->rest, ':');
}

static bool take_value(struct reading *reading)
{
    enum json_kind kind;

    if (reading->rest.len == 0)
        return false;
    kind = kind_of(reading->rest.ptr[0]);
    reading->expect = EXPECT_MORE;
    if (kind != JSON_OBJECT && kind != JSON_ARRAY)
        return take_scalar(&reading->rest, kind);
    if (reading->depth == JSON_DEPTH_MAX)
        return false;
    reading->open[reading->depth++] = kind == JSON_OBJECT ? '}' : ']';
    reading->rest = str_from(reading->rest, 1);
    reading->expect = kind == JSON_OBJECT ? EXPECT_FIRST_KEY : EXPECT_FIRST_ELEMENT;
    return true;
}

/* The end of the innermost container, when it is next. */
static bool take_end(struct reading *reading)
{
    if (!take_char(&reading->rest, reading->open[reading->depth - 1]))
        return false;
    reading->depth--;
    reading->expect = EXPECT_MORE;
    return true;
}

static bool take_more(struct reading *reading)
{
    if (take_end(reading))
        return true;
    reading->expect = reading->open[reading->depth - 1] == '}' ? EXPECT_KEY : EXPECT_VALUE;
    return take_char(&reading->rest, ',');
}

static bool step(struct reading *reading)
{
    switch (reading->expect) {
    case EXPECT_VALUE:
        return take_value(reading);
    case EXPECT_FIRST_KEY:
        return take_end(reading) || take_key(reading);
    case EXPECT_KEY:
        return take_key(reading);
    case EXPECT_FIRST_ELEMENT:
        return take_end(reading) || take_value(reading);
    case EXPECT_MORE:
        return take_more(reading);
    }
    must(false);
    return false;
}

bool json_text_read(struct str text, struct json_value *ret_root)
{
    struct str trimmed = str_trim(text);
    struct reading reading = {.rest = trimmed, .expect = EXPECT_VALUE};

    do {
        skip_spaces(&reading.rest);
        if (!step(&reading))
            return false;
    } while (reading.depth > 0);
    if (reading.rest.len > 0)
        return false;
    *ret_root = (struct json_value){kind_of(trimmed.ptr[0]), trimmed};
    return true;
}

/* -- Walking text that was checked. */

/* Takes a value: only strings and brackets matter. */
static struct json_value take_checked(struct str *text)
{
    struct str start = *text;
    size_t depth = 0;

    do {
        char c = text->ptr[0];

        if (c == '"')
            must(take_string(text));
        else
            *text = str_from(*text, 1);
        if (c == '{' || c == '[')
            depth++;
        else if (c == '}' || c == ']')
            depth--;
    } while (depth > 0 || (kind_of(start.ptr[0]) >= JSON_NUMBER && text->len > 0 && text->ptr[0] != '\0' &&
                           strchr(",]} \t\r\n", text->ptr[0]) == NULL));
    return (struct json_value){kind_of(start.ptr[0]), str_to(start, start.len - text->len)};
}

struct json_text_walk json_text_walk(struct json_value container)
{
    must(container.kind == JSON_OBJECT || container.kind == JSON_ARRAY);
    return (struct json_text_walk){str_from(container.raw, 1)};
}

bool json_text_next(struct json_text_walk *walk, struct str *ret_key, struct json_value *ret_value)
{
    struct str key = {NULL, 0};
    struct json_value value;

    skip_spaces(&walk->rest);
    if (walk->rest.len == 0 || walk->rest.ptr[0] == '}' || walk->rest.ptr[0] == ']')
        return false;
    value = take_checked(&walk->rest);
    skip_spaces(&walk->rest);
    if (take_char(&walk->rest, ':')) {
        key = value.raw;
        skip_spaces(&walk->rest);
        value = take_checked(&walk->rest);
        skip_spaces(&walk->rest);
    }
    (void)take_char(&walk->rest, ',');
    *ret_key = key;
    *ret_value = value;
    return true;
}

/* -- Strings. */

static size_t put_utf8(char *at, uint32_t point)
{
    if (point < 0x80) {
        at[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        at[0] = (char)(0xc0 | (point >> 6));
        at[1] = (char)(0x80 | (point & 0x3f));
        return 2;
    }
    if (point < 0x10000) {
        at[0] = (char)(0xe0 | (point >> 12));
        at[1] = (char)(0x80 | ((point >> 6) & 0x3f));
        at[2] = (char)(0x80 | (point & 0x3f));
        return 3;
    }
    at[0] = (char)(0xf0 | (point >> 18));
    at[1] = (char)(0x80 | ((point >> 12) & 0x3f));
    at[2] = (char)(0x80 | ((point >> 6) & 0x3f));
    at[3] = (char)(0x80 | (point & 0x3f));
    return 4;
}

/* The code point of \uXXXX (and of its other half), behind the 'u'. */
static uint32_t take_point(struct str *text)
{
    uint32_t first = (uint32_t)hex4(*text);
    uint32_t second;

    *text = str_from(*text, 4);
    if (first < 0xd800 || first > 0xdfff)
        return first;
    if (first > 0xdbff || !str_starts(*text, STR("\\u")))
        return 0xfffd;
    second = (uint32_t)hex4(str_from(*text, 2));
    if (second < 0xdc00 || second > 0xdfff)
        return 0xfffd;
    *text = str_from(*text, 6);
    return 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
}

static uint32_t take_escaped(struct str *text)
{
    static const char from[] = "bfnrt";
    static const char to[] = "\b\f\n\r\t";
    char c = text->ptr[0];
    const char *at = strchr(from, c);

    *text = str_from(*text, 1);
    if (c == 'u')
        return take_point(text);
    return (uint32_t)(at == NULL ? c : to[at - from]);
}

/* The next character of a raw string's inside, as 1 to 4 bytes. */
static size_t take_utf8(struct str *inside, char *at)
{
    char c = inside->ptr[0];

    *inside = str_from(*inside, 1);
    if (c == '\\')
        return put_utf8(at, take_escaped(inside));
    at[0] = c;
    return 1;
}

static struct str inside_of(struct str raw)
{
    return (struct str){raw.ptr + 1, raw.len - 2};
}

bool json_text_string_escaped(struct str raw)
{
    return str_find(raw, '\\') < raw.len;
}

struct str json_text_string(struct str raw, char *room)
{
    struct str inside = inside_of(raw);
    size_t len = 0;

    if (!json_text_string_escaped(raw))
        return inside;
    while (inside.len > 0)
        len += take_utf8(&inside, room + len); /* no escape is shorter than what it stands for */
    return (struct str){room, len};
}

bool json_text_string_is(struct str raw, struct str text)
{
    struct str inside = inside_of(raw);
    char bytes[4];

    while (inside.len > 0) {
        struct str next = {bytes, take_utf8(&inside, bytes)};

        if (!str_starts(text, next))
            return false;
        text = str_from(text, next.len);
    }
    return text.len == 0;
}
