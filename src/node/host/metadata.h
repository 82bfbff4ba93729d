/* What tasks reach at link-local addresses, in every VPC that has tasks here: the AWS APIs themselves, at API_URL; the
 * task metadata endpoint (node/task/metadata_answer.h); and the instance metadata service, for instances. */
#pragma once

#include "model/host.h"

/* What AWS_ENDPOINT_URL says in containers: carried on to the server, wherever that is. */
#define API_URL     "http://" API_ADDRESS
#define API_ADDRESS "169.254.170.10"

struct host;
struct metadata;

struct metadata *metadata_new(struct host *host);
/* Serves in these VPCs, and in no other. What cannot be served is logged and tried again with the next assignment. Link
 * thread. */
void metadata_serve(struct metadata *metadata, const struct host_networks *networks);
/* Ends the serving. NULL is fine. */
void metadata_free(struct metadata *metadata);
