/* One AWS API request, from its bytes to its answer. */
#include "edge/api.h"

#include "base/log.h"
#include "base/must.h"
#include "os/clock.h"
#include "os/entropy.h"
#include "plane/iam/authorize.h"
#include "plane/iam/iam.h"

/* The largest request of an AWS API that Berth answers is ECR's UploadLayerPart: 20 MiB in base64. */
enum { API_BODY_MAX = 32 << 20 };

struct api_call {
    struct job job;
    struct front *front;
    struct http_exchange *exchange;
    struct call call;
    struct principal principal;
    struct wire_call wire;
    const struct operation_spec *spec;
    size_t number; /* for the metrics */
    int64_t start_us;
    void *in, *out;
    struct fail fail;
    bool decoded, good, audited;
    struct wire_reply reply;
};

/* The access log: for whoever looks for a request, not for every day. */
static void log_call(const struct api_call *call, int64_t took_us)
{
    log_debug("request %.*s from %.*s: %s %s by %.*s in %.*s: %u in %lld us", STR_ARG(call->call.request_id),
              STR_ARG(call->exchange->peer_address), call->wire.service == NULL ? "-" : service_id(call->wire.service),
              call->wire.operation == NULL ? "-" : operation_name(call->wire.operation), STR_ARG(call->principal.arn),
              STR_ARG(call->call.region), call->reply.status, (long long)took_us);
}

/* "sts:GetCallerIdentity", also where nobody needs a permission for it. */
static const char *action_of(const struct api_call *call)
{
    if (call->spec->action != NULL)
        return call->spec->action;
    return arena_printf(call->exchange->arena, "%s:%s", service_id(call->wire.service),
                        operation_name(call->wire.operation))
        .ptr;
}

/* Files are not for the core thread, which gives the answers. */
void api_audit(struct http_exchange *exchange)
{
    struct api_call *call = exchange->user;
    const struct front_options *options;

    if (call == NULL || call->audited || call->spec == NULL)
        return; /* nobody who is known, or nothing that there is */
    call->audited = true;
    options = front_options_of(call->front);
    if (options->audit == NULL)
        return;
    audit_write(options->audit, &(struct audit_event){
                                    .principal = &call->principal,
                                    .action = action_of(call),
                                    .region = call->call.region,
                                    .request_id = call->call.request_id,
                                    .source_ip = call->call.source_ip,
                                    .user_agent = wire_header(&call->exchange->request, "user-agent"),
                                    .when_ms = clock_now_ms(&options->authenticator.clock),
                                    .shape = call->decoded ? operation_input(call->spec->operation) : NULL,
                                    .parameters = call->in,
                                    .failure = call->good ? NULL : &call->fail,
                                });
}

/* The call is over, and its memory is the exchange's. */
static void send(struct api_call *call)
{
    struct wire_reply *wire = &call->reply;
    struct front *front = call->front;
    int64_t took_us = clock_monotonic_us() - call->start_us;
    struct http_reply reply = {.status = wire->status,
                               .headers = wire->headers,
                               .header_count = wire->header_count,
                               .kind = HTTP_BODY_BYTES,
                               .owned = &wire->body};

    metrics_count(front_metrics(front), call->number, wire->status, took_us);
    log_call(call, took_us);
    http_exchange_reply(call->exchange, &reply);
    front_leave(front);
}

static void send_error(struct api_call *call)
{
    if (call->fail.code != FAIL_API)
        log_error("request %.*s failed: %s", STR_ARG(call->call.request_id), call->fail.message);
    wire_encode_error(&call->wire, &call->fail, call->call.request_id, call->exchange->arena, &call->reply);
    send(call);
}

static bool encode(struct api_call *call)
{
    wire_encode(&call->wire, call->out, call->call.request_id, call->exchange->arena, &call->reply);
    if (!call->reply.body.overflowed)
        return true;
    buf_free(&call->reply.body);
    return fail(&call->fail, FAIL_LIMIT, "the answer to %s is too large", operation_name(call->wire.operation));
}

/* ---- on the core thread ---- */

/* EC2's DryRun asks whether the caller may, and nothing else (EC2 API reference, "RunInstances" and its kin). */
static bool is_meant(struct api_call *call)
{
    const struct member *dry_run = shape_member(operation_input(call->spec->operation), STR("DryRun"));

    if (dry_run == NULL || !member_present(dry_run, call->in) || !*(const bool *)member_at(dry_run, call->in))
        return true;
    return fail_status(&call->fail, 412, "DryRunOperation", "Request would have succeeded, but DryRun flag is set.");
}

static bool run(struct job *job, struct transaction *tx)
{
    struct api_call *call = list_item(&job->link, struct api_call, job.link);

    call->call.tx = tx;
    iam_home_ensure(tx, call->principal.account, call->call.region);
    call->good = iam_authorize(&call->call, call->spec, call->in) && is_meant(call) &&
                 call->spec->handle(&call->call, call->in, call->out);
    if (call->good && call->spec->finish == NULL)
        call->good = encode(call);
    return call->good;
}

