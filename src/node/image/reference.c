#include "node/image/reference.h"

#include "node/image/digest.h"
#include "node/image/problem.h"

enum { NAME_LEN_MAX = 255, TAG_LEN_MAX = 128, PORT_LEN_MAX = 5 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_alphanumeric(char c)
{
    return is_digit(c) || is_lower(c) || is_upper(c);
}

/* Length of the separator at the start of s: one '.', one or two '_', any number of '-'; 0 when there is none. */
static size_t separator_len(struct str s)
{
    size_t len = 0;

    if (s.ptr[0] == '.')
        return 1;
    if (s.ptr[0] == '_')
        return s.len > 1 && s.ptr[1] == '_' ? 2 : 1;
    while (len < s.len && s.ptr[len] == '-')
        len++;
    return len;
}

/* Lower-case letters and digits, joined by separators. */
static bool component_valid(struct str component)
{
    size_t at = 0;

    while (at < component.len) {
        size_t word = at;

        while (at < component.len && (is_lower(component.ptr[at]) || is_digit(component.ptr[at])))
            at++;
        if (at == word)
            return false;
        if (at == component.len)
            return true;
        at += separator_len(str_from(component, at));
        if (at == component.len)
            return false;
    }
    return false;
}

static bool repository_valid(struct str repository)
{
    struct str rest = repository;

    while (rest.ptr != NULL)
        if (!component_valid(str_cut(rest, '/', &rest)))
            return false;
    return true;
}

static bool tag_valid(struct str tag)
{
    if (tag.len == 0 || tag.len > TAG_LEN_MAX || tag.ptr[0] == '.' || tag.ptr[0] == '-')
        return false;
    for (size_t i = 0; i < tag.len; i++)
        if (!is_alphanumeric(tag.ptr[i]) && memchr("_.-", tag.ptr[i], 3) == NULL)
            return false;
    return true;
}

static bool port_valid(struct str port)
{
    uint64_t value;

    return port.len <= PORT_LEN_MAX && str_to_uint64(port, &value) && value <= UINT16_MAX;
}

static bool ipv6_valid(struct str address)
{
    for (size_t i = 0; i < address.len; i++)
        if (!is_digit(address.ptr[i]) && memchr("abcdefABCDEF:", address.ptr[i], 13) == NULL)
            return false;
    return address.len > 0;
}

static bool label_valid(struct str label)
{
    if (label.len == 0 || label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')
        return false;
    for (size_t i = 0; i < label.len; i++)
        if (!is_alphanumeric(label.ptr[i]) && label.ptr[i] != '-')
            return false;
    return true;
}

static bool registry_valid(struct str registry)
{
    struct str port;
    struct str rest;

    if (registry.len > 0 && registry.ptr[0] == '[') {
        struct str address = str_cut(str_from(registry, 1), ']', &rest);

        if (rest.ptr == NULL || !ipv6_valid(address))
            return false;
        return rest.len == 0 || (rest.ptr[0] == ':' && port_valid(str_from(rest, 1)));
    }
    rest = str_cut(registry, ':', &port);
    if (port.ptr != NULL && !port_valid(port))
        return false;
    while (rest.ptr != NULL)
        if (!label_valid(str_cut(rest, '.', &rest)))
            return false;
    return true;
}

/* Is the part before the first slash a registry, or already the repository? */
static bool names_registry(struct str first)
{
    if (str_is(first, "localhost"))
        return true;
    for (size_t i = 0; i < first.len; i++)
        if (first.ptr[i] == '.' || first.ptr[i] == ':' || is_upper(first.ptr[i]))
            return true;
    return false;
}

static void split_registry(struct arena *arena, struct str name, struct image_reference *reference)
{
    struct str rest;
    struct str first = str_cut(name, '/', &rest);

    if (rest.ptr != NULL && names_registry(first)) {
        reference->registry = first;
        reference->repository = rest;
    } else {
        reference->registry = STR("docker.io");
        reference->repository = name;
    }
    if (str_is(reference->registry, "index.docker.io"))
        reference->registry = STR("docker.io");
    if (str_is(reference->registry, "docker.io") && str_find(reference->repository, '/') == reference->repository.len)
        reference->repository = arena_printf(arena, "library/%.*s", STR_ARG(reference->repository));
}

static bool is_bare_digest(struct str text)
{
    if (text.len != 64)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (memchr("0123456789abcdef", text.ptr[i], 16) == NULL)
            return false;
    return true;
}

static bool check(const struct image_reference *reference, struct str text, struct fail *f)
{
    for (size_t i = 0; i < reference->repository.len; i++)
        if (is_upper(reference->repository.ptr[i]))
            return image_fail(f, IMAGE_MALFORMED, "invalid reference format: repository name (%.*s) must be lowercase",
                              STR_ARG(reference->repository));
    if (reference->registry.len + 1 + reference->repository.len > NAME_LEN_MAX)
        return image_fail(f, IMAGE_MALFORMED, "repository name must not be more than %d characters", NAME_LEN_MAX);
    if (!registry_valid(reference->registry) || !repository_valid(reference->repository))
        return image_fail(f, IMAGE_MALFORMED, "invalid reference format: %.*s", STR_ARG(text));
    if (reference->tag.ptr != NULL && !tag_valid(reference->tag))
        return image_fail(f, IMAGE_MALFORMED, "invalid reference format: %.*s", STR_ARG(text));
    if (reference->digest.ptr != NULL && !digest_valid(reference->digest))
        return image_fail(f, IMAGE_MALFORMED, "invalid reference format: digest %.*s is not sha256 and 64 digits",
                          STR_ARG(reference->digest));
    return true;
}

/* Takes "@digest" and ":tag" off the end of text and returns the name before them. */
static struct str split_object(struct str text, struct image_reference *reference)
{
    struct str name = str_cut(text, '@', &reference->digest);
    size_t slash = str_find_last(name, '/');
    size_t colon = str_find_last(name, ':');

    reference->tag = (struct str){NULL, 0};
    if (colon == name.len || (slash != name.len && colon < slash))
        return name;
    reference->tag = str_from(name, colon + 1);
    return str_to(name, colon);
}

static struct str whole_text(struct arena *arena, const struct image_reference *reference)
{
    return arena_printf(arena, "%.*s/%.*s%s%.*s%s%.*s", STR_ARG(reference->registry), STR_ARG(reference->repository),
                        reference->tag.ptr == NULL ? "" : ":", STR_ARG(reference->tag),
                        reference->digest.ptr == NULL ? "" : "@", STR_ARG(reference->digest));
}

bool image_reference_parse(struct arena *arena, struct str text, struct image_reference *ret_reference, struct fail *f)
{
    struct image_reference reference;
    struct str name;

    if (text.len == 0 || text.len > NAME_LEN_MAX + TAG_LEN_MAX + DIGEST_SIZE + 1)
        return image_fail(f, IMAGE_MALFORMED, "invalid reference format: %zu characters", text.len);
    if (is_bare_digest(text))
        return image_fail(f, IMAGE_MALFORMED,
                          "invalid repository name (%.*s), cannot specify 64-byte hexadecimal strings", STR_ARG(text));
    name = split_object(arena_str(arena, text), &reference);
    split_registry(arena, name, &reference);
    if (!check(&reference, text, f))
        return false;
    if (reference.tag.ptr == NULL && reference.digest.ptr == NULL)
        reference.tag = STR("latest");
    reference.text = whole_text(arena, &reference);
    *ret_reference = reference;
    return true;
}

struct str image_reference_object(const struct image_reference *reference)
{
    return reference->digest.ptr != NULL ? reference->digest : reference->tag;
}
