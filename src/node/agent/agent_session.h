/* The ACS session: a websocket on which the server says what shall run here, as the amazon-ecs-agent keeps it. Messages
 * are {"type": NAME, "message": {...}} both ways. Lost, it is made again: at once after a normal close, else after a
 * pause that grows from 250 ms to 2 min, with jitter; after InactiveInstanceException in an hour. */
#pragma once

#include "node/agent/agent_api.h"
#include "node/agent/agent_registration.h"

struct agent_session;

struct agent_session_options {
    struct agent_api *api; /* the session's own */
    const struct agent_registration *registration;
    /* A message of that type; the answer is sent with agent_session_send. Called on the session's thread. */
    void (*message)(void *context, const char *type, const json_t *message);
    void *context;
};

/* Runs until agent_session_stop. */
checked bool agent_session_start(const struct agent_session_options *options, struct agent_session **ret_session,
                                 struct fail *f);
void agent_session_stop(struct agent_session *session);
/* Takes the reference of `message`. Any thread; false: there is no connection. */
bool agent_session_send(struct agent_session *session, const char *type, json_t *message);
