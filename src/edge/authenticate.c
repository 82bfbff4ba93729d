#include "edge/authenticate.h"

static bool is_account_id(struct str text)
{
    if (text.len != 12)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    return true;
}

static struct caller open_caller(const struct authenticator *authenticator, const struct sigv4_claim *claim,
                                 struct arena *arena)
{
    struct str account = authenticator->settings->default_account;
    struct caller caller = {.region = authenticator->settings->default_region};
    struct key_found found;

    if (claim != NULL) {
        caller.signing_name = claim->service;
        caller.region = claim->region;
        if (keys_find(authenticator->keys, claim->access_key, arena, &found) && found.works) {
            caller.principal = found.principal;
            return caller;
        }
        if (is_account_id(claim->access_key))
            account = claim->access_key;
    }
    caller.principal = (struct principal){
        .kind = PRINCIPAL_ROOT,
        .account = account,
        .access_key = claim == NULL ? STR("") : claim->access_key,
        .arn = arena_printf(arena, "arn:aws:iam::%.*s:root", STR_ARG(account)),
        .user_id = account,
    };
    return caller;
}

bool authenticate(const struct authenticator *authenticator, const struct wire_request *request,
                  const struct sigv4_claim *claim, struct arena *arena, struct caller *ret_caller, struct fail *f)
{
    struct key_found found;
    struct sigv4_key key;
    bool known;
    bool kept;

    if (authenticator->settings->auth_open) {
        *ret_caller = open_caller(authenticator, claim, arena);
        return true;
    }
    if (claim == NULL)
        return fail_api(f, "MissingAuthenticationToken", "Missing Authentication Token");
    /* Only who has a key's secret learns whether there is such a key: the work and the answer are those of a wrong
     * signature when there is none. */
    known = keys_find(authenticator->keys, claim->access_key, arena, &found);
    kept = known && keys_signing_key(authenticator->keys, claim, found.secret, &key);
    if (!known)
        sigv4_derive_key(claim, keys_decoy(authenticator->keys), &key);
    if (!sigv4_verify(claim, request, &key, clock_now_ms(&authenticator->wall_clock), arena, f)) {
        if (kept)
            sigv4_derive_key(claim, found.secret, &key); /* for the time that it takes */
        return false;
    }
    if (!known || !found.works || !secret_eq(claim->security_token, found.session_token))
        return fail_api(f, "InvalidClientTokenId", "The security token included in the request is invalid.");
    if (clock_now_ms(&authenticator->clock) >= found.expires_ms)
        return fail_api(f, "ExpiredToken", "The security token included in the request is expired");
    *ret_caller =
        (struct caller){.principal = found.principal, .region = claim->region, .signing_name = claim->service};
    return true;
}

struct caller authenticate_nobody(const struct authenticator *authenticator)
{
    return (struct caller){.principal = {.kind = PRINCIPAL_ANONYMOUS,
                                         .account = authenticator->settings->default_account,
                                         .access_key = STR(""),
                                         .arn = STR(""),
                                         .user_id = STR("")},
                           .region = authenticator->settings->default_region};
}

bool authenticate_bearer(const struct wire_request *request, struct str token)
{
    static const struct str scheme = STR_INIT("Bearer ");
    struct str sent = wire_header(request, "authorization");

    return str_starts(sent, scheme) && secret_eq(str_from(sent, scheme.len), token);
}
