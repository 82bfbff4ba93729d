#include "edge/explain.h"

#include "base/must.h"
#include "model/interpret.h"
#include "plane/iam/authorize.h"
#include "wire/json.h"

struct explain_job {
    struct job job;
    const struct front_options *options;
    struct http_exchange *exchange;
    const struct operation_spec *spec; /* of the action */
    struct str who, action, resource;
    uint16_t status;
    struct buf text;
};

static const char *const verdicts[] = {
    [POLICY_IMPLICIT_DENY] = "implicitDeny", [POLICY_EXPLICIT_DENY] = "explicitDeny", [POLICY_ALLOW] = "allowed"};
static const char *const sources[] = {
    [POLICY_SOURCE_IDENTITY] = "identity-based policy",
    [POLICY_SOURCE_RESOURCE] = "resource-based policy",
    [POLICY_SOURCE_BOUNDARY] = "permissions boundary",
    [POLICY_SOURCE_SESSION] = "session policy",
};

static void add_error(struct explain_job *job, struct str message)
{
    job->status = 400;
    buf_add_cstr(&job->text, "{\"error\":");
    wire_json_write_string(message, &job->text);
    buf_add_cstr(&job->text, "}");
}

static void add_decision(const struct policy_decision *decision, struct buf *out)
{
    buf_printf(out, "{\"verdict\":\"%s\",\"source\":\"%s\",\"policy\":", verdicts[decision->verdict],
               sources[decision->source]);
    if (decision->policy == NULL)
        buf_add_cstr(out, "null");
    else
        wire_json_write_string(decision->policy->name, out);
    buf_add_cstr(out, ",\"statement\":");
    if (decision->statement == NULL)
        buf_add_cstr(out, "null");
    else
        value_dump(&policy_statement_shape, decision->statement, out);
    buf_add_char(out, '}');
}

static bool run(struct job *job, struct transaction *tx)
{
    struct explain_job *explain = list_item(&job->link, struct explain_job, job.link);
    struct fail f;
    struct call call = {.tx = tx,
                        .arena = explain->exchange->arena,
                        .fail = &f,
                        .settings = explain->options->settings,
                        .region = explain->options->settings->default_region};
    const struct ask ask = {.action = explain->spec->action, .resource = explain->resource};
    struct policy_decision decision;

    explain->status = 200;
    if (iam_explain(&call, explain->who, explain->spec->access, &ask, &decision))
        add_decision(&decision, &explain->text);
    else
        add_error(explain, str_of(f.message));
    return true;
}

static void done(struct job *job, bool durable)
{
    static const struct http_header headers[] = {{STR_INIT("Content-Type"), STR_INIT("application/json")}};
    struct explain_job *explain = list_item(&job->link, struct explain_job, job.link);
    struct http_reply reply = {.status = explain->status,
                               .headers = headers,
                               .header_count = COUNT_OF(headers),
                               .kind = HTTP_BODY_BYTES,
                               .owned = &explain->text};

    (void)durable; /* it wrote nothing */
    http_exchange_reply(explain->exchange, &reply);
}

/* The row that declares the action, for what its service tells of resources; NULL: nothing asks for it. */
static const struct operation_spec *row_of(const struct front_options *options, struct str action)
{
    for (size_t i = 0; i < options->operations_count; i++)
        for (size_t k = 0; k < *options->operations[i].count; k++) {
            const struct operation_spec *row = &options->operations[i].rows[k];

            if (row->action != NULL && str_eq_nocase(str_of(row->action), action))
                return row;
        }
    return NULL;
}

void explain_reply(const struct front_options *options, struct http_exchange *exchange, struct str who,
                   struct str action, struct str resource)
{
    struct explain_job *job = arena_new(exchange->arena, struct explain_job);

    *job = (struct explain_job){
        .job = {.actor = "operator", .cause = STR("explain"), .run = run, .done = done},
        .options = options,
        .exchange = exchange,
        .spec = row_of(options, action),
        .who = who,
        .action = action,
        .resource = resource.ptr == NULL ? STR("*") : resource,
    };
    if (job->spec != NULL && who.ptr != NULL) {
        loop_submit(options->loop, &job->job);
        return;
    }
    add_error(job, who.ptr == NULL
                       ? STR("who is asked about?")
                       : arena_printf(exchange->arena, "no operation asks for the action %.*s", STR_ARG(action)));
    done(&job->job, true);
}