static void finish_on_worker(void *context)
{
    struct api_call *call = context;

    call->good = call->spec->finish(&call->call, front_ports(call->front), call->in, call->out);
    if (call->good && encode(call))
        send(call);
    else
        send_error(call);
}

static void prepare_on_worker(void *context)
{
    struct api_call *call = context;

    if (call->spec->prepare(&call->call, call->in))
        loop_submit(front_options_of(call->front)->loop, &call->job);
    else
        send_error(call);
}

static void done(struct job *job, bool durable)
{
    struct api_call *call = list_item(&job->link, struct api_call, job.link);

    call->call.tx = NULL;
    if (call->good && !durable) {
        buf_free(&call->reply.body);
        call->good = fail(&call->fail, FAIL_SYSTEM, "the change could not be made durable");
    }
    if (!call->good)
        send_error(call);
    else if (call->spec->finish != NULL)
        front_work(call->front, finish_on_worker, call);
    else
        send(call);
}

/* ---- on the server thread ---- */

/* In which protocol's form to refuse a request that is not understood further. */
static void find_form(struct api_call *call)
{
    const struct front_options *options = front_options_of(call->front);
    struct fail unknown;

    (void)!wire_route(options->services, options->service_count, &call->exchange->request, (struct str){NULL, 0},
                      call->exchange->arena, &call->wire, &unknown);
}

static bool prepare(struct api_call *call)
{
    const struct front_options *options = front_options_of(call->front);
    struct http_exchange *exchange = call->exchange;
    struct wire_request request = exchange->request; /* with its body inflated; the original is what was signed */
    struct sigv4_claim claim;
    struct caller caller;
    bool is_signed;

    if (!sigv4_parse(&exchange->request, exchange->arena, &is_signed, &claim, &call->fail)) {
        find_form(call);
        return false;
    }
    if (!wire_inflate(&exchange->request, API_BODY_MAX, exchange->arena, &request.body, &call->fail) ||
        !wire_route(options->services, options->service_count, &request,
                    is_signed ? claim.service : (struct str){NULL, 0}, exchange->arena, &call->wire, &call->fail))
        return false;
    if (!is_signed && call->wire.operation->unsigned_allowed)
        caller = authenticate_nobody(&options->authenticator);
    else if (!authenticate(&options->authenticator, &exchange->request, is_signed ? &claim : NULL, exchange->arena,
                           &caller, &call->fail))
        return false;
    call->principal = caller.principal;
    call->call.region = caller.region;
    call->spec = front_operation(call->front, call->wire.operation, &call->number);
    if (call->spec == NULL)
        return fail_status(&call->fail, 501, "UnsupportedOperation",
                           "Berth does not implement %s:%s yet; docs/compatibility.md lists what it does.",
                           service_id(call->wire.service), operation_name(call->wire.operation));
    call->in = arena_alloc(exchange->arena, operation_input(call->wire.operation)->size);
    call->out = arena_alloc(exchange->arena, operation_output(call->wire.operation)->size);
    call->decoded = wire_decode(&call->wire, &request, call->in, exchange->arena, &call->fail);
    return call->decoded;
}

static struct api_call *call_new(struct front *front, struct http_exchange *exchange)
{
    struct api_call *call = arena_new(exchange->arena, struct api_call);

    front_enter(front);
    exchange->user = call;
    call->front = front;
    call->exchange = exchange;
    call->number = METRICS_OTHER;
    call->start_us = clock_monotonic_us();
    call->call = (struct call){.arena = exchange->arena,
                               .fail = &call->fail,
                               .principal = &call->principal,
                               .settings = front_options_of(front)->settings,
                               .request_id = entropy_uuid(exchange->arena),
                               .invocation_id = wire_header(&exchange->request, "amz-sdk-invocation-id"),
                               .source_ip = exchange->peer_address,
                               .host = wire_header(&exchange->request, "host"),
                               .user_agent = wire_header(&exchange->request, "user-agent"),
                               .secure = exchange->tls};
    return call;
}

bool api_begin(struct front *front, struct http_exchange *exchange)
{
    struct api_call *call;
    uint64_t length;

    exchange->body_limit = API_BODY_MAX;
    if (!str_to_uint64(wire_header(&exchange->request, "content-length"), &length) || length <= API_BODY_MAX)
        return true;
    call = call_new(front, exchange);
    find_form(call);
    (void)fail_status(&call->fail, 413, "RequestEntityTooLarge", "The request body is longer than %d bytes",
                      API_BODY_MAX);
    send_error(call);
    return false;
}

void api_complete(struct front *front, struct http_exchange *exchange)
{
    struct api_call *call = call_new(front, exchange);

    if (!prepare(call)) {
        send_error(call);
        return;
    }
    key_use_note(front_key_use(front), &call->principal, str_of(service_id(call->wire.service)), call->call.region,
                 clock_now_ms(&front_options_of(front)->authenticator.clock));
    call->call.operation = call->wire.operation;
    call->job = (struct job){.actor = "api", .cause = call->call.request_id, .run = run, .done = done};
    must(call->spec != NULL); /* or it would not be prepared */
    if (call->spec->prepare != NULL)
        front_work(front, prepare_on_worker, call);
    else
        loop_submit(front_options_of(front)->loop, &call->job);
}
