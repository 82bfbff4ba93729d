#include "edge/reset.h"

#include "plane/iam/iam.h"

struct key_job {
    struct job job;
    struct str account;
    struct access_key_record *key; /* malloc'ed block; NULL: there is none */
};

static bool remember(struct job *job, struct transaction *tx)
{
    struct key_job *of = list_item(&job->link, struct key_job, job.link);
    const struct access_key_record *key = iam_root_key(tx, of->account);
    size_t size;

    if (key != NULL)
        of->key = value_block(&access_key_record_shape, key, &size);
    return true;
}

static bool put_back(struct job *job, struct transaction *tx)
{
    struct key_job *of = list_item(&job->link, struct key_job, job.link);

    if (of->key != NULL)
        iam_root_key_put(tx, of->key);
    return true;
}

static bool reset_records(const struct front_options *options, struct key_job *of, struct fail *f)
{
    of->job = (struct job){.actor = "reset", .cause = STR("reset"), .run = remember};
    if (!loop_run(options->loop, &of->job))
        return fail(f, FAIL_SYSTEM, "the root key could not be read");
    keys_clear(options->authenticator.keys);
    if (!loop_reset(options->loop, f))
        return false;
    of->job.run = put_back;
    return loop_run(options->loop, &of->job) || fail(f, FAIL_SYSTEM, "the root key could not be put back");
}

bool installation_reset(const struct front_options *options, struct fail *f)
{
    struct key_job of = {.account = options->settings->default_account};
    struct blob_sweep_result swept;
    bool good = reset_records(options, &of, f);

    free(of.key);
    if (!good)
        return false;
    host_links_cut(options->host_links); /* they come back, and are told that nothing is theirs */
    return collector_run(options->collector, /* grace_ms= */ 0, &swept, f) &&
           (options->reset == NULL || options->reset(options->reset_context, f));
}
