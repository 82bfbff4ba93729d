/* Patterns of policies: wildcards and variables (IAM user guide, "IAM JSON policy elements: Resource", "IAM policy
 * elements: Variables and tags").
 *
 * Nothing is expanded: a cursor walks over the pattern and, inside a variable, over its value, so that matching needs
 * no memory but the values' slices. After a mismatch it goes on behind the last star, one byte of text further, never
 * back to an earlier star. */
#include "base/must.h"
#include "plane/iam/policy_private.h"

/* One that has variables. */
struct pattern {
    struct str text;
    unsigned flags;
    struct str values[POLICY_VARIABLES_MAX]; /* of its variables, in their order */
};

struct cursor {
    size_t at;       /* in the text */
    size_t variable; /* which comes next */
    size_t in;       /* in that variable's value, when `at` stands on one */
};

enum piece_kind { PIECE_END, PIECE_BYTE, PIECE_ONE, PIECE_MANY };

struct piece {
    enum piece_kind kind;
    char byte;
};

/* The length of the "${...}" that starts at `at`; 0 when none does. */
static size_t variable_len(struct str text, size_t at)
{
    size_t end;

    if (text.ptr[at] != '$' || at + 1 >= text.len || text.ptr[at + 1] != '{')
        return 0;
    end = str_find(str_from(text, at), '}');
    return at + end < text.len ? end + 1 : 0;
}

/* "${*}", "${?}" and "${$}" stand for the character itself. */
static bool is_escape(struct str name)
{
    return name.len == 1 && (name.ptr[0] == '*' || name.ptr[0] == '?' || name.ptr[0] == '$');
}

/* Between the braces of the variable at `at`, which is `len` long. */
static struct str variable_name(struct str text, size_t at, size_t len)
{
    return (struct str){text.ptr + at + 2, len - 3};
}

size_t policy_variable_count(struct str pattern)
{
    size_t count = 0;

    for (size_t at = 0; at < pattern.len;) {
        size_t len = variable_len(pattern, at);

        count += len > 0;
        at += len > 0 ? len : 1;
    }
    return count;
}

/* ---- what variables stand for ---- */

/* "key, 'default'": cuts the default off. */
static bool cut_default(struct str *name, struct str *ret_default)
{
    struct str rest;
    struct str key = str_cut(*name, ',', &rest);

    if (rest.ptr == NULL)
        return false;
    rest = str_trim(rest);
    if (rest.len < 2 || rest.ptr[0] != '\'' || rest.ptr[rest.len - 1] != '\'')
        return false;
    *name = str_trim(key);
    *ret_default = (struct str){rest.ptr + 1, rest.len - 2};
    return true;
}

static bool resolve(struct str name, const struct policy_scope *scope, struct str *ret_value)
{
    struct policy_values values = {0};
    struct str otherwise;
    bool has_default;

    if (is_escape(name)) {
        *ret_value = name;
        return true;
    }
    has_default = cut_default(&name, &otherwise);
    if (scope->key != NULL && scope->key(scope->context, name, &values) && values.count == 1) {
        *ret_value = values.items[0];
        return true;
    }
    if (has_default)
        *ret_value = otherwise;
    return has_default;
}

/* false: a variable has no value. */
static bool pattern_make(struct str text, const struct policy_scope *scope, unsigned flags, struct pattern *ret_pattern)
{
    size_t count = 0;

    *ret_pattern = (struct pattern){.text = text, .flags = flags};
    for (size_t at = 0; at < text.len;) {
        size_t len = variable_len(text, at);

        if (len > 0 && (count == POLICY_VARIABLES_MAX ||
                        !resolve(variable_name(text, at, len), scope, &ret_pattern->values[count++])))
            return false;
        at += len > 0 ? len : 1;
    }
    return true;
}

/* ---- matching ---- */

/* The piece at the cursor, which moves behind it. */
static struct piece next_piece(const struct pattern *pattern, struct cursor *cursor)
{
    while (cursor->at < pattern->text.len) {
        char c = pattern->text.ptr[cursor->at];
        size_t len = variable_len(pattern->text, cursor->at);

        if (len == 0) {
            cursor->at++;
            if ((pattern->flags & POLICY_MATCH_WILD) != 0 && (c == '*' || c == '?'))
                return (struct piece){c == '*' ? PIECE_MANY : PIECE_ONE, c};
            return (struct piece){PIECE_BYTE, c};
        }
        if (cursor->in < pattern->values[cursor->variable].len)
            return (struct piece){PIECE_BYTE, pattern->values[cursor->variable].ptr[cursor->in++]};
        *cursor = (struct cursor){cursor->at + len, cursor->variable + 1, 0};
    }
    return (struct piece){PIECE_END, 0};
}

static char lower(char c)
{
    if (c < 'A' || c > 'Z')
        return c;
    return (char)(c + 'a' - 'A');
}

