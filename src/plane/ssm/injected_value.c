#include "plane/ssm/injected_value.h"

#include "plane/secrets/version.h"
#include "plane/ssm/ssm.h"

#include <jansson.h>

/* ---- secrets ---- */

/* A string is itself; anything else the text of its JSON. */
static bool json_member(struct str text, struct str key, struct arena *arena, struct str *ret_value)
{
    json_t *document = json_loadb(text.ptr, text.len, 0, NULL);
    const json_t *member = json_object_getn(document, key.ptr, key.len);
    char *encoded =
        member == NULL || json_is_string(member) ? NULL : json_dumps(member, JSON_ENCODE_ANY | JSON_COMPACT);
    bool found = member != NULL;

    if (encoded != NULL)
        *ret_value = arena_str(arena, str_of(encoded));
    else if (found)
        *ret_value = arena_str(arena, (struct str){json_string_value(member), json_string_length(member)});
    free(encoded);
    json_decref(document);
    return found;
}

static bool open_secret(const struct transaction *tx, const struct secret_place *place, const struct value_from *from,
                        struct arena *arena, struct str *ret_text, struct fail *f)
{
    const struct version_choice choice = {from->version_id, from->version_stage};
    const struct secret_record *secret = secret_named(tx, place, from->name);
    const struct secret_version_record *version;

    if (secret == NULL)
        return fail_api(f, SECRETSMANAGER_ERROR_RESOURCE_NOT_FOUND_EXCEPTION,
                        "Secrets Manager can't find the specified secret.");
    if (secret->has_purge_at)
        return fail_api(f, SECRETSMANAGER_ERROR_INVALID_REQUEST_EXCEPTION,
                        "You can't perform this operation on the secret because it was marked for deletion.");
    if (!secret_version_choose(tx, secret, &choice, &version, f))
        return false;
    if (version->is_binary)
        return fail_api(f, SECRETSMANAGER_ERROR_INVALID_REQUEST_EXCEPTION,
                        "The secret has a binary value, which no environment variable can hold.");
    return secret_version_open(tx, version, arena, ret_text, f);
}

static bool secret_value(const struct transaction *tx, const struct injected_place *place,
                         const struct value_from *from, struct arena *arena, struct str *ret_value, struct fail *f)
{
    const struct secret_place at = {place->account, place->region};
    struct str text;

    if (!open_secret(tx, &at, from, arena, &text, f))
        return false;
    if (from->json_key.len == 0) {
        *ret_value = text;
        return true;
    }
    return json_member(text, from->json_key, arena, ret_value) ||
           fail(f, FAIL_NOT_FOUND, "retrieved secret from Secrets Manager did not contain json key %.*s",
                STR_ARG(from->json_key));
}

/* ---- parameters ---- */

static bool parameter_value(const struct transaction *tx, const struct injected_place *place,
                            const struct value_from *from, struct arena *arena, struct str *ret_value, struct fail *f)
{
    struct parameter_place at = {place->account, place->region};
    struct found_parameter found;
    struct fail why;

    if (from->region.ptr != NULL)
        at = (struct parameter_place){from->account, from->region};
    if (!parameter_resolve(tx, &at, from->name, &found, &why))
        return fail(f, FAIL_NOT_FOUND, "invalid parameters: %.*s", STR_ARG(from->name));
    return parameter_open(tx, found.version, arena, ret_value, f);
}

/* ---- both ---- */

struct injected_access injected_access(const struct transaction *tx, const struct injected_place *place,
                                       const struct value_from *from, struct arena *arena)
{
    const struct secret_place at = {place->account, place->region};
    const struct secret_record *secret;
    struct parameter_ref ref;

    if (from->kind == VALUE_FROM_SECRET) {
        secret = secret_named(tx, &at, from->name);
        return (struct injected_access){"secretsmanager:GetSecretValue",
                                        secret == NULL ? from->name : secret->secret->arn};
    }
    if (!parameter_ref_parse(from->name, &ref))
        return (struct injected_access){"ssm:GetParameters", STR("*")};
    return (struct injected_access){"ssm:GetParameters",
                                    parameter_arn(arena, ref.account.ptr == NULL ? place->account : ref.account,
                                                  ref.region.ptr == NULL ? place->region : ref.region, ref.name)};
}

bool injected_value(const struct transaction *tx, const struct injected_place *place, const struct value_from *from,
                    struct arena *arena, struct str *ret_value, struct fail *f)
{
    switch (from->kind) {
    case VALUE_FROM_SECRET:
        return secret_value(tx, place, from, arena, ret_value, f);
    case VALUE_FROM_PARAMETER:
        return parameter_value(tx, place, from, arena, ret_value, f);
    }
    return false;
}
