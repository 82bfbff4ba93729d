#include "edge/registry_records.h"

#include "base/must.h"
#include "plane/ecr/access.h"
#include "plane/ecr/registry.h"
#include "plane/iam/authorize.h"
#include "plane/iam/iam.h"
#include "wire/base64.h"

#include <stdatomic.h>

struct registry_job {
    struct job job;
    struct registry_records *records;
    struct registry_call *call;
    struct principal principal; /* once it is known */
    bool for_task;              /* one of our hosts pulls */
    int64_t when_ms;
};

/* ---- who is it, and may he? ---- */

/* "Basic base64(user:password)". */
static bool basic_of(const struct registry_call *call, struct str *ret_user, struct str *ret_password)
{
    struct str basic = STR("Basic ");
    struct str decoded;

    if (!str_starts(call->authorization, basic) ||
        !base64_decode(str_trim(str_from(call->authorization, basic.len)), call->arena, &decoded))
        return false;
    *ret_user = str_cut(decoded, ':', ret_password);
    return ret_password->ptr != NULL;
}

static struct principal root_of(struct arena *arena, struct str account)
{
    return (struct principal){.kind = PRINCIPAL_ROOT,
                              .account = account,
                              .arn = arena_printf(arena, "arn:aws:iam::%.*s:root", STR_ARG(account)),
                              .user_id = account};
}

/* The key's principal, while the key is good. */
static bool principal_of_key(const struct registry_job *job, const struct transaction *tx, struct str access_key,
                             struct principal *ret_principal)
{
    struct key_found found;

    if (!keys_find(job->records->keys, access_key, job->call->arena, &found) || !found.works ||
        tx->now_ms >= found.expires_ms)
        return false;
    *ret_principal = found.principal;
    return true;
}

/* One of our hosts pulls: for the execution role whose session key it names, or the account of a task without one. */
static bool identify_puller(struct registry_job *job, const struct transaction *tx, struct str user,
                            struct principal *ret_principal)
{
    job->for_task = true;
    if (principal_of_key(job, tx, user, ret_principal))
        return true;
    if (iam_root_key(tx, user) == NULL)
        return fail_api(&job->call->fail, REGISTRY_NO_IDENTITY, "the task's execution role has no session any more");
    *ret_principal = root_of(job->call->arena, user);
    return true;
}

static bool identify(struct registry_job *job, const struct transaction *tx, struct principal *ret_principal)
{
    struct registry_records *records = job->records;
    struct registry_call *call = job->call;
    const struct registry_token_record *token;
    struct str user;
    struct str password;
    bool has_password = basic_of(call, &user, &password);

    if (has_password && secret_eq(password, records->host_token))
        return identify_puller(job, tx, user, ret_principal);
    token = has_password && str_is(user, "AWS") ? transaction_get(tx, &registry_token_table, password) : NULL;
    if (token != NULL && tx->now_ms >= token->expires_at)
        return fail_api(&call->fail, REGISTRY_EXPIRED_IDENTITY,
                        "Your authorization token has expired. Reauthenticate and try again.");
    if (token != NULL && principal_of_key(job, tx, token->access_key_id, ret_principal))
        return true;
    if (records->settings->auth_open) {
        *ret_principal = root_of(call->arena, token != NULL ? token->account_id : call->repository.registry.account);
        return true;
    }
    return fail_api(&call->fail, REGISTRY_NO_IDENTITY, "no basic auth credentials");
}

static struct call asking(struct transaction *tx, const struct registry_job *job, struct fail *f)
{
    return (struct call){.tx = tx,
                         .arena = job->call->arena,
                         .fail = f,
                         .principal = &job->principal,
                         .settings = job->records->settings,
                         .region = job->call->repository.registry.region,
                         .source_ip = job->call->source_ip};
}

static bool allowed(struct transaction *tx, struct registry_call *call, const struct registry_job *job)
{
    struct repository_ref resource = call->repository;
    struct call as = asking(tx, job, &call->fail);

    if (resource.name.len == 0)
        resource.name = STR("*");
    /* A host needs no token of its own; the role that it pulls for has to be allowed one all the same. */
    if (job->for_task && !iam_allows(&as, &ecr_access, "ecr:GetAuthorizationToken", STR("*")))
        return false;
    return call->action == NULL || iam_allows(&as, &ecr_access, call->action, repository_arn(call->arena, &resource));
}

/* ---- the operations ---- */

static bool no_blob(struct registry_call *call)
{
    return fail_api(&call->fail, ECR_ERROR_LAYERS_NOT_FOUND_EXCEPTION,
                    "The layer with digest '%.*s' was not found in the repository with name '%.*s' in registry with id "
                    "'%.*s'",
                    STR_ARG(call->digest), STR_ARG(call->repository.name), STR_ARG(call->repository.registry.account));
}

