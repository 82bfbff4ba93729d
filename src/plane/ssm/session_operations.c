/* ResumeSession and TerminateSession, of the sessions that ExecuteCommand begins. */
#include "base/must.h"
#include "plane/ssm/operations.h"
#include "plane/ssm/session.h"

struct str session_key(struct arena *arena, struct str account, struct str region, struct str session_id)
{
    return KEY(arena, account, region, session_id);
}

struct str session_digits(const struct call *call, size_t count)
{
    unsigned char bytes[CHANNEL_TOKEN_LEN / 2];
    char *text = arena_alloc(call->arena, count + 1);

    must(count <= CHANNEL_TOKEN_LEN);
    transaction_secret(call->tx, bytes, sizeof(bytes));
    for (size_t i = 0; i < count; i++)
        text[i] = "0123456789abcdef"[(i % 2 == 0 ? bytes[i / 2] >> 4 : bytes[i / 2]) & 0xf];
    text[count] = '\0';
    return (struct str){text, count};
}

struct str session_stream_url(const struct call *call, struct str session_id)
{
    struct str host = call->host.len > 0 ? call->host : call->settings->endpoint;

    return arena_printf(call->arena, "%s://%.*s/v1/data-channel/%.*s?role=publish_subscribe",
                        call->secure ? "wss" : "ws", STR_ARG(host), STR_ARG(session_id));
}

/* ---- ResumeSession ---- */

bool ssm_resume_session(struct call *call, const struct ssm_resume_session_request *in,
                        struct ssm_resume_session_response *out)
{
    out->session_id = in->session_id;
    out->token_value = session_digits(call, CHANNEL_TOKEN_LEN);
    out->stream_url = session_stream_url(call, in->session_id);
    return true;
}

/* Of a session that is over there is no token, which is how session-manager-plugin learns that it is. */
bool ssm_resume_session_finish(const struct call *call, const struct ports *ports,
                               const struct ssm_resume_session_request *in, struct ssm_resume_session_response *out)
{
    struct str key = session_key(call->arena, call->principal->account, call->region, in->session_id);

    if (!ports->sessions->resume(ports->sessions->context, key, out->token_value)) {
        out->token_value = (struct str){NULL, 0};
        out->stream_url = (struct str){NULL, 0};
    }
    return true;
}

/* ---- TerminateSession ---- */

bool ssm_terminate_session(struct call *call, const struct ssm_terminate_session_request *in,
                           struct ssm_terminate_session_response *out)
{
    (void)call;
    out->session_id = in->session_id;
    return true;
}

bool ssm_terminate_session_finish(const struct call *call, const struct ports *ports,
                                  const struct ssm_terminate_session_request *in,
                                  struct ssm_terminate_session_response *out)
{
    (void)out;
    ports->sessions->terminate(ports->sessions->context,
                               session_key(call->arena, call->principal->account, call->region, in->session_id));
    return true;
}