static bool is_byte(const struct pattern *pattern, struct piece piece, char c)
{
    if (piece.kind == PIECE_ONE)
        return true;
    if (piece.kind != PIECE_BYTE)
        return false;
    return piece.byte == c || ((pattern->flags & POLICY_MATCH_NOCASE) != 0 && lower(piece.byte) == lower(c));
}

static bool only_stars(const struct pattern *pattern, struct cursor cursor)
{
    struct piece piece;

    do {
        piece = next_piece(pattern, &cursor);
    } while (piece.kind == PIECE_MANY);
    return piece.kind == PIECE_END;
}

static bool matches_with_variables(const struct pattern *pattern, struct str text)
{
    struct cursor cursor = {0};
    struct cursor star = {0};
    size_t star_text = 0;
    bool starred = false;

    for (size_t t = 0; t < text.len;) {
        struct cursor next = cursor;
        struct piece piece = next_piece(pattern, &next);

        if (piece.kind == PIECE_MANY) {
            starred = true;
            star = next;
            star_text = t;
            cursor = next;
        } else if (is_byte(pattern, piece, text.ptr[t])) {
            cursor = next;
            t++;
        } else if (starred) {
            cursor = star;
            t = ++star_text;
        } else {
            return false;
        }
    }
    return only_stars(pattern, cursor);
}

static bool is_char(char pattern, char c, unsigned flags)
{
    if (pattern == c || ((flags & POLICY_MATCH_WILD) != 0 && pattern == '?'))
        return true;
    return (flags & POLICY_MATCH_NOCASE) != 0 && lower(pattern) == lower(c);
}

/* The same without variables, which most patterns do not have: decisions spend their time here. */
static bool matches_plain(struct str pattern, struct str text, unsigned flags)
{
    bool wild = (flags & POLICY_MATCH_WILD) != 0;
    size_t p = 0;
    size_t star = pattern.len; /* none yet */
    size_t star_text = 0;

    for (size_t t = 0; t < text.len;) {
        if (p < pattern.len && wild && pattern.ptr[p] == '*') {
            star = p++;
            star_text = t;
        } else if (p < pattern.len && is_char(pattern.ptr[p], text.ptr[t], flags)) {
            p++;
            t++;
        } else if (star < pattern.len) {
            p = star + 1;
            t = ++star_text;
        } else {
            return false;
        }
    }
    while (p < pattern.len && wild && pattern.ptr[p] == '*')
        p++;
    return p == pattern.len;
}

static bool is_star(struct str pattern)
{
    return pattern.len == 1 && pattern.ptr[0] == '*';
}

static bool has_variables(struct str pattern, const struct policy_scope *scope)
{
    return scope->variables && pattern.len > 0 && memchr(pattern.ptr, '$', pattern.len) != NULL;
}

enum policy_match policy_match_text(struct str pattern, struct str text, const struct policy_scope *scope,
                                    unsigned flags)
{
    struct pattern made;

    if ((flags & POLICY_MATCH_WILD) != 0 && is_star(pattern))
        return POLICY_MATCH_YES;
    if (!has_variables(pattern, scope))
        return matches_plain(pattern, text, flags) ? POLICY_MATCH_YES : POLICY_MATCH_NO;
    if (!pattern_make(pattern, scope, flags, &made))
        return POLICY_MATCH_UNKNOWN;
    return matches_with_variables(&made, text) ? POLICY_MATCH_YES : POLICY_MATCH_NO;
}

/* ---- ARNs ---- */

enum { ARN_PARTS = 6 };

/* The next part of a pattern: up to a colon that does not stand in a variable (whose name has one). */
static struct str cut_pattern_part(struct str *rest, bool variables)
{
    struct str all = *rest;

    for (size_t at = 0; at < all.len;) {
        size_t len = variables ? variable_len(all, at) : 0;

        if (all.ptr[at] == ':') {
            *rest = str_from(all, at + 1);
            return str_to(all, at);
        }
        at += len > 0 ? len : 1;
    }
    *rest = (struct str){NULL, 0};
    return all;
}

enum policy_match policy_match_arn(struct str pattern, struct str arn, const struct policy_scope *scope)
{
    if (is_star(pattern))
        return POLICY_MATCH_YES;
    for (int i = 0; i < ARN_PARTS; i++) {
        bool last = i == ARN_PARTS - 1;
        struct str want = last ? pattern : cut_pattern_part(&pattern, scope->variables);
        struct str part = last ? arn : str_cut(arn, ':', &arn);
        enum policy_match match;

        if (!last && (pattern.ptr == NULL || arn.ptr == NULL))
            return POLICY_MATCH_NO;
        match = policy_match_text(want, part, scope, POLICY_MATCH_WILD);
        if (match != POLICY_MATCH_YES)
            return match;
    }
    return POLICY_MATCH_YES;
}