static bool blob_find(struct transaction *tx, struct registry_call *call)
{
    const struct repository_blob_record *blob = repository_blob_find(tx, &call->repository, call->digest);

    /* A push that finds it here counts on it, as one that brings it does. */
    if (blob != NULL && tx->now_ms - blob->attached_at > HOUR_MS)
        repository_attach_blob(tx, &call->repository, call->digest, (uint64_t)blob->size);
    return blob != NULL || no_blob(call);
}

static bool blob_delete(struct transaction *tx, struct registry_call *call)
{
    if (repository_blob_find(tx, &call->repository, call->digest) == NULL)
        return no_blob(call);
    if (!repository_remove_blob(tx, &call->repository, call->digest))
        return fail_api(&call->fail, ECR_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "The layer with digest '%.*s' is needed by an image of the repository with name '%.*s'",
                        STR_ARG(call->digest), STR_ARG(call->repository.name));
    return true;
}

static bool blob_attach(struct transaction *tx, struct registry_call *call)
{
    repository_attach_blob(tx, &call->repository, call->digest, call->size);
    return true;
}

static bool may_read_there(struct transaction *tx, const struct registry_call *call)
{
    struct fail ignored;
    struct call as = asking(tx, call->implementation, &ignored);

    return iam_allows(&as, &ecr_access, "ecr:GetDownloadUrlForLayer", repository_arn(call->arena, &call->from));
}

static bool blob_mount(struct transaction *tx, struct registry_call *call)
{
    const struct repository_blob_record *blob = repository_blob_find(tx, &call->from, call->digest);

    if (blob == NULL || !str_eq(call->from.registry.account, call->repository.registry.account) ||
        !registry_mounts_blobs(tx, &call->repository.registry) || !may_read_there(tx, call))
        return true;
    repository_attach_blob(tx, &call->repository, call->digest, (uint64_t)blob->size);
    call->mounted = true;
    return true;
}

static struct str copy_to_call(struct registry_call *call, struct str text)
{
    char *copy = arena_try(call->arena, text.len + 1);

    must(copy != NULL); /* media types and digests are short */
    memcpy(copy, text.ptr, text.len);
    return (struct str){copy, text.len};
}

static bool manifest_get(struct transaction *tx, struct registry_call *call)
{
    const struct image_record *image;

    if (!image_find(tx, &call->repository, call->tag, call->digest, &image, &call->fail))
        return false;
    buf_add(&call->ret_bytes, image->manifest);
    call->ret_media_type = copy_to_call(call, image->media_type);
    call->ret_digest = copy_to_call(call, image->digest);
    if (!call->head)
        image_note_pull(tx, image);
    return true;
}

static bool manifest_put(struct transaction *tx, struct registry_call *call)
{
    return image_put(tx, &call->repository, call->manifest, call->bytes, call->digest, call->tag, &call->fail);
}

static bool manifest_delete(struct transaction *tx, struct registry_call *call)
{
    const struct image_record *image;
    struct str index = {NULL, 0};

    if (!image_find(tx, &call->repository, call->tag, call->digest, &image, &call->fail))
        return false;
    if (call->tag.ptr == NULL || image_goes_with_tag(tx, &call->repository, image->digest))
        index = image_index(tx, &call->repository, image->digest);
    if (index.ptr != NULL)
        return fail_api(&call->fail, ECR_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "Requested image referenced by manifest list: [%.*s]", STR_ARG(index));
    if (call->tag.ptr != NULL)
        image_remove_tag(tx, &call->repository, call->tag);
    else
        image_remove(tx, &call->repository, image->digest);
    return true;
}

static bool list_tags(struct transaction *tx, struct registry_call *call)
{
    const struct repository_ref *ref = &call->repository;
    struct walk walk = transaction_walk(tx, &image_tag_table, NULL,
                                        KEY_PREFIX(tx->arena, ref->registry.account, ref->registry.region, ref->name));
    const struct image_tag_record *tag;

    if (call->after.ptr != NULL)
        walk.at = KEY(tx->arena, ref->registry.account, ref->registry.region, ref->name, call->after);
    while ((tag = walk_next(&walk)) != NULL)
        if (!registry_add(call, tag->tag))
            break;
    return true;
}

static bool list_catalog(struct transaction *tx, struct registry_call *call)
{
    const struct registry_id *id = &call->repository.registry;
    struct walk walk = transaction_walk(tx, &repository_table, NULL, KEY_PREFIX(tx->arena, id->account, id->region));
    const struct repository_record *repository;

    if (call->after.ptr != NULL)
        walk.at = KEY(tx->arena, id->account, id->region, call->after);
    while ((repository = walk_next(&walk)) != NULL)
        if (!registry_add(call, repository->repository->repository_name))
            break;
    return true;
}

