#include "edge/control.h"

#include "base/log.h"
#include "edge/accounts.h"
#include "edge/api.h"
#include "edge/explain.h"
#include "edge/registry/route.h"
#include "edge/reset.h"
#include "edge/status.h"

#include <inttypes.h>

static void reply_text(struct http_exchange *exchange, uint16_t status, struct str text)
{
    static const struct http_header type = {STR_INIT("Content-Type"), STR_INIT("application/json")};

    http_exchange_reply(
        exchange, &(struct http_reply){
                      .status = status, .headers = &type, .header_count = 1, .kind = HTTP_BODY_BYTES, .bytes = text});
}

static void reply_error(struct http_exchange *exchange, uint16_t status, const char *message)
{
    reply_text(exchange, status, arena_printf(exchange->arena, "{\"message\":\"%s\"}\n", message));
}

/* ---- who may ---- */

static bool bears_token(const struct front *front, const struct http_exchange *exchange)
{
    return authenticate_bearer(&exchange->request, front_options_of(front)->control_token);
}

static bool is_signed_by_root(const struct front *front, const struct http_exchange *exchange)
{
    const struct front_options *options = front_options_of(front);
    struct sigv4_claim claim;
    struct caller caller;
    struct fail f;
    bool is_signed;

    return sigv4_parse(&exchange->request, exchange->arena, &is_signed, &claim, &f) && is_signed &&
           authenticate(&options->authenticator, &exchange->request, &claim, exchange->arena, &caller, &f) &&
           caller.principal.kind == PRINCIPAL_ROOT &&
           str_eq(caller.principal.account, options->settings->default_account);
}

static bool may_command(const struct front *front, struct http_exchange *exchange)
{
    if (front_options_of(front)->settings->auth_open || bears_token(front, exchange) ||
        is_signed_by_root(front, exchange))
        return true;
    reply_error(exchange, 403, "this needs --auth=open, the control token, or a signature by the root key");
    return false;
}

static bool is_operator(const struct front *front, struct http_exchange *exchange)
{
    if (bears_token(front, exchange))
        return true;
    reply_error(exchange, 403, "the token is wrong");
    return false;
}

/* ---- the paths ---- */

static void health(struct front *front, struct http_exchange *exchange)
{
    (void)front;
    reply_text(exchange, 200, STR("{\"status\":\"ok\",\"version\":\"" BERTH_VERSION "\"}\n"));
}

static void metrics(struct front *front, struct http_exchange *exchange)
{
    metrics_reply(front_metrics(front), front_options_of(front)->loop, exchange);
}

static void status(struct front *front, struct http_exchange *exchange)
{
    if (is_operator(front, exchange))
        status_reply(front_options_of(front)->loop, exchange);
}

static void reset_on_worker(void *context)
{
    struct http_exchange *exchange = context;
    struct front *front = exchange->user;
    struct fail f;

    if (installation_reset(front_options_of(front), &f)) {
        reply_text(exchange, 200, STR("{\"status\":\"reset\"}\n"));
        return;
    }
    log_error("reset: %s", f.message);
    reply_error(exchange, 500, "the installation could not be reset; the server's log says why");
}

static void reset(struct front *front, struct http_exchange *exchange)
{
    if (!may_command(front, exchange))
        return;
    exchange->user = front;
    front_work(front, reset_on_worker, exchange);
}

#define GRACE_WRONG "grace is a number of seconds, at most 86400"
_Static_assert(COLLECT_GRACE_MS == 86400 * SECOND_MS, "the text says it");

static bool grace_of(const struct http_exchange *exchange, int64_t *ret_ms)
{
    struct str text = route_parameter(exchange->request.query, "grace", exchange->arena);
    uint64_t seconds = COLLECT_GRACE_MS / SECOND_MS;

    if (text.ptr != NULL && (!str_to_uint64(text, &seconds) || seconds > COLLECT_GRACE_MS / SECOND_MS))
        return false;
    *ret_ms = (int64_t)seconds * SECOND_MS;
    return true;
}

static void collect_on_worker(void *context)
{
    struct http_exchange *exchange = context;
    struct front *front = exchange->user;
    struct blob_sweep_result result;
    int64_t grace_ms;
    struct fail f;

    if (!grace_of(exchange, &grace_ms)) {
        reply_error(exchange, 400, GRACE_WRONG);
        return;
    }
    if (collector_run(front_options_of(front)->collector, grace_ms, &result, &f)) {
        reply_text(exchange, 200,
                   arena_printf(exchange->arena,
                                "{\"removedBlobs\":%" PRIu64 ",\"removedBytes\":%" PRIu64 ",\"keptBlobs\":%" PRIu64
                                "}\n",
                                result.removed_count, result.removed_bytes, result.kept_count));
        return;
    }
    log_error("registry: garbage collection: %s", f.message);
    reply_error(exchange, 500, "the collection failed; the server's log says why");
}

static void collect(struct front *front, struct http_exchange *exchange)
{
    if (!may_command(front, exchange))
        return;
    exchange->user = front;
    front_work(front, collect_on_worker, exchange);
}

static void list_accounts(struct front *front, struct http_exchange *exchange)
{
    if (is_operator(front, exchange))
        accounts_list(front_options_of(front), exchange);
}

static void create_account(struct front *front, struct http_exchange *exchange)
{
    if (is_operator(front, exchange))
        accounts_create(front_options_of(front), exchange,
                        route_parameter(exchange->request.query, "id", exchange->arena));
}

static void explain(struct front *front, struct http_exchange *exchange)
{
    struct str query = exchange->request.query;

    if (is_operator(front, exchange))
        explain_reply(front_options_of(front), exchange, route_parameter(query, "who", exchange->arena),
                      route_parameter(query, "action", exchange->arena),
                      route_parameter(query, "resource", exchange->arena));
}

#define EVENTS_PATH "/_berth/events"

static void events(struct front *front, struct http_exchange *exchange)
{
    struct str follow = route_parameter(exchange->request.query, "follow", exchange->arena);

    if (is_operator(front, exchange))
        event_feed_reply(front_options_of(front)->event_feed, exchange, str_is(follow, "1"));
}

void control_ended(struct front *front, struct http_exchange *exchange)
{
    if (str_is(exchange->request.path, EVENTS_PATH))
        event_feed_ended(front_options_of(front)->event_feed, exchange);
}

static const struct {
    const char *method, *path;
    void (*handle)(struct front *front, struct http_exchange *exchange);
} routes[] = {
    {"GET", "/_berth/health", health},
    {"GET", "/_berth/metrics", metrics},
    {"GET", "/_berth/status", status},
    {"POST", "/_berth/reset", reset},
    {"POST", "/_berth/collect", collect},
    {"GET", "/_berth/accounts", list_accounts},
    {"POST", "/_berth/accounts", create_account},
    {"GET", "/_berth/explain", explain},
    {"GET", EVENTS_PATH, events},
};

void control_complete(struct front *front, struct http_exchange *exchange)
{
    bool known = false;

    for (size_t i = 0; i < COUNT_OF(routes); i++) {
        if (!str_is(exchange->request.path, routes[i].path))
            continue;
        if (str_is(exchange->request.method, routes[i].method)) {
            routes[i].handle(front, exchange);
            return;
        }
        known = true;
    }
    if (known)
        reply_error(exchange, 405, "this path does not take that method");
    else
        reply_error(exchange, 404, "there is nothing at this path");
}
