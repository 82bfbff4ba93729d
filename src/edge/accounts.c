#include "edge/accounts.h"

#include "base/must.h"
#include "plane/iam/iam.h"

#include <inttypes.h>
#include <jansson.h>

enum { ACCOUNT_ID_LEN = 12 };

struct account_job {
    struct job job;
    const struct front_options *options;
    struct http_exchange *exchange;
    struct str id; /* of a new one */
    struct http_reply reply;
};

static void set_json(struct account_job *job, uint16_t status, json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);

    must(text != NULL);
    job->reply.status = status;
    job->reply.bytes = arena_str(job->exchange->arena, str_of(text));
    free(text);
    json_decref(json);
}

static bool refuse(struct account_job *job, uint16_t status, const char *message)
{
    set_json(job, status, json_pack("{s:s}", "error", message));
    return false;
}

static json_t *account_json(const struct access_key_record *key)
{
    return json_pack("{s:s%,s:s%,s:s%}", "accountId", key->account_id.ptr, key->account_id.len, "accessKeyId",
                     key->access_key_id.ptr, key->access_key_id.len, "secretAccessKey", key->secret.ptr,
                     key->secret.len);
}

/* ---- on the core thread ---- */

static bool list_run(struct job *job, struct transaction *tx)
{
    struct account_job *account_job = list_item(&job->link, struct account_job, job.link);
    struct walk walk = transaction_walk(tx, &access_key_table, "root", STR(""));
    const struct access_key_record *key;
    json_t *all = json_array();

    while ((key = walk_next(&walk)) != NULL)
        (void)json_array_append_new(all, account_json(key));
    set_json(account_job, 200, json_pack("{s:o}", "accounts", all));
    return true;
}

static bool is_account_id(struct str id)
{
    for (size_t i = 0; i < id.len; i++)
        if (id.ptr[i] < '0' || id.ptr[i] > '9')
            return false;
    return id.len == ACCOUNT_ID_LEN;
}

static struct str free_id(const struct transaction *tx)
{
    struct str id;

    do
        id = arena_printf(tx->arena, "%" PRIu64, /* twelve digits, the first of them no zero */
                          UINT64_C(100000000000) + random_below(tx->random, UINT64_C(900000000000)));
    while (iam_root_key(tx, id) != NULL);
    return id;
}

static bool create_run(struct job *job, struct transaction *tx)
{
    struct account_job *account_job = list_item(&job->link, struct account_job, job.link);
    struct str id = account_job->id.ptr == NULL ? free_id(tx) : account_job->id;

    if (!is_account_id(id))
        return refuse(account_job, 400, "an account id has twelve digits");
    if (iam_root_key(tx, id) != NULL)
        return refuse(account_job, 409, "there is such an account");
    iam_home_ensure(tx, id, account_job->options->settings->default_region);
    set_json(account_job, 200, account_json(iam_root_key(tx, id)));
    return true;
}

static void done(struct job *job, bool durable)
{
    static const struct http_header headers[] = {{STR_INIT("Content-Type"), STR_INIT("application/json")}};
    struct account_job *account_job = list_item(&job->link, struct account_job, job.link);

    if (!durable && account_job->reply.status == 200)
        (void)refuse(account_job, 500, "the change could not be made durable");
    account_job->reply.headers = headers;
    account_job->reply.header_count = COUNT_OF(headers);
    http_exchange_reply(account_job->exchange, &account_job->reply);
}

/* ---- on the server thread ---- */

static void submit(const struct front_options *options, struct http_exchange *exchange, struct str id,
                   bool (*run)(struct job *job, struct transaction *tx))
{
    struct account_job *job = arena_new(exchange->arena, struct account_job);

    *job = (struct account_job){
        .job = {.actor = "operator", .cause = STR("account"), .run = run, .done = done},
        .options = options,
        .exchange = exchange,
        .id = id,
        .reply = {.kind = HTTP_BODY_BYTES},
    };
    loop_submit(options->loop, &job->job);
}

void accounts_list(const struct front_options *options, struct http_exchange *exchange)
{
    submit(options, exchange, (struct str){NULL, 0}, list_run);
}

void accounts_create(const struct front_options *options, struct http_exchange *exchange, struct str id)
{
    submit(options, exchange, id, create_run);
}
