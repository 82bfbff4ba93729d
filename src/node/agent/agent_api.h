/* The agent's calls of the control API: AWS JSON 1.1, signed (protocol notes: the amazon-ecs-agent's own client). */
#pragma once

#include "node/agent/agent_config.h"
#include "node/agent/agent_credentials.h"
#include "wire/protocol.h"

#include <jansson.h>

enum agent_service { AGENT_ECS, AGENT_ECR, AGENT_SECRETS_MANAGER, AGENT_SSM };

struct agent_api {
    const struct agent_config *config;
    enum agent_service service;
    struct str region;
    struct instance_client *instance; /* NULL: external */
    struct agent_credentials credentials;
    bool is_acting; /* they are somebody else's, given for good */
    struct http_client *http;
};

checked bool agent_api_open(struct agent_api *api, const struct agent_config *config, struct fail *f);
void agent_api_close(struct agent_api *api);
/* Calls another service from now on, as somebody else; credentials NULL: as the instance. */
struct host_credentials;
void agent_api_act(struct agent_api *api, enum agent_service service, const struct host_credentials *credentials);

/* Whose calls these are, now: it points into the api. */
checked bool agent_api_identity(struct agent_api *api, struct host_credentials *ret_credentials, struct fail *f);

/* Takes the reference of `input`. FAIL_API: the server refused, f->message begins with the error's name; FAIL_SYSTEM
 * and FAIL_LIMIT: it was not reached. */
checked bool agent_call(struct agent_api *api, const char *operation, json_t *input, json_t **ret_output,
                        struct fail *f);
/* Whether a failure is an error of that name. */
bool agent_call_is(const struct fail *f, const char *name);

/* The signed headers of a GET at the URL with that body, in the arena: Host first, Authorization last. */
checked bool agent_sign_get(struct agent_api *api, struct str url, struct str body, struct arena *arena,
                            struct http_header **ret_headers, size_t *ret_count, struct fail *f);
