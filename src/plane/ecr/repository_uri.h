/* Repository URIs: how the registries of several accounts and regions share one address, and which repository a
 * request to that address is about. The scheme and its reasons: docs/decisions/0020-repository-uri.md.
 *
 *     127.0.0.1:4566/app                                        the default account and region
 *     127.0.0.1:4566/111122223333.dkr.ecr.eu-west-1/app         any other
 *     111122223333.dkr.ecr.eu-west-1.example.org:4566/app       the same, where names below a domain lead here
 *
 * Pure functions; they know nothing of which repositories exist. */
#pragma once

#include "base/arena.h"
#include "base/str.h"

/* Which registry: what ECR calls the registry id is the account. */
struct registry_id {
    struct str account; /* 12 digits */
    struct str region;
};

struct repository_ref {
    struct registry_id registry;
    struct str name;
};

enum { REPOSITORY_NAME_LEN_MIN = 2, REPOSITORY_NAME_LEN_MAX = 256 };

/* ECR API reference, CreateRepository: lower-case components separated by "/", each of letters and digits joined by
 * ".", "_", "__" or hyphens. Such a name holds no "..", no empty component and no leading slash. A name whose first
 * component is a registry ("111122223333.dkr.ecr.eu-west-1") could not be told from one there and is refused. */
bool repository_name_is_valid(struct str name);

/* "111122223333.dkr.ecr.eu-west-1.example.org:4566", as in a Host header or in front of an image's name, also with
 * "ecr-fips": false when the host says nothing of a registry. */
checked bool registry_id_from_host(struct str host, struct registry_id *ret_id);

/* The repository that `path`, the <name> of a /v2/<name>/... request, means at `host` (absent: unknown); fallback is
 * the default registry. False when its name is not valid. */
checked bool repository_ref_parse(struct str host, struct str path, const struct registry_id *fallback,
                                  struct repository_ref *ret_ref);

struct repository_uri_options {
    struct str endpoint;         /* "127.0.0.1:4566": what clients reach us by */
    struct registry_id fallback; /* the default registry */
    struct str domain;           /* "example.org:4566" when names below it lead here; absent otherwise */
};

/* The repositoryUri that the API shows. */
struct str repository_uri(const struct repository_uri_options *options, const struct repository_ref *ref,
                          struct arena *arena);
