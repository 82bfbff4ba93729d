#include "plane/iam/jwt_private.h"

#include <jansson.h>

enum { AUDIENCES_MAX = 100 };

static json_t *part(struct str text, struct arena *arena)
{
    struct str raw;
    json_error_t error;
    json_t *value;

    if (!jwt_base64(text, arena, &raw))
        return NULL;
    value = json_loadb(raw.ptr, raw.len, JSON_REJECT_DUPLICATES, &error);
    if (json_is_object(value))
        return value;
    json_decref(value);
    return NULL;
}

static struct str text_member(const json_t *object, const char *name, struct arena *arena)
{
    const json_t *value = json_object_get(object, name);

    if (!json_is_string(value))
        return (struct str){NULL, 0};
    return arena_str(arena, (struct str){json_string_value(value), json_string_length(value)});
}

static int64_t number_member(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    if (json_is_integer(value))
        return json_integer_value(value);
    /* Some providers write fractions; what is out of range is none. */
    return json_is_real(value) && json_real_value(value) > 0 && json_real_value(value) < 1e15
               ? (int64_t)json_real_value(value)
               : 0;
}

/* "aud" is one text or a list of them (RFC 7519, section 4.1.3). */
static bool read_audiences(const json_t *claims, struct arena *arena, struct jwt *jwt)
{
    const json_t *value = json_object_get(claims, "aud");
    size_t count = json_is_array(value) ? json_array_size(value) : 1;
    struct str *items;

    if (count > AUDIENCES_MAX)
        return false;
    items = arena_array(arena, struct str, count);
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_is_array(value) ? json_array_get(value, i) : value;

        if (!json_is_string(item))
            return false;
        items[i] = arena_str(arena, (struct str){json_string_value(item), json_string_length(item)});
    }
    jwt->audiences = items;
    jwt->audience_count = count;
    return true;
}

static bool read_claims(const json_t *claims, struct arena *arena, struct jwt *jwt)
{
    jwt->issuer = text_member(claims, "iss", arena);
    jwt->subject = text_member(claims, "sub", arena);
    jwt->authorized_party = text_member(claims, "azp", arena);
    jwt->expires_s = number_member(claims, "exp");
    jwt->not_before_s = number_member(claims, "nbf");
    return jwt->issuer.ptr != NULL && jwt->subject.ptr != NULL && jwt->expires_s > 0 &&
           read_audiences(claims, arena, jwt);
}

bool jwt_read(struct str token, struct arena *arena, struct jwt *ret_jwt, struct fail *f)
{
    struct str rest;
    struct str header_text = str_cut(token, '.', &rest);
    struct str claims_text = rest.ptr == NULL ? rest : str_cut(rest, '.', &rest);
    struct jwt jwt = {0};
    json_t *header;
    json_t *claims;
    bool good;

    if (rest.ptr == NULL || !jwt_base64(rest, arena, &jwt.signature))
        return fail(f, FAIL_INPUT, "it does not have the three parts of a signed token");
    jwt.signed_part = str_to(token, header_text.len + 1 + claims_text.len);
    header = part(header_text, arena);
    claims = part(claims_text, arena);
    if (header != NULL) {
        jwt.algorithm = text_member(header, "alg", arena);
        jwt.key_id = text_member(header, "kid", arena);
    }
    good = jwt.algorithm.ptr != NULL && claims != NULL && read_claims(claims, arena, &jwt);
    json_decref(header);
    json_decref(claims);
    if (!good)
        return fail(f, FAIL_INPUT, "it lacks alg, iss, sub, aud or exp, or they are not what they should be");
    *ret_jwt = jwt;
    return true;
}
