/* Repositories: made, described, deleted, and whether their tags may move. */
#include "base/must.h"
#include "plane/ecr/operations.h"

#define NAME_PATTERN "(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*"

enum { WILDCARDS_MAX = 2 }; /* of one filter; API reference, ImageTagMutabilityExclusionFilter */

/* ---- what CreateRepository is asked for ---- */

static bool check_name(const struct repository_ref *ref, struct fail *f)
{
    return repository_name_is_valid(ref->name) ||
           fail_api(f, ECR_ERROR_INVALID_PARAMETER_EXCEPTION,
                    "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular "
                    "expression '" NAME_PATTERN "''");
}

static bool has_exclusion(enum ecr_image_tag_mutability mutability)
{
    return mutability == ECR_IMAGE_TAG_MUTABILITY_IMMUTABLE_WITH_EXCLUSION ||
           mutability == ECR_IMAGE_TAG_MUTABILITY_MUTABLE_WITH_EXCLUSION;
}

static size_t wildcards(struct str filter)
{
    size_t count = 0;

    for (size_t i = 0; i < filter.len; i++)
        count += filter.ptr[i] == '*';
    return count;
}

/* Filters belong to the two kinds that have exclusions, and to no other. */
static bool check_mutability(enum ecr_image_tag_mutability mutability,
                             const struct ecr_image_tag_mutability_exclusion_filters *filters, struct fail *f)
{
    if (has_exclusion(mutability) != (filters->count > 0))
        return fail_api(f, ECR_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "Invalid parameter at 'imageTagMutabilityExclusionFilters' failed to satisfy constraint: 'must "
                        "be given with IMMUTABLE_WITH_EXCLUSION and MUTABLE_WITH_EXCLUSION, and only with them'");
    for (size_t i = 0; i < filters->count; i++)
        if (wildcards(filters->items[i].filter) > WILDCARDS_MAX)
            return fail_api(f, ECR_ERROR_INVALID_PARAMETER_EXCEPTION,
                            "Invalid parameter at 'imageTagMutabilityExclusionFilters' failed to satisfy constraint: "
                            "'%.*s has more than %d wildcards'",
                            STR_ARG(filters->items[i].filter), WILDCARDS_MAX);
    return true;
}

/* What would be stored and not acted on is refused. */
static bool check_kept(const struct ecr_create_repository_request *in, struct fail *f)
{
    const struct ecr_encryption_configuration *encryption = in->encryption_configuration;

    if (in->image_scanning_configuration != NULL && in->image_scanning_configuration->scan_on_push)
        return fail_api(f, ECR_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "Invalid parameter at 'imageScanningConfiguration': Berth does not scan images; scanOnPush "
                        "must be false");
    if (encryption != NULL &&
        (encryption->encryption_type != ECR_ENCRYPTION_TYPE_AES256 || encryption->kms_key.ptr != NULL))
        return fail_api(f, ECR_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "Invalid parameter at 'encryptionConfiguration': Berth has no KMS; encryptionType must be "
                        "AES256, without a kmsKey");
    return true;
}

/* ---- CreateRepository ---- */

static struct ecr_repository *new_repository(const struct call *call, const struct repository_ref *ref,
                                             const struct ecr_create_repository_request *in)
{
    const struct repository_uri_options options = {
        .endpoint = call->settings->endpoint,
        .fallback = {call->settings->default_account, call->settings->default_region}};
    struct ecr_repository *repository = arena_new(call->arena, struct ecr_repository);

    repository->repository_arn = repository_arn(call->arena, ref);
    repository->registry_id = ref->registry.account;
    repository->repository_name = ref->name;
    repository->repository_uri = repository_uri(&options, ref, call->arena);
    repository->image_tag_mutability = in->image_tag_mutability == ECR_IMAGE_TAG_MUTABILITY_NONE
                                           ? ECR_IMAGE_TAG_MUTABILITY_MUTABLE
                                           : in->image_tag_mutability;
    repository->image_tag_mutability_exclusion_filters = in->image_tag_mutability_exclusion_filters;
    repository->image_scanning_configuration = arena_new(call->arena, struct ecr_image_scanning_configuration);
    SET(repository->image_scanning_configuration, scan_on_push, false);
    repository->encryption_configuration = arena_new(call->arena, struct ecr_encryption_configuration);
    repository->encryption_configuration->encryption_type = ECR_ENCRYPTION_TYPE_AES256;
    SET(repository, created_at, call->tx->now_ms);
    return repository;
}

bool ecr_create_repository(struct call *call, const struct ecr_create_repository_request *in,
                           struct ecr_create_repository_response *out)
{
    struct repository_ref ref = REF(call, in);
    struct repository_record record = {
        .account_id = ref.registry.account, .region = ref.registry.region, .tags = in->tags};

