/* A session with the server, as the amazon-ecs-agent keeps two: ACS, on which the server says what shall run here, and
 * TCS, on which the agent publishes how it runs. Messages are {"type": NAME, "message": {...}} both ways; those that go
 * out on TCS stand behind a block of headers that signs them. Lost, it is made again: at once after a normal close,
 * else after a pause that grows from 250 ms to 2 min, with jitter; after InactiveInstanceException in an hour. */
#pragma once

#include "node/agent/agent_api.h"
#include "node/agent/agent_registration.h"

struct agent_session;

enum agent_channel { AGENT_ACS, AGENT_TCS };

struct agent_session_options {
    enum agent_channel channel;
    struct agent_api *api;    /* the session's own */
    struct agent_api *signer; /* of TCS: of the thread that sends; NULL: nothing is signed */
    const struct agent_registration *registration;
    /* A message of that type; the answer is sent with agent_session_send. Called on the session's thread. */
    void (*message)(void *context, const char *type, const json_t *message);
    void (*opened)(void *context); /* a new connection; NULL */
    void *context;
};

/* Runs until agent_session_stop. */
checked bool agent_session_start(const struct agent_session_options *options, struct agent_session **ret_session,
                                 struct fail *f);
void agent_session_stop(struct agent_session *session);
/* Takes the reference of `message`. Any thread, on TCS one; false: there is no connection. */
bool agent_session_send(struct agent_session *session, const char *type, json_t *message);
