/* The WWW-Authenticate header of a registry: which way it wants to know who asks (RFC 9110, section 11.6.1; the
 * parameters of Bearer from the OCI Distribution Spec's "Token Authentication Specification"). */
#pragma once

#include "base/arena.h"

enum challenge_scheme { CHALLENGE_NONE, CHALLENGE_BASIC, CHALLENGE_BEARER };

struct challenge {
    enum challenge_scheme scheme;
    struct str realm; /* of Bearer: URL of the authorization service */
    struct str service;
    struct str scope; /* absent when the registry leaves it to us */
};

/* values: one header value a line, each with one or more challenges. Takes Bearer before Basic; NONE when there is
 * neither. Strs live in the arena. */
struct challenge challenge_parse(struct arena *arena, struct str values);
