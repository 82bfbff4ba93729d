/* The front door: everything that comes in on the one port.
 *
 *   /v2/...          the registry (edge/registry)
 *   /_berth/host     the host link (edge/host_link.h)
 *   /acs/ws, /tcs/ws the sessions of ECS agents (edge/agent_link.h)
 *   /_berth/layers/  layers by presigned URL (edge/registry_layers.h)
 *   /v1/data-channel/  sessions of ECS Exec (edge/session_link.h)
 *   /_berth/...      health, metrics, reset and their kin (edge/control.h)
 *   anything else    an AWS API
 *
 * An API request is verified and decoded on its server thread, runs as a job on the core thread and is answered when
 * its turn is durable. */
#pragma once

#include "core/call.h"
#include "edge/agent_link.h"
#include "edge/audit.h"
#include "edge/authenticate.h"
#include "edge/event_feed.h"
#include "edge/host_link.h"
#include "edge/loop.h"
#include "edge/registry_collect.h"
#include "edge/registry_layers.h"
#include "edge/session_link.h"
#include "os/http_server.h"

struct operations {
    const struct operation_spec *rows;
    const size_t *count;
};

struct front_options {
    struct loop *loop;
    struct authenticator authenticator;
    const struct service *const *services;
    size_t service_count;
    const struct operations *operations;
    size_t operations_count;
    const struct settings *settings;
    const struct ports *ports;    /* for operation_spec.finish */
    struct str control_token;     /* what /_berth/ requests that need it must bear */
    struct http_handler registry; /* for /v2/; begin NULL: there is none */
    const struct registry_layers *layers;
    struct collector *collector;
    struct host_links *host_links;
    struct session_links *session_links;
    struct event_feed *event_feed;
    struct agent_links *agent_links;
    struct audit *audit; /* NULL: nothing is written */
    /* Extra work of a reset (log lines); NULL: none. */
    bool (*reset)(void *context, struct fail *f);
    void *reset_context;
};

struct front;

struct front *front_new(const struct front_options *options);
/* The server must be stopped before, and the loop after: waits for the calls that are under way. */
void front_free(struct front *front);
struct http_handler front_handler(struct front *front);
