#include "node/image/challenge.h"

#include "base/buf.h"

static bool is_token(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static void skip_any(struct str *s, const char *set)
{
    while (s->len > 0 && s->ptr[0] != '\0' && strchr(set, s->ptr[0]) != NULL)
        *s = str_from(*s, 1);
}

static struct str take_token(struct str *s)
{
    size_t len = 0;
    struct str token;

    while (len < s->len && is_token(s->ptr[len]))
        len++;
    token = str_to(*s, len);
    *s = str_from(*s, len);
    return token;
}

/* A quoted string without its quotes and backslashes, or a token. */
static struct str take_value(struct arena *arena, struct str *s)
{
    auto_buf value = {0};

    if (s->len == 0 || s->ptr[0] != '"')
        return arena_str(arena, take_token(s));
    *s = str_from(*s, 1);
    while (s->len > 0 && s->ptr[0] != '"') {
        if (s->ptr[0] == '\\' && s->len > 1)
            *s = str_from(*s, 1);
        buf_add_char(&value, s->ptr[0]);
        *s = str_from(*s, 1);
    }
    *s = str_from(*s, s->len > 0 ? 1 : 0);
    return arena_str(arena, buf_str(&value));
}

static enum challenge_scheme scheme_of(struct str name)
{
    if (str_eq_nocase(name, STR("bearer")))
        return CHALLENGE_BEARER;
    return str_eq_nocase(name, STR("basic")) ? CHALLENGE_BASIC : CHALLENGE_NONE;
}

static void set_parameter(struct challenge *challenge, struct str name, struct str value)
{
    if (str_eq_nocase(name, STR("realm")))
        challenge->realm = value;
    else if (str_eq_nocase(name, STR("service")))
        challenge->service = value;
    else if (str_eq_nocase(name, STR("scope")))
        challenge->scope = value;
}

/* Bearer without a realm tells nobody where to go. */
static void keep_better(struct challenge *best, const struct challenge *candidate)
{
    if (candidate->scheme > best->scheme && (candidate->scheme != CHALLENGE_BEARER || candidate->realm.len > 0))
        *best = *candidate;
}

static void parse_line(struct arena *arena, struct str line, struct challenge *best)
{
    struct challenge current = {0};

    for (;;) {
        struct str token;

        skip_any(&line, " \t\r,");
        token = take_token(&line);
        if (token.len == 0)
            break;
        skip_any(&line, " \t");
        if (line.len > 0 && line.ptr[0] == '=') { /* a parameter of the current challenge */
            line = str_from(line, 1);
            skip_any(&line, " \t");
            set_parameter(&current, token, take_value(arena, &line));
            continue;
        }
        keep_better(best, &current);
        current = (struct challenge){.scheme = scheme_of(token)};
    }
    keep_better(best, &current);
}

struct challenge challenge_parse(struct arena *arena, struct str values)
{
    struct challenge best = {0};
    struct str rest = values;

    while (rest.ptr != NULL)
        parse_line(arena, str_cut(rest, '\n', &rest), &best);
    return best;
}
