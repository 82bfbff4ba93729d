#include "node/agent/agent_metadata.h"

#include "base/must.h"
#include "node/agent/agent_network.h"
#include "node/network/rtnetlink.h"
#include "node/task/metadata_answer.h"

enum {
    PORT = 80,
    CONNECTIONS_MAX = 256,
    IDLE_TIMEOUT_S = 30,
    LOOPBACK_INDEX = 1,
    ADDRESS = 0xa9feaa02, /* METADATA_ADDRESS */
};

struct agent_metadata {
    struct instance_tasks *tasks;
    struct http_server *server;
};

static bool asks(const void *context, const struct hosted *hosted, struct str peer)
{
    (void)context;
    return agent_network_asks(hosted, peer);
}

static void complete(void *context, struct http_exchange *exchange)
{
    const struct agent_metadata *metadata = context;
    const struct metadata_asker asker = {.asks = asks};

    metadata_answer(instance_tasks_engine(metadata->tasks), &asker, exchange);
}

static void ended(void *context, struct http_exchange *exchange)
{
    (void)context;
    (void)exchange;
}

static bool take_address(struct fail *f)
{
    struct rtnetlink machine;
    bool good;

    if (!rtnetlink_open(&machine, f))
        return false;
    rtnetlink_address(&machine, LOOPBACK_INDEX, ADDRESS, 32, /* without_route= */ false);
    good = rtnetlink_send(&machine, f) || f->code == FAIL_CONFLICT; /* a former process took it */
    rtnetlink_close(&machine);
    return good;
}

bool agent_metadata_start(struct instance_tasks *tasks, struct agent_metadata **ret_metadata, struct fail *f)
{
    struct agent_metadata *metadata = calloc(1, sizeof(*metadata));
    const struct http_handler handler = {
        .context = metadata, .begin = metadata_begin, .complete = complete, .ended = ended};
    const struct http_server_options options = {.address = METADATA_ADDRESS,
                                                .port = PORT,
                                                .threads = 1,
                                                .connections_max = CONNECTIONS_MAX,
                                                .idle_timeout_s = IDLE_TIMEOUT_S};

    must(metadata != NULL);
    metadata->tasks = tasks;
    if (take_address(f) && http_server_start(&options, &handler, &metadata->server, f)) {
        *ret_metadata = metadata;
        return true;
    }
    free(metadata);
    return false;
}

void agent_metadata_stop(struct agent_metadata *metadata)
{
    http_server_stop(metadata->server, /* grace_ms= */ 0);
    free(metadata);
}
