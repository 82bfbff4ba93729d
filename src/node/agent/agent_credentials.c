#include "node/agent/agent_credentials.h"

#include "base/when.h"

#include <jansson.h>

#define AHEAD_MS (5 * MINUTE_MS)

static bool from_environment(struct agent_credentials *credentials)
{
    const char *key = getenv("AWS_ACCESS_KEY_ID");
    const char *secret = getenv("AWS_SECRET_ACCESS_KEY");
    const char *token = getenv("AWS_SESSION_TOKEN");

    if (key == NULL || secret == NULL)
        return false;
    (void)snprintf(credentials->access_key, sizeof(credentials->access_key), "%s", key);
    (void)snprintf(credentials->secret, sizeof(credentials->secret), "%s", secret);
    (void)snprintf(credentials->token, sizeof(credentials->token), "%s", token == NULL ? "" : token);
    credentials->expires_ms = 0;
    return true;
}

static bool take(struct agent_credentials *credentials, struct str text, struct fail *f)
{
    json_error_t error;
    json_t *json = json_loadb(text.ptr, text.len, 0, &error);
    const char *key = json_string_value(json_object_get(json, "AccessKeyId"));
    const char *secret = json_string_value(json_object_get(json, "SecretAccessKey"));
    const char *token = json_string_value(json_object_get(json, "Token"));
    const char *expiration = json_string_value(json_object_get(json, "Expiration"));
    int64_t expires_ms = 0;
    bool good = key != NULL && secret != NULL && token != NULL && expiration != NULL &&
                strlen(token) < sizeof(credentials->token) && when_from_iso8601(str_of(expiration), &expires_ms);

    if (good) {
        (void)snprintf(credentials->access_key, sizeof(credentials->access_key), "%s", key);
        (void)snprintf(credentials->secret, sizeof(credentials->secret), "%s", secret);
        (void)snprintf(credentials->token, sizeof(credentials->token), "%s", token);
        credentials->expires_ms = expires_ms;
    }
    json_decref(json);
    return good || fail(f, FAIL_INPUT, "the credentials of the instance's role cannot be read");
}

bool agent_credentials_get(struct agent_credentials *credentials, struct instance_client *instance, int64_t now_ms,
                           struct fail *f)
{
    struct str name = {NULL, 0};
    struct str text = {NULL, 0};
    struct arena arena;
    bool good;

    if (credentials->access_key[0] != '\0' &&
        (credentials->expires_ms == 0 || now_ms < credentials->expires_ms - AHEAD_MS))
        return true;
    if (from_environment(credentials))
        return true;
    if (instance == NULL)
        return fail(f, FAIL_NOT_FOUND, "there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
    arena_init(&arena, (size_t)1 << 20);
    good = instance_client_get(instance, "meta-data/iam/security-credentials/", &arena, &name, f) &&
           instance_client_get(instance,
                               arena_printf(&arena, "meta-data/iam/security-credentials/%.*s", STR_ARG(name)).ptr,
                               &arena, &text, f) &&
           take(credentials, text, f);
    arena_free(&arena);
    return good;
}
