/* Who is calling: from the signature of a request to a principal. Server threads. */
#pragma once

#include "edge/keys.h"
#include "os/clock.h"
#include "wire/sigv4.h"

struct authenticator {
    struct keys *keys;
    const struct settings *settings;
    struct clock clock;      /* the installation's time, which sessions end by; --clock-rate lets it run */
    struct clock wall_clock; /* the time that clients sign by */
};

struct caller {
    struct principal principal;
    struct str region;
    struct str signing_name; /* of the credential scope; absent when unsigned */
};

/* Verifies the request's signature against the stored keys, for a service that is known (errors have its codes) or
 * NULL. With settings->auth_open nothing is verified: an access key of twelve digits names the account, any other key
 * (or none) the default account; keys of Berth's own sessions keep their meaning. */
checked bool authenticate(const struct authenticator *authenticator, const struct wire_request *request,
                          const struct sigv4_claim *claim, struct arena *arena, struct caller *ret_caller,
                          struct fail *f);

/* Who calls an operation that needs no signature without one. */
struct caller authenticate_nobody(const struct authenticator *authenticator);

/* Whether the request's Authorization is "Bearer" and that token, for those doors that know no identities. */
bool authenticate_bearer(const struct wire_request *request, struct str token);
