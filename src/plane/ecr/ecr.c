#include "plane/ecr/ecr.h"

#include "plane/ecr/registry.h"
#include "plane/iam/iam.h"

static void repository_key(const void *record, struct buf *key)
{
    const struct repository_record *of = record;

    key_add(key, of->account_id);
    key_add(key, of->region);
    key_add(key, of->repository->repository_name);
}

#define IN_REPOSITORY_KEY(name, type, last)                                                                            \
    static void name(const void *record, struct buf *key)                                                              \
    {                                                                                                                  \
        const struct type *of = record;                                                                                \
                                                                                                                       \
        key_add(key, of->account_id);                                                                                  \
        key_add(key, of->region);                                                                                      \
        key_add(key, of->repository_name);                                                                             \
        key_add(key, of->last);                                                                                        \
    }

IN_REPOSITORY_KEY(blob_key, repository_blob_record, digest)
IN_REPOSITORY_KEY(image_key, image_record, digest)
IN_REPOSITORY_KEY(tag_key, image_tag_record, tag)
IN_REPOSITORY_KEY(tag_digest_key, image_tag_record, digest)

static void image_subject_key(const void *record, struct buf *key)
{
    const struct image_record *of = record;

    if (of->subject_digest.ptr == NULL)
        return;
    key_add(key, of->account_id);
    key_add(key, of->region);
    key_add(key, of->repository_name);
    key_add(key, of->subject_digest);
}

static void token_key(const void *record, struct buf *key)
{
    key_add(key, ((const struct registry_token_record *)record)->token);
}

const struct table_spec repository_table = {
    .name = "repository", .shape = &repository_record_shape, .key = repository_key};
const struct table_spec repository_blob_table = {
    .name = "repository_blob", .shape = &repository_blob_record_shape, .key = blob_key};
const struct table_spec image_table = {
    .name = "image", .shape = &image_record_shape, .key = image_key, .indexes = {{"subject", image_subject_key}}};
const struct table_spec image_tag_table = {
    .name = "image_tag", .shape = &image_tag_record_shape, .key = tag_key, .indexes = {{"digest", tag_digest_key}}};
const struct table_spec registry_token_table = {
    .name = "registry_token", .shape = &registry_token_record_shape, .key = token_key};

/* ---- tokens go when their time is over ---- */

static int64_t expire_token(struct transaction *tx, struct str key)
{
    const struct registry_token_record *token = transaction_get(tx, &registry_token_table, key);

    if (token == NULL)
        return WHEN_NEVER;
    if (tx->now_ms < token->expires_at)
        return token->expires_at;
    transaction_delete(tx, &registry_token_table, key);
    return WHEN_NEVER;
}

static const struct reconciler_spec token_reconciler = {"registry_token", &registry_token_table, expire_token};

static void token_dirties(const struct transaction *tx, const void *before, const void *after, struct marks *marks)
{
    const struct registry_token_record *token = after;

    (void)tx;
    (void)before;
    if (token != NULL)
        marks_add(marks, &token_reconciler, token->token);
}

static const struct table_spec *const tables[] = {&registry_table, &repository_table, &repository_blob_table,
                                                  &image_table,    &image_tag_table,  &registry_token_table};
static const struct reconciler_spec *const reconcilers[] = {&token_reconciler};
static const struct dirties_spec dirties[] = {{&registry_token_table, token_dirties}};

const struct domain_spec ecr_domain = {
    .name = "ecr",
    .tables = tables,
    .table_count = COUNT_OF(tables),
    .reconcilers = reconcilers,
    .reconciler_count = COUNT_OF(reconcilers),
    .dirties = dirties,
    .dirties_count = COUNT_OF(dirties),
};
