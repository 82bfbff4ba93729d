#include "edge/status.h"

#include "plane/ec2/host.h"
#include "plane/ecr/ecr.h"
#include "plane/ecs/task.h"

#include <jansson.h>

struct status_job {
    struct job job;
    struct http_exchange *exchange;
    char *text;
};

static json_t *text_of(struct str s)
{
    return s.ptr == NULL ? json_null() : json_stringn(s.ptr, s.len);
}

static json_t *hosts(struct transaction *tx)
{
    struct walk walk = transaction_walk(tx, &host_table, NULL, STR(""));
    const struct host_record *host;
    json_t *list = json_array();

    while ((host = walk_next(&walk)) != NULL)
        (void)json_array_append_new(list, json_pack("{s:o,s:o,s:s,s:i,s:i}", "id", text_of(host->host_id), "name",
                                                    text_of(host->name), "status",
                                                    enum_name(&host_status_shape, (int)host->status), "cpuUnits",
                                                    host->cpu_units, "memoryMiB", host->memory_mib));
    return list;
}

static json_t *clusters(struct transaction *tx)
{
    struct walk walk = transaction_walk(tx, &cluster_table, NULL, STR(""));
    const struct cluster_record *cluster;
    json_t *list = json_array();

    while ((cluster = walk_next(&walk)) != NULL)
        (void)json_array_append_new(list,
                                    json_pack("{s:o,s:o,s:o,s:o}", "name", text_of(cluster->cluster->cluster_name),
                                              "accountId", text_of(cluster->account_id), "region",
                                              text_of(cluster->region), "status", text_of(cluster->cluster->status)));
    return list;
}

static json_t *task_row(const struct task_record *task)
{
    const struct ecs_container *first = task->task->containers.count > 0 ? &task->task->containers.items[0] : NULL;
    struct str address = {NULL, 0};

    if (first != NULL && first->network_interfaces.count > 0)
        address = first->network_interfaces.items[0].private_ipv4_address;
    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "id", text_of(task->task_id), "cluster",
                     text_of(task->cluster_name), "family", text_of(task->family), "lastStatus",
                     text_of(task->task->last_status), "desiredStatus", text_of(task->task->desired_status), "address",
                     text_of(address), "host", text_of(task->host_id));
}

static json_t *tasks(struct transaction *tx)
{
    struct walk walk = transaction_walk(tx, &task_table, NULL, STR(""));
    const struct task_record *task;
    json_t *list = json_array();

    while ((task = walk_next(&walk)) != NULL)
        if (!task_is_stopped(task))
            (void)json_array_append_new(list, task_row(task));
    return list;
}

/* "sha256:" and twelve digits tell a person enough. */
enum { DIGEST_SHOWN = 19 };

static json_t *image_row(struct transaction *tx, const struct image_tag_record *tag)
{
    const struct image_record *image = transaction_get(
        tx, &image_table, KEY(tx->arena, tag->account_id, tag->region, tag->repository_name, tag->digest));
    struct str shown = tag->digest.len > DIGEST_SHOWN ? str_to(tag->digest, DIGEST_SHOWN) : tag->digest;

    return json_pack("{s:o,s:o,s:o,s:f}", "repository", text_of(tag->repository_name), "tag", text_of(tag->tag),
                     "digest", text_of(shown), "sizeMiB", image == NULL ? 0.0 : (double)image->size / (1 << 20));
}

static json_t *images(struct transaction *tx)
{
    struct walk walk = transaction_walk(tx, &image_tag_table, NULL, STR(""));
    const struct image_tag_record *tag;
    json_t *list = json_array();

    while ((tag = walk_next(&walk)) != NULL)
        (void)json_array_append_new(list, image_row(tx, tag));
    return list;
}

static bool run(struct job *job, struct transaction *tx)
{
    struct status_job *status = list_item(&job->link, struct status_job, job.link);
    json_t *all = json_pack("{s:s,s:o,s:o,s:o,s:o}", "version", BERTH_VERSION, "hosts", hosts(tx), "clusters",
                            clusters(tx), "tasks", tasks(tx), "images", images(tx));

    status->text = all == NULL ? NULL : json_dumps(all, JSON_COMPACT);
    json_decref(all);
    return true;
}

static void done(struct job *job, bool durable)
{
    struct status_job *status = list_item(&job->link, struct status_job, job.link);
    const struct http_header headers[] = {{STR("Content-Type"), STR("application/json")}};
    struct http_reply reply = {.status = status->text == NULL ? 500 : 200,
                               .headers = headers,
                               .header_count = 1,
                               .kind = HTTP_BODY_BYTES,
                               .bytes = str_of(status->text == NULL ? "{}" : status->text)};

    (void)durable; /* it wrote nothing */
    http_exchange_reply(status->exchange, &reply);
    free(status->text);
    free(status);
}

void status_reply(struct loop *loop, struct http_exchange *exchange)
{
    struct status_job *status = calloc(1, sizeof(*status));

    status->job = (struct job){.actor = "status", .cause = STR("status"), .run = run, .done = done};
    status->exchange = exchange;
    loop_submit(loop, &status->job);
}
