/* The handlers of ECR's API. */
#include "base/must.h"
#include "plane/ecr/ecr.h"

enum { PAGE_DEFAULT = 100 };

/* ---- names ---- */

static struct repository_ref ref_of(const struct call *call, struct str registry_id, struct str name)
{
    return (struct repository_ref){
        .registry = {registry_id.ptr == NULL ? call->principal->account : registry_id, call->region}, .name = name};
}

static struct repository_uri_options uri_options(const struct call *call)
{
    return (struct repository_uri_options){
        .endpoint = call->settings->endpoint,
        .fallback = {call->settings->default_account, call->settings->default_region}};
}

/* Everything of ECR that has a repository has its name and registry in these two members. */
#define REF(call, in) ref_of((call), (in)->registry_id, (in)->repository_name)
#define REPOSITORY_RESOURCE(operation)                                                                                 \
    static struct str operation##_resource(const struct call *call, const void *in)                                    \
    {                                                                                                                  \
        const struct ecr_##operation##_request *of = in;                                                               \
        struct repository_ref ref = REF(call, of);                                                                     \
                                                                                                                       \
        return repository_arn(call->arena, &ref);                                                                      \
    }

/* ---- repositories ---- */

REPOSITORY_RESOURCE(create_repository)
static bool create_repository(struct call *call, const struct ecr_create_repository_request *in,
                              struct ecr_create_repository_response *out)
{
    struct repository_ref ref = REF(call, in);
    struct repository_uri_options options = uri_options(call);
    struct ecr_encryption_configuration *encryption = arena_new(call->arena, struct ecr_encryption_configuration);
    struct ecr_image_scanning_configuration *scanning = arena_new(call->arena, struct ecr_image_scanning_configuration);
    struct ecr_repository *repository = arena_new(call->arena, struct ecr_repository);
    struct repository_record record = {
        .account_id = ref.registry.account, .region = ref.registry.region, .repository = repository, .tags = in->tags};

    if (!repository_name_is_valid(ref.name))
        return fail_api(call->fail, ECR_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular "
                        "expression '(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*''");
    if (transaction_get(call->tx, &repository_table,
                        KEY(call->arena, ref.registry.account, ref.registry.region, ref.name)) != NULL)
        return fail_api(call->fail, ECR_ERROR_REPOSITORY_ALREADY_EXISTS_EXCEPTION,
                        "The repository with name '%.*s' already exists in the registry with id '%.*s'",
                        STR_ARG(ref.name), STR_ARG(ref.registry.account));
    if (in->image_scanning_configuration != NULL && in->image_scanning_configuration->scan_on_push)
        return fail_api(call->fail, ECR_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "Invalid parameter at 'imageScanningConfiguration': Berth does not scan images");
    if (in->image_tag_mutability > ECR_IMAGE_TAG_MUTABILITY_IMMUTABLE)
        return fail_api(call->fail, ECR_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "Invalid parameter at 'imageTagMutability': Berth does not know exclusion filters");
    encryption->encryption_type = ECR_ENCRYPTION_TYPE_AES256;
    SET(scanning, scan_on_push, false);
    repository->repository_arn = repository_arn(call->arena, &ref);
    repository->registry_id = ref.registry.account;
    repository->repository_name = ref.name;
    repository->repository_uri = repository_uri(&options, &ref, call->arena);
    repository->image_tag_mutability = in->image_tag_mutability == ECR_IMAGE_TAG_MUTABILITY_NONE
                                           ? ECR_IMAGE_TAG_MUTABILITY_MUTABLE
                                           : in->image_tag_mutability;
    repository->image_scanning_configuration = scanning;
    repository->encryption_configuration = encryption;
    SET(repository, created_at, call->tx->now_ms);
    must(transaction_put(call->tx, &repository_table, &record));
    out->repository = repository;
    return true;
}