static bool list_referrers(struct transaction *tx, struct registry_call *call)
{
    const struct repository_ref *ref = &call->repository;
    struct walk walk =
        transaction_walk(tx, &image_table, "subject",
                         KEY_PREFIX(tx->arena, ref->registry.account, ref->registry.region, ref->name, call->digest));
    const struct image_record *image;

    while ((image = walk_next(&walk)) != NULL) {
        struct registry_referrer referrer = {.media_type = image->media_type,
                                             .digest = image->digest,
                                             .size = image->manifest.len,
                                             .artifact_type = image->artifact_type};
        struct manifest manifest;
        struct fail f;

        if (call->artifact_type.ptr != NULL && !str_eq(call->artifact_type, image->artifact_type))
            continue;
        if (manifest_parse(image->manifest, image->media_type, tx->arena, &manifest, &f)) {
            referrer.annotations = manifest.annotations;
            referrer.annotation_count = manifest.annotation_count;
        }
        if (!registry_add_referrer(call, &referrer))
            break;
    }
    return true;
}

static bool nothing_more(struct transaction *tx, struct registry_call *call)
{
    (void)tx;
    (void)call;
    return true;
}

static bool (*const operations[])(struct transaction *tx, struct registry_call *call) = {
    [REGISTRY_CHECK] = nothing_more,
    [REGISTRY_ALLOW] = nothing_more,
    [REGISTRY_BLOB_FIND] = blob_find,
    [REGISTRY_BLOB_DELETE] = blob_delete,
    [REGISTRY_BLOB_ATTACH] = blob_attach,
    [REGISTRY_BLOB_MOUNT] = blob_mount,
    [REGISTRY_MANIFEST_GET] = manifest_get,
    [REGISTRY_MANIFEST_PUT] = manifest_put,
    [REGISTRY_MANIFEST_DELETE] = manifest_delete,
    [REGISTRY_TAGS] = list_tags,
    [REGISTRY_CATALOG] = list_catalog,
    [REGISTRY_REFERRERS] = list_referrers,
};

/* ---- the job ---- */

static bool run(struct job *job, struct transaction *tx)
{
    struct registry_job *registry_job = list_item(&job->link, struct registry_job, job.link);
    struct registry_call *call = registry_job->call;
    const struct repository_record *repository;

    registry_job->when_ms = tx->now_ms;
    call->good = identify(registry_job, tx, &registry_job->principal) && allowed(tx, call, registry_job) &&
                 (call->repository.name.len == 0 || repository_find(tx, &call->repository, &repository, &call->fail)) &&
                 operations[call->operation](tx, call);
    return call->good;
}

/* ---- what the audit log is told ---- */

struct registry_note {
    const struct registry_note *next; /* the one before it */
    struct audit_event event;
    struct principal principal;
    struct fail failure;
};

/* Whoever has no key was let in without a decision: our own hosts, and anybody under --auth=open. */
static void note(struct registry_job *job)
{
    struct registry_call *call = job->call;
    struct registry_note *note;

    if (call->action == NULL || job->principal.access_key.len == 0 || job->records->audit == NULL)
        return;
    note = arena_try(call->arena, sizeof(*note));
    must(note != NULL); /* a request has two calls at most */
    *note = (struct registry_note){.next = call->notes, .principal = job->principal, .failure = call->fail};
    note->event = (struct audit_event){.principal = &note->principal,
                                       .action = call->action,
                                       .region = call->repository.registry.region,
                                       .source_ip = call->source_ip,
                                       .when_ms = job->when_ms,
                                       .resource = repository_arn(call->arena, &call->repository),
                                       .failure = call->good ? NULL : &note->failure};
    call->notes = note;
}

static void tell(void *context, const struct registry_note *notes)
{
    const struct registry_records *records = context;

    if (notes->next != NULL)
        tell(context, notes->next); /* in the order in which they were made */
    audit_write(records->audit, &notes->event);
}

/* ---- a job's end ---- */

static void done(struct job *job, bool durable)
{
    struct registry_job *registry_job = list_item(&job->link, struct registry_job, job.link);
    struct registry_call *call = registry_job->call;

    if (call->good && !durable)
        call->good = fail(&call->fail, FAIL_SYSTEM, "the change could not be made durable");
    note(registry_job);
    free(registry_job);
    call->done(call);
}

static void submit(void *context, struct registry_call *call)
{
    struct registry_records *records = context;
    struct registry_job *job = calloc(1, sizeof(*job));

    must(job != NULL);
    job->job = (struct job){.actor = "registry", .cause = STR("registry"), .run = run, .done = done};
    job->records = records;
    job->call = call;
    call->implementation = job;
    loop_submit(records->loop, &job->job);
}

struct registry_metadata registry_records_metadata(struct registry_records *records)
{
    return (struct registry_metadata){.context = records, .submit = submit, .tell = tell};
}
