/* What tasks reach at link-local addresses, in every VPC that has tasks here. The AWS APIs themselves, at API_URL; and
 * the task metadata endpoint, versions 3 and 4, at 169.254.170.2 ("Amazon ECS task metadata endpoint version 4 for
 * tasks on Fargate"):
 *
 *   /v4/ID          the container          /v4/ID/task        its task with all containers
 *   /v4/ID/stats    its Docker statistics  /v4/ID/task/stats  those of all containers, by id
 *
 * and the credentials of the task's role ("Task IAM role") at /v2/credentials/ID.
 *
 * ID is the container's runtime id, or of the credentials, which its environment names. Who asks is told by the network
 * interface that the request came from, so that a task reads nothing but itself, whatever path it knows. */
#pragma once

#include "model/host.h"
#include "node/host/task.h"

/* What AWS_ENDPOINT_URL says in containers: carried on to the server, wherever that is. */
#define API_URL          "http://" API_ADDRESS
#define API_ADDRESS      "169.254.170.10"
#define CREDENTIALS_PATH "/v2/credentials/"

struct host;
struct metadata;

struct metadata *metadata_new(struct host *host);
/* Serves in these VPCs, and in no other. What cannot be served is logged and tried again with the next assignment. Link
 * thread. */
void metadata_serve(struct metadata *metadata, const struct host_networks *networks);
/* Ends the serving. NULL is fine. */
void metadata_free(struct metadata *metadata);

/* What a container's environment names, in the arena: version "v3" or "v4". */
struct str metadata_uri(struct arena *arena, const char *version, struct str runtime_id);