static bool describe_named(struct call *call, const struct ecr_describe_repositories_request *in,
                           struct ecr_describe_repositories_response *out)
{
    for (size_t i = 0; i < in->repository_names.count; i++) {
        struct repository_ref ref = ref_of(call, in->registry_id, in->repository_names.items[i]);
        const struct repository_record *record;

        if (!repository_find(call->tx, &ref, &record, call->fail))
            return false;
        out->repositories.items[out->repositories.count++] = *record->repository;
    }
    return true;
}

static bool describe_repositories(struct call *call, const struct ecr_describe_repositories_request *in,
                                  struct ecr_describe_repositories_response *out)
{
    struct repository_ref all = ref_of(call, in->registry_id, STR(""));
    struct walk walk = transaction_walk(call->tx, &repository_table, NULL,
                                        KEY_PREFIX(call->arena, all.registry.account, all.registry.region));
    size_t limit = in->has_max_results ? (size_t)in->max_results : PAGE_DEFAULT;
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

/* Removes every record of a table that stands below the repository. */
static void remove_below(struct transaction *tx, const struct table_spec *table, const struct repository_ref *ref)
{
    struct walk walk = transaction_walk(tx, table, NULL,
                                        KEY_PREFIX(tx->arena, ref->registry.account, ref->registry.region, ref->name));

    while (walk_next(&walk) != NULL)
        transaction_delete(tx, table, walk.at);
}

REPOSITORY_RESOURCE(delete_repository)
static bool delete_repository(struct call *call, const struct ecr_delete_repository_request *in,
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

REPOSITORY_RESOURCE(put_image_tag_mutability)
static bool put_image_tag_mutability(struct call *call, const struct ecr_put_image_tag_mutability_request *in,
                                     struct ecr_put_image_tag_mutability_response *out)
{
    struct repository_ref ref = REF(call, in);
    const struct repository_record *before;
    struct ecr_repository repository;
    struct repository_record record;

    if (!repository_find(call->tx, &ref, &before, call->fail))
        return false;
    if (in->image_tag_mutability > ECR_IMAGE_TAG_MUTABILITY_IMMUTABLE)
        return fail_api(call->fail, ECR_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "Invalid parameter at 'imageTagMutability': Berth does not know exclusion filters");
    record = *before;
    repository = *before->repository;
    repository.image_tag_mutability = in->image_tag_mutability;
    record.repository = &repository;
    must(transaction_put(call->tx, &repository_table, &record));
    out->registry_id = ref.registry.account;
    out->repository_name = ref.name;
    out->image_tag_mutability = in->image_tag_mutability;
    return true;
}

/* ---- tokens ---- */

/* A password that nobody can guess, kept until it expires; the client sends it back as Basic AWS:password. */
static bool get_authorization_token(struct call *call, const struct ecr_get_authorization_token_request *in,
                                    struct ecr_get_authorization_token_response *out)
{
    static const char hex[] = "0123456789abcdef";
    static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char bytes[31];
    char plain[4 + 2 * sizeof(bytes)] = "AWS:"; /* 66 bytes, a multiple of three: base64 without padding */
    char *encoded = arena_alloc(call->arena, sizeof(plain) / 3 * 4 + 1);
    struct ecr_authorization_data *data = arena_new(call->arena, struct ecr_authorization_data);
    struct registry_token_record record = {.account_id = call->principal->account,
                                           .access_key_id = call->principal->access_key};

    (void)in;
    transaction_secret(call->tx, bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        plain[4 + 2 * i] = hex[bytes[i] >> 4];
        plain[5 + 2 * i] = hex[bytes[i] & 15];
    }
    for (size_t i = 0; i < sizeof(plain) / 3; i++) {
        uint32_t three = (uint32_t)(unsigned char)plain[3 * i] << 16 | (uint32_t)(unsigned char)plain[3 * i + 1] << 8 |
                         (uint32_t)(unsigned char)plain[3 * i + 2];

        for (size_t k = 0; k < 4; k++)
            encoded[4 * i + k] = base64[three >> (18 - 6 * k) & 63];
    }
    record.token = (struct str){plain + 4, sizeof(plain) - 4};
    SET(&record, expires_at, call->tx->now_ms + REGISTRY_TOKEN_MS);
    must(transaction_put(call->tx, &registry_token_table, &record));
    data->authorization_token = (struct str){encoded, sizeof(plain) / 3 * 4};
    data->proxy_endpoint = arena_printf(call->arena, "http://%.*s", STR_ARG(call->settings->endpoint));
    SET(data, expires_at, record.expires_at);
    out->authorization_data.items = data;
    out->authorization_data.count = 1;
    return true;
}

/* ---- images ---- */

static struct ecr_image_tag_list tags_of(struct call *call, const struct repository_ref *ref, struct str digest)
{
    struct str prefix = KEY_PREFIX(call->arena, ref->registry.account, ref->registry.region, ref->name, digest);
    struct walk walk = transaction_walk(call->tx, &image_tag_table, "digest", prefix);
    struct ecr_image_tag_list tags = {0};
    const struct image_tag_record *tag;

    while (walk_next(&walk) != NULL)
        tags.count++;
    if (tags.count == 0)
        return tags;
    tags.items = arena_array(call->arena, struct str, tags.count);
    tags.count = 0;
    walk = transaction_walk(call->tx, &image_tag_table, "digest", prefix);
    while ((tag = walk_next(&walk)) != NULL)
        tags.items[tags.count++] = tag->tag;
    return tags;
}

static struct ecr_image_detail detail_of(struct call *call, const struct repository_ref *ref,
                                         const struct image_record *image)
{
    struct ecr_image_detail detail = {
        .registry_id = image->account_id,
        .repository_name = image->repository_name,
        .image_digest = image->digest,
        .image_tags = tags_of(call, ref, image->digest),
        .image_manifest_media_type = image->media_type,
        .artifact_media_type = image->artifact_type,
        .subject_manifest_digest = image->subject_digest,
    };

    SET(&detail, image_size_in_bytes, image->size);
    SET(&detail, image_pushed_at, image->pushed_at);
    return detail;
}

static bool wanted(enum ecr_tag_status status, size_t tags)
{
    return status == ECR_TAG_STATUS_NONE || status == ECR_TAG_STATUS_ANY ||
           (status == ECR_TAG_STATUS_TAGGED) == (tags > 0);
}

REPOSITORY_RESOURCE(describe_images)
static bool describe_images(struct call *call, const struct ecr_describe_images_request *in,
                            struct ecr_describe_images_response *out)
{
    struct repository_ref ref = REF(call, in);
    size_t limit = in->has_max_results ? (size_t)in->max_results : PAGE_DEFAULT;
    const struct repository_record *repository;
    const struct image_record *image;
    struct walk walk = transaction_walk(call->tx, &image_table, NULL,
                                        KEY_PREFIX(call->arena, ref.registry.account, ref.registry.region, ref.name));

    if (!repository_find(call->tx, &ref, &repository, call->fail) ||
        !page_begin(call->arena, in->next_token, ECR_ERROR_INVALID_PARAMETER_EXCEPTION, &walk.at, call->fail))
        return false;
    out->image_details.items = arena_array(call->arena, struct ecr_image_detail, limit + in->image_ids.count + 1);
    for (size_t i = 0; i < in->image_ids.count; i++) {
        if (!image_find(call->tx, &ref, in->image_ids.items[i].image_tag, in->image_ids.items[i].image_digest, &image,
                        call->fail))
            return false;
        out->image_details.items[out->image_details.count++] = detail_of(call, &ref, image);
    }
    while (in->image_ids.count == 0 && (image = walk_next(&walk)) != NULL) {
        struct ecr_image_detail detail = detail_of(call, &ref, image);

        if (in->filter != NULL && !wanted(in->filter->tag_status, detail.image_tags.count))
            continue;
        out->image_details.items[out->image_details.count++] = detail;
        if (out->image_details.count == limit) {
            out->next_token = page_token(call->arena, walk.at);
            break;
        }
    }
    return true;
}

static void add_ids(struct ecr_list_images_response *out, struct call *call, const struct repository_ref *ref,
                    const struct image_record *image, enum ecr_tag_status status)
{
    struct ecr_image_tag_list tags = tags_of(call, ref, image->digest);
    struct ecr_image_identifier *grown;
    size_t more = tags.count == 0 ? 1 : tags.count;

    if (!wanted(status, tags.count))
        return;
    grown = arena_array(call->arena, struct ecr_image_identifier, out->image_ids.count + more);
    if (out->image_ids.count > 0)
        memcpy(grown, out->image_ids.items, out->image_ids.count * sizeof(*grown));
    for (size_t i = 0; i < more; i++)
        grown[out->image_ids.count + i] = (struct ecr_image_identifier){
            .image_digest = image->digest, .image_tag = i < tags.count ? tags.items[i] : (struct str){NULL, 0}};
    out->image_ids.items = grown;
    out->image_ids.count += more;
}

REPOSITORY_RESOURCE(list_images)
static bool list_images(struct call *call, const struct ecr_list_images_request *in,
                        struct ecr_list_images_response *out)
{
    struct repository_ref ref = REF(call, in);
    size_t limit = in->has_max_results ? (size_t)in->max_results : PAGE_DEFAULT;
    const struct repository_record *repository;
    const struct image_record *image;
    struct walk walk = transaction_walk(call->tx, &image_table, NULL,
                                        KEY_PREFIX(call->arena, ref.registry.account, ref.registry.region, ref.name));

    if (!repository_find(call->tx, &ref, &repository, call->fail) ||
        !page_begin(call->arena, in->next_token, ECR_ERROR_INVALID_PARAMETER_EXCEPTION, &walk.at, call->fail))
        return false;
    out->image_ids.items = arena_alloc(call->arena, 0);
    for (size_t images = 0; (image = walk_next(&walk)) != NULL;) {
        add_ids(out, call, &ref, image, in->filter == NULL ? ECR_TAG_STATUS_NONE : in->filter->tag_status);
        if (++images == limit) {
            out->next_token = page_token(call->arena, walk.at);
            break;
        }
    }
    return true;
}

static struct ecr_image_failure failure_of(struct call *call, const struct ecr_image_identifier *id)
{
    struct ecr_image_failure failure = {.failure_code = ECR_IMAGE_FAILURE_CODE_IMAGE_NOT_FOUND,
                                        .failure_reason = STR("Requested image not found")};

    failure.image_id = arena_new(call->arena, struct ecr_image_identifier);
    *failure.image_id = *id;
    if (id->image_digest.ptr == NULL && id->image_tag.ptr == NULL) {
        failure.failure_code = ECR_IMAGE_FAILURE_CODE_MISSING_DIGEST_AND_TAG;
        failure.failure_reason = STR("Invalid request parameters: both tag and digest cannot be null");
    }
    return failure;
}

REPOSITORY_RESOURCE(batch_get_image)
static bool batch_get_image(struct call *call, const struct ecr_batch_get_image_request *in,
                            struct ecr_batch_get_image_response *out)
{
    struct repository_ref ref = REF(call, in);
    const struct repository_record *repository;

    if (!repository_find(call->tx, &ref, &repository, call->fail))
        return false;
    out->images.items = arena_array(call->arena, struct ecr_image, in->image_ids.count + 1);
    out->failures.items = arena_array(call->arena, struct ecr_image_failure, in->image_ids.count + 1);
    for (size_t i = 0; i < in->image_ids.count; i++) {
        const struct ecr_image_identifier *id = &in->image_ids.items[i];
        struct ecr_image_identifier *found = arena_new(call->arena, struct ecr_image_identifier);
        const struct image_record *image;
        struct fail f;

        if (!image_find(call->tx, &ref, id->image_tag, id->image_digest, &image, &f)) {
            out->failures.items[out->failures.count++] = failure_of(call, id);
            continue;
        }
        *found = (struct ecr_image_identifier){.image_digest = image->digest, .image_tag = id->image_tag};
        out->images.items[out->images.count++] = (struct ecr_image){.registry_id = image->account_id,
                                                                    .repository_name = image->repository_name,
                                                                    .image_id = found,
                                                                    .image_manifest = image->manifest,
                                                                    .image_manifest_media_type = image->media_type};
    }
    return true;
}

REPOSITORY_RESOURCE(batch_delete_image)
static bool batch_delete_image(struct call *call, const struct ecr_batch_delete_image_request *in,
                               struct ecr_batch_delete_image_response *out)
{
    struct repository_ref ref = REF(call, in);
    const struct repository_record *repository;

    if (!repository_find(call->tx, &ref, &repository, call->fail))
        return false;
    out->image_ids.items = arena_array(call->arena, struct ecr_image_identifier, in->image_ids.count + 1);
    out->failures.items = arena_array(call->arena, struct ecr_image_failure, in->image_ids.count + 1);
    for (size_t i = 0; i < in->image_ids.count; i++) {
        const struct ecr_image_identifier *id = &in->image_ids.items[i];
        const struct image_record *image;
        struct fail f;

        if (!image_find(call->tx, &ref, id->image_tag, id->image_digest, &image, &f)) {
            out->failures.items[out->failures.count++] = failure_of(call, id);
            continue;
        }
        out->image_ids.items[out->image_ids.count++] =
            (struct ecr_image_identifier){.image_digest = image->digest, .image_tag = id->image_tag};
        if (id->image_tag.ptr != NULL)
            image_remove_tag(call->tx, &ref, id->image_tag);
        else
            image_remove(call->tx, &ref, image->digest);
    }
    return true;
}

REPOSITORY_RESOURCE(batch_check_layer_availability)
static bool batch_check_layer_availability(struct call *call,
                                           const struct ecr_batch_check_layer_availability_request *in,
                                           struct ecr_batch_check_layer_availability_response *out)
{
    struct repository_ref ref = REF(call, in);
    const struct repository_record *repository;

    if (!repository_find(call->tx, &ref, &repository, call->fail))
        return false;
    out->layers.items = arena_array(call->arena, struct ecr_layer, in->layer_digests.count + 1);
    out->failures.items = arena_alloc(call->arena, 0);
    for (size_t i = 0; i < in->layer_digests.count; i++) {
        struct ecr_layer *layer = &out->layers.items[out->layers.count++];

        layer->layer_digest = in->layer_digests.items[i];
        layer->layer_availability = repository_has_blob(call->tx, &ref, layer->layer_digest)
                                        ? ECR_LAYER_AVAILABILITY_AVAILABLE
                                        : ECR_LAYER_AVAILABILITY_UNAVAILABLE;
    }
    return true;
}

const struct operation_spec ecr_handlers[] = {
    OPERATION(ecr, create_repository, "ecr:CreateRepository", create_repository_resource),
    OPERATION(ecr, describe_repositories, "ecr:DescribeRepositories", NULL),
    OPERATION(ecr, delete_repository, "ecr:DeleteRepository", delete_repository_resource),
    OPERATION(ecr, put_image_tag_mutability, "ecr:PutImageTagMutability", put_image_tag_mutability_resource),
    OPERATION(ecr, get_authorization_token, "ecr:GetAuthorizationToken", NULL),
    OPERATION(ecr, describe_images, "ecr:DescribeImages", describe_images_resource),
    OPERATION(ecr, list_images, "ecr:ListImages", list_images_resource),
    OPERATION(ecr, batch_get_image, "ecr:BatchGetImage", batch_get_image_resource),
    OPERATION(ecr, batch_delete_image, "ecr:BatchDeleteImage", batch_delete_image_resource),
    OPERATION(ecr, batch_check_layer_availability, "ecr:BatchCheckLayerAvailability",
              batch_check_layer_availability_resource),
};
const size_t ecr_handler_count = COUNT_OF(ecr_handlers);