    if (!check_name(&ref, call->fail) || !check_kept(in, call->fail) || !repository_tags_check(&in->tags, call->fail) ||
        !check_mutability(in->image_tag_mutability, &in->image_tag_mutability_exclusion_filters, call->fail))
        return false;
    if (transaction_get(call->tx, &repository_table,
                        KEY(call->arena, ref.registry.account, ref.registry.region, ref.name)) != NULL)
        return fail_api(call->fail, ECR_ERROR_REPOSITORY_ALREADY_EXISTS_EXCEPTION,
                        "The repository with name '%.*s' already exists in the registry with id '%.*s'",
                        STR_ARG(ref.name), STR_ARG(ref.registry.account));
    record.repository = new_repository(call, &ref, in);
    must(transaction_put(call->tx, &repository_table, &record));
    out->repository = record.repository;
    return true;
}

/* ---- DescribeRepositories ---- */

static bool describe_named(struct call *call, const struct ecr_describe_repositories_request *in,
                           struct ecr_describe_repositories_response *out)
{
    for (size_t i = 0; i < in->repository_names.count; i++) {
        struct repository_ref ref = ecr_ref(call, in->registry_id, in->repository_names.items[i]);
        const struct repository_record *record;

        if (!repository_find(call->tx, &ref, &record, call->fail))
            return false;
        out->repositories.items[out->repositories.count++] = *record->repository;
    }
    return true;
}

bool ecr_describe_repositories(struct call *call, const struct ecr_describe_repositories_request *in,
                               struct ecr_describe_repositories_response *out)
{
    struct repository_ref all = ecr_ref(call, in->registry_id, STR(""));
    struct walk walk = transaction_walk(call->tx, &repository_table, NULL,
                                        KEY_PREFIX(call->arena, all.registry.account, all.registry.region));
    size_t limit = in->has_max_results ? (size_t)in->max_results : ECR_PAGE_DEFAULT;
    const struct repository_record *record;

    out->repositories.items = arena_array(call->arena, struct ecr_repository, limit + in->repository_names.count + 1);
    if (in->repository_names.count > 0)
        return describe_named(call, in, out);
    if (!page_begin(call->arena, in->next_token, ECR_ERROR_INVALID_PARAMETER_EXCEPTION, &walk.at, call->fail))
        return false;
    while (out->repositories.count < limit && (record = walk_next(&walk)) != NULL)
        out->repositories.items[out->repositories.count++] = *record->repository;
    if (out->repositories.count == limit) {
        struct str last = walk.at;

        if (walk_next(&walk) != NULL)
            out->next_token = page_token(call->arena, last);
    }
    return true;
}

/* ---- DeleteRepository ---- */

/* Removes every record of a table that stands below the repository. */
static void remove_below(struct transaction *tx, const struct table_spec *table, const struct repository_ref *ref)
{
    struct walk walk = transaction_walk(tx, table, NULL,
                                        KEY_PREFIX(tx->arena, ref->registry.account, ref->registry.region, ref->name));

    while (walk_next(&walk) != NULL)
        transaction_delete(tx, table, walk.at);
}

bool ecr_delete_repository(struct call *call, const struct ecr_delete_repository_request *in,
                           struct ecr_delete_repository_response *out)
{
    struct repository_ref ref = REF(call, in);
    const struct repository_record *record;
    struct walk walk;

    if (!repository_find(call->tx, &ref, &record, call->fail))
        return false;
    walk = transaction_walk(call->tx, &image_table, NULL,
                            KEY_PREFIX(call->arena, ref.registry.account, ref.registry.region, ref.name));
    if (!in->force && walk_next(&walk) != NULL)
        return fail_api(call->fail, ECR_ERROR_REPOSITORY_NOT_EMPTY_EXCEPTION,
                        "The repository with name '%.*s' in registry with id '%.*s' cannot be deleted because it still "
                        "contains images",
                        STR_ARG(ref.name), STR_ARG(ref.registry.account));
    out->repository = record->repository;
    remove_below(call->tx, &image_tag_table, &ref);
    remove_below(call->tx, &image_table, &ref);
    remove_below(call->tx, &repository_blob_table, &ref);
    transaction_delete(call->tx, &repository_table,
                       KEY(call->arena, ref.registry.account, ref.registry.region, ref.name));
    return true;
}

/* ---- PutImageTagMutability ---- */

bool ecr_put_image_tag_mutability(struct call *call, const struct ecr_put_image_tag_mutability_request *in,
                                  struct ecr_put_image_tag_mutability_response *out)
{
    struct repository_ref ref = REF(call, in);
    const struct repository_record *before;
    struct ecr_repository repository;
    struct repository_record record;

    if (!check_mutability(in->image_tag_mutability, &in->image_tag_mutability_exclusion_filters, call->fail) ||
        !repository_find(call->tx, &ref, &before, call->fail))
        return false;
    record = *before;
    repository = *before->repository;
    repository.image_tag_mutability = in->image_tag_mutability;
    repository.image_tag_mutability_exclusion_filters = in->image_tag_mutability_exclusion_filters;
    record.repository = &repository;
    must(transaction_put(call->tx, &repository_table, &record));
    out->registry_id = ref.registry.account;
    out->repository_name = ref.name;
    out->image_tag_mutability = in->image_tag_mutability;
    out->image_tag_mutability_exclusion_filters = in->image_tag_mutability_exclusion_filters;
    return true;
}
