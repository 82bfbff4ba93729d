#include "plane/secrets/password.h"

enum { KINDS = 5 };

/* The characters of each kind that are left after ExcludeCharacters. */
struct alphabet {
    struct str kinds[KINDS]; /* the empty ones left out */
    size_t kind_count;
    struct str all;
};

static struct alphabet alphabet_of(const struct secretsmanager_get_random_password_request *in, struct arena *arena)
{
    const struct {
        const char *characters;
        bool included;
    } rows[KINDS] = {
        {"abcdefghijklmnopqrstuvwxyz", !in->exclude_lowercase},
        {"ABCDEFGHIJKLMNOPQRSTUVWXYZ", !in->exclude_uppercase},
        {"0123456789", !in->exclude_numbers},
        {"!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", !in->exclude_punctuation},
        {" ", in->include_space},
    };
    char *all = arena_alloc(arena, 128);
    struct alphabet alphabet = {.all = {all, 0}};

    for (size_t i = 0; i < KINDS; i++) {
        struct str kind = {all + alphabet.all.len, 0};

        for (const char *at = rows[i].characters; rows[i].included && *at != '\0'; at++)
            if (str_find(in->exclude_characters, *at) == in->exclude_characters.len)
                all[alphabet.all.len + kind.len++] = *at;
        alphabet.all.len += kind.len;
        if (kind.len > 0)
            alphabet.kinds[alphabet.kind_count++] = kind;
    }
    return alphabet;
}

/* Evenly in [0, bound): bytes past the last whole multiple are thrown away. */
static size_t below(const struct password_source *source, size_t bound)
{
    uint32_t limit = UINT32_MAX - UINT32_MAX % (uint32_t)bound;
    uint32_t word;

    do
        source->fill(source->context, &word, sizeof(word));
    while (word >= limit);
    return word % bound;
}

/* One of each kind first, the rest from all, then shuffled (Fisher and Yates): so no place betrays a kind. */
static void fill(const struct alphabet *alphabet, const struct password_source *source, size_t required, char *text,
                 size_t len)
{
    for (size_t i = 0; i < len; i++) {
        struct str from = i < required ? alphabet->kinds[i] : alphabet->all;

        text[i] = from.ptr[below(source, from.len)];
    }
    for (size_t i = len; required > 0 && i > 1; i--) {
        size_t other = below(source, i);
        char kept = text[i - 1];

        text[i - 1] = text[other];
        text[other] = kept;
    }
}

bool password_make(const struct secretsmanager_get_random_password_request *in, const struct password_source *source,
                   struct arena *arena, struct str *ret_password, struct fail *f)
{
    size_t len = in->has_password_length ? (size_t)in->password_length : PASSWORD_LEN_DEFAULT;
    bool one_of_each = !in->has_require_each_included_type || in->require_each_included_type;
    struct alphabet alphabet = alphabet_of(in, arena);
    char *text;

    if (alphabet.all.len == 0)
        return fail_api(f, SECRETSMANAGER_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "The password can't be generated: every character is excluded.");
    if (one_of_each && alphabet.kind_count > len)
        return fail_api(f, SECRETSMANAGER_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "Password length %zu is too short: it must be at least %zu to have a character of each "
                        "included type.",
                        len, alphabet.kind_count);
    text = arena_alloc(arena, len + 1);
    fill(&alphabet, source, one_of_each ? alphabet.kind_count : 0, text, len);
    *ret_password = (struct str){text, len};
    return true;
}
