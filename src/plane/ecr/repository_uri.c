/* Repository URIs: names and registries, to and from text. */
#include "plane/ecr/repository_uri.h"

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* The length of a separator at the start of s: ".", "_", "__" or any number of hyphens; 0 when there is none. */
static size_t separator_len(struct str s)
{
    size_t len = 0;

    if (s.len == 0)
        return 0;
    if (s.ptr[0] == '.')
        return 1;
    if (s.ptr[0] == '_')
        return s.len > 1 && s.ptr[1] == '_' ? 2 : 1;
    while (len < s.len && s.ptr[len] == '-')
        len++;
    return len;
}

static size_t word_len(struct str s)
{
    size_t len = 0;

    while (len < s.len && is_letter_or_digit(s.ptr[len]))
        len++;
    return len;
}

/* word (separator word)* */
static bool is_component(struct str s)
{
    size_t word = word_len(s);

    if (word == 0)
        return false;
    for (s = str_from(s, word); s.len > 0; s = str_from(s, word)) {
        s = str_from(s, separator_len(s));
        word = word_len(s);
        if (word == 0)
            return false;
    }
    return true;
}

static bool has_good_components(struct str name)
{
    struct str rest = name;

    while (rest.ptr != NULL) {
        struct str component = str_cut(rest, '/', &rest);

        if (!is_component(component))
            return false;
    }
    return true;
}

static bool is_account(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    return s.len == 12;
}

/* One label of letters, digits and hyphens; which regions there are is not known here. */
static bool is_region(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_letter_or_digit(s.ptr[i]) && s.ptr[i] != '-')
            return false;
    return s.len > 0 && s.len <= 32;
}

/* account ".dkr.ecr." region, and what stands behind the region (absent: nothing). */
static bool parse_registry(struct str s, struct registry_id *ret_id, struct str *ret_rest)
{
    struct registry_id id;
    struct str rest;
    struct str service;

    id.account = str_cut(s, '.', &rest);
    if (!is_account(id.account) || !str_is(str_cut(rest, '.', &rest), "dkr"))
        return false;
    service = str_cut(rest, '.', &rest);
    id.region = str_cut(rest, '.', &rest);
    if ((!str_is(service, "ecr") && !str_is(service, "ecr-fips")) || !is_region(id.region))
        return false;
    *ret_id = id;
    *ret_rest = rest;
    return true;
}

static bool is_registry_component(struct str component, struct registry_id *ret_id)
{
    struct registry_id id;
    struct str rest;

    if (!parse_registry(component, &id, &rest) || rest.ptr != NULL)
        return false;
    *ret_id = id;
    return true;
}

bool repository_name_is_valid(struct str name)
{
    struct registry_id id;
    struct str rest;

    return name.len >= REPOSITORY_NAME_LEN_MIN && name.len <= REPOSITORY_NAME_LEN_MAX && has_good_components(name) &&
           !is_registry_component(str_cut(name, '/', &rest), &id);
}

bool registry_id_from_host(struct str host, struct registry_id *ret_id)
{
    struct registry_id id;
    struct str domain;

    if (!parse_registry(host, &id, &domain) || domain.len == 0)
        return false;
    *ret_id = id;
    return true;
}

bool repository_ref_parse(struct str host, struct str path, const struct registry_id *fallback,
                          struct repository_ref *ret_ref)
{
    struct repository_ref ref = {.registry = *fallback, .name = path};
    struct registry_id id;
    struct str rest;

    if (is_registry_component(str_cut(path, '/', &rest), &id))
        ref = (struct repository_ref){id, rest};
    else if (registry_id_from_host(host, &id))
        ref.registry = id;
    if (!repository_name_is_valid(ref.name))
        return false;
    *ret_ref = ref;
    return true;
}

struct str repository_uri(const struct repository_uri_options *options, const struct repository_ref *ref,
                          struct arena *arena)
{
    const struct registry_id *id = &ref->registry;

    if (options->domain.len > 0)
        return arena_printf(arena, "%.*s.dkr.ecr.%.*s.%.*s/%.*s", STR_ARG(id->account), STR_ARG(id->region),
                            STR_ARG(options->domain), STR_ARG(ref->name));
    if (str_eq(id->account, options->fallback.account) && str_eq(id->region, options->fallback.region))
        return arena_printf(arena, "%.*s/%.*s", STR_ARG(options->endpoint), STR_ARG(ref->name));
    return arena_printf(arena, "%.*s/%.*s.dkr.ecr.%.*s/%.*s", STR_ARG(options->endpoint), STR_ARG(id->account),
                        STR_ARG(id->region), STR_ARG(ref->name));
}
