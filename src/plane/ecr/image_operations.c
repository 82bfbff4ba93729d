/* Images through the API: put, described, listed, got, deleted. */
#include "base/must.h"
#include "plane/ecr/operations.h"

/* ---- naming one ---- */

struct ecr_image_tag_list image_tags(const struct call *call, const struct repository_ref *ref, struct str digest)
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

static const struct image_record *not_named(const struct call *call, const struct ecr_image_identifier *id,
                                            enum ecr_image_failure_code code, const char *reason,
                                            struct ecr_image_failure *ret_failure)
{
    struct ecr_image_identifier *copy = arena_new(call->arena, struct ecr_image_identifier);

    *copy = *id;
    *ret_failure = (struct ecr_image_failure){.image_id = copy, .failure_code = code, .failure_reason = str_of(reason)};
    return NULL;
}

const struct image_record *image_named(const struct call *call, const struct repository_ref *ref,
                                       const struct ecr_image_identifier *id, struct ecr_image_failure *ret_failure)
{
    const struct image_record *image;
    struct fail f;

    if (id->image_digest.ptr == NULL && id->image_tag.ptr == NULL)
        return not_named(call, id, ECR_IMAGE_FAILURE_CODE_MISSING_DIGEST_AND_TAG,
                         "Invalid request parameters: both tag and digest cannot be null", ret_failure);
    if (id->image_digest.ptr != NULL && !manifest_digest_is_valid(id->image_digest))
        return not_named(call, id, ECR_IMAGE_FAILURE_CODE_INVALID_IMAGE_DIGEST,
                         "Invalid request parameters: image digest should satisfy the regex 'sha256:[0-9a-f]{64}'",
                         ret_failure);
    if (id->image_tag.ptr != NULL && !manifest_tag_is_valid(id->image_tag))
        return not_named(call, id, ECR_IMAGE_FAILURE_CODE_INVALID_IMAGE_TAG,
                         "Invalid request parameters: image tag should satisfy the regex "
                         "'[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}'",
                         ret_failure);
    if (!image_find(call->tx, ref, id->image_tag, id->image_tag.ptr == NULL ? id->image_digest : (struct str){NULL, 0},
                    &image, &f))
        return not_named(call, id, ECR_IMAGE_FAILURE_CODE_IMAGE_NOT_FOUND, "Requested image not found", ret_failure);
    if (id->image_digest.ptr != NULL && !str_eq(image->digest, id->image_digest))
        return not_named(call, id, ECR_IMAGE_FAILURE_CODE_IMAGE_TAG_DOES_NOT_MATCH_DIGEST,
                         "Requested image tag does not match the image digest", ret_failure);
    return image;
}

/* ---- DescribeImages ---- */

static struct ecr_image_detail detail_of(const struct call *call, const struct repository_ref *ref,
                                         const struct image_record *image)
{
    struct ecr_image_detail detail = {
        .registry_id = image->account_id,
        .repository_name = image->repository_name,
        .image_digest = image->digest,
        .image_tags = image_tags(call, ref, image->digest),
        .image_manifest_media_type = image->media_type,
        .artifact_media_type = image->artifact_type,
        .subject_manifest_digest = image->subject_digest,
        .image_status = ECR_IMAGE_STATUS_ACTIVE,
    };

    SET(&detail, image_size_in_bytes, image->size);
    SET(&detail, image_pushed_at, image->pushed_at);
    if (image->has_pulled_at)
        SET(&detail, last_recorded_pull_time, image->pulled_at);
    return detail;
}

/* Berth archives no images. */
static bool wanted(enum ecr_tag_status tagged, enum ecr_image_status_filter status, size_t tags)
{
    if (status != ECR_IMAGE_STATUS_FILTER_NONE && status != ECR_IMAGE_STATUS_FILTER_ACTIVE &&
        status != ECR_IMAGE_STATUS_FILTER_ANY)
        return false;
    return tagged == ECR_TAG_STATUS_NONE || tagged == ECR_TAG_STATUS_ANY ||
           (tagged == ECR_TAG_STATUS_TAGGED) == (tags > 0);
}

static bool describe_named(struct call *call, const struct repository_ref *ref,
                           const struct ecr_image_identifier_list *ids, struct ecr_image_detail_list *details)
{
    for (size_t i = 0; i < ids->count; i++) {
        const struct image_record *image;

        if (!image_find(call->tx, ref, ids->items[i].image_tag, ids->items[i].image_digest, &image, call->fail))
            return false;
        details->items[details->count++] = detail_of(call, ref, image);
    }
    return true;
}

bool ecr_describe_images(struct call *call, const struct ecr_describe_images_request *in,
                         struct ecr_describe_images_response *out)
{
    const struct ecr_describe_images_filter none = {0};
    const struct ecr_describe_images_filter *filter = in->filter == NULL ? &none : in->filter;
    struct repository_ref ref = REF(call, in);
    size_t limit = in->has_max_results ? (size_t)in->max_results : ECR_PAGE_DEFAULT;
    struct walk walk = transaction_walk(call->tx, &image_table, NULL,
                                        KEY_PREFIX(call->arena, ref.registry.account, ref.registry.region, ref.name));
    const struct repository_record *repository;
    const struct image_record *image;
    struct str last = {NULL, 0};

    if (!repository_find(call->tx, &ref, &repository, call->fail) ||
        !page_begin(call->arena, in->next_token, ECR_ERROR_INVALID_PARAMETER_EXCEPTION, &walk.at, call->fail))
        return false;
    out->image_details.items = arena_array(call->arena, struct ecr_image_detail, limit + in->image_ids.count + 1);
    if (in->image_ids.count > 0)
        return describe_named(call, &ref, &in->image_ids, &out->image_details);
    while ((image = walk_next(&walk)) != NULL) {
        struct ecr_image_detail detail = detail_of(call, &ref, image);

        if (!wanted(filter->tag_status, filter->image_status, detail.image_tags.count))
            continue;
        if (out->image_details.count == limit) {
            out->next_token = page_token(call->arena, last);
            break;
        }
        out->image_details.items[out->image_details.count++] = detail;
        last = walk.at;
    }
    return true;
}

/* ---- ListImages ---- */

/* A page of ids: an image has one for each tag, or one without. A token is the digest and the tag of the last one. */
struct id_page {
    struct call *call;
    const struct repository_ref *ref;
    struct ecr_list_images_filter filter;
    struct ecr_image_identifier_list *ids;
    size_t limit;
    bool full; /* there was one more */
};

static void add_id(struct id_page *page, struct str digest, struct str tag)
{
    page->full = page->ids->count == page->limit;
    if (!page->full)
        page->ids->items[page->ids->count++] = (struct ecr_image_identifier){.image_digest = digest, .image_tag = tag};
}

/* The ids of an image, of its tags behind `after` only (absent: all). */
static void add_image(struct id_page *page, struct str digest, struct str after)
{
    struct ecr_image_tag_list tags = image_tags(page->call, page->ref, digest);

    if (!wanted(page->filter.tag_status, page->filter.image_status, tags.count))
        return;
    if (tags.count == 0 && after.ptr == NULL)
        add_id(page, digest, (struct str){NULL, 0});
    for (size_t i = 0; i < tags.count && !page->full; i++)
        if (after.ptr == NULL || str_compare(tags.items[i], after) > 0)
            add_id(page, digest, tags.items[i]);
}

static struct str id_token(const struct call *call, const struct ecr_image_identifier *last)
{
    return page_token(call->arena,
                      arena_printf(call->arena, "%.*s/%.*s", STR_ARG(last->image_digest), STR_ARG(last->image_tag)));
}

bool ecr_list_images(struct call *call, const struct ecr_list_images_request *in, struct ecr_list_images_response *out)
{
    struct repository_ref ref = REF(call, in);
    struct id_page page = {.call = call,
                           .ref = &ref,
                           .ids = &out->image_ids,
                           .limit = in->has_max_results ? (size_t)in->max_results : ECR_PAGE_DEFAULT};
    struct walk walk = transaction_walk(call->tx, &image_table, NULL,
                                        KEY_PREFIX(call->arena, ref.registry.account, ref.registry.region, ref.name));
    const struct repository_record *repository;
    const struct image_record *image;
    struct str last;
    struct str last_tag;

    if (!repository_find(call->tx, &ref, &repository, call->fail) ||
        !page_begin(call->arena, in->next_token, ECR_ERROR_INVALID_PARAMETER_EXCEPTION, &last, call->fail))
        return false;
    if (in->filter != NULL)
        page.filter = *in->filter;
    out->image_ids.items = arena_array(call->arena, struct ecr_image_identifier, page.limit);
    if (last.ptr != NULL) { /* the page before ended with this image, perhaps not with its last tag */
        last = str_cut(last, '/', &last_tag);
        if (last_tag.len > 0)
            add_image(&page, last, last_tag);
        walk.at = KEY(call->arena, ref.registry.account, ref.registry.region, ref.name, last);
    }
    while (!page.full && (image = walk_next(&walk)) != NULL)
        add_image(&page, image->digest, (struct str){NULL, 0});
    if (page.full)
        out->next_token = id_token(call, &out->image_ids.items[out->image_ids.count - 1]);
    return true;
}

/* ---- BatchGetImage ---- */

static bool accepts(const struct ecr_media_type_list *accepted, struct str media_type)
{
    for (size_t i = 0; i < accepted->count; i++)
        if (str_eq(accepted->items[i], media_type))
            return true;
    return accepted->count == 0;
}

/* An image of a form that the caller does not read is not translated: the translation would have another digest. */
static void get_one(struct call *call, const struct repository_ref *ref, const struct ecr_batch_get_image_request *in,
                    const struct ecr_image_identifier *id, struct ecr_batch_get_image_response *out)
{
    struct ecr_image_failure *failure = &out->failures.items[out->failures.count];
    const struct image_record *image = image_named(call, ref, id, failure);
    struct ecr_image_identifier *found = arena_new(call->arena, struct ecr_image_identifier);

    if (image != NULL && !accepts(&in->accepted_media_types, image->media_type))
        image = not_named(call, id, ECR_IMAGE_FAILURE_CODE_IMAGE_NOT_FOUND,
                          arena_printf(call->arena, "The image is of media type %.*s, which acceptedMediaTypes lacks",
                                       STR_ARG(image->media_type))
                              .ptr,
                          failure);
    if (image == NULL) {
        out->failures.count++;
        return;
    }
    *found = (struct ecr_image_identifier){.image_digest = image->digest, .image_tag = id->image_tag};
    out->images.items[out->images.count++] = (struct ecr_image){.registry_id = image->account_id,
                                                                .repository_name = image->repository_name,
                                                                .image_id = found,
                                                                .image_manifest = image->manifest,
                                                                .image_manifest_media_type = image->media_type};
    image_note_pull(call->tx, image);
}

bool ecr_batch_get_image(struct call *call, const struct ecr_batch_get_image_request *in,
                         struct ecr_batch_get_image_response *out)
{
    struct repository_ref ref = REF(call, in);
    const struct repository_record *repository;

    if (!repository_find(call->tx, &ref, &repository, call->fail))
        return false;
    out->images.items = arena_array(call->arena, struct ecr_image, in->image_ids.count + 1);
    out->failures.items = arena_array(call->arena, struct ecr_image_failure, in->image_ids.count + 1);
    for (size_t i = 0; i < in->image_ids.count; i++)
        get_one(call, &ref, in, &in->image_ids.items[i], out);
    return true;
}

/* ---- BatchDeleteImage ---- */

static void delete_one(struct call *call, const struct repository_ref *ref, const struct ecr_image_identifier *id,
                       struct ecr_batch_delete_image_response *out)
{
    struct ecr_image_failure *failure = &out->failures.items[out->failures.count];
    const struct image_record *image = image_named(call, ref, id, failure);
    bool whole = image != NULL && (id->image_tag.ptr == NULL || image_goes_with_tag(call->tx, ref, image->digest));
    struct str index = whole ? image_index(call->tx, ref, image->digest) : (struct str){NULL, 0};

    if (index.ptr != NULL)
        image = not_named(
            call, id, ECR_IMAGE_FAILURE_CODE_IMAGE_REFERENCED_BY_MANIFEST_LIST,
            arena_printf(call->arena, "Requested image referenced by manifest list: [%.*s]", STR_ARG(index)).ptr,
            failure);
    if (image == NULL) {
        out->failures.count++;
        return;
    }
    out->image_ids.items[out->image_ids.count++] =
        (struct ecr_image_identifier){.image_digest = image->digest, .image_tag = id->image_tag};
    if (id->image_tag.ptr != NULL)
        image_remove_tag(call->tx, ref, id->image_tag);
    else
        image_remove(call->tx, ref, image->digest);
}

bool ecr_batch_delete_image(struct call *call, const struct ecr_batch_delete_image_request *in,
                            struct ecr_batch_delete_image_response *out)
{
    struct repository_ref ref = REF(call, in);
    const struct repository_record *repository;

    if (!repository_find(call->tx, &ref, &repository, call->fail))
        return false;
    out->image_ids.items = arena_array(call->arena, struct ecr_image_identifier, in->image_ids.count + 1);
    out->failures.items = arena_array(call->arena, struct ecr_image_failure, in->image_ids.count + 1);
    for (size_t i = 0; i < in->image_ids.count; i++)
        delete_one(call, &ref, &in->image_ids.items[i], out);
    return true;
}

/* ---- PutImage ---- */

/* Unlike the registry protocol, the API tells a caller that nothing changed. */
static bool check_new(const struct call *call, const struct repository_ref *ref, struct str digest, struct str tag)
{
    const struct image_tag_record *pointer =
        tag.ptr == NULL
            ? NULL
            : transaction_get(call->tx, &image_tag_table,
                              KEY(call->arena, ref->registry.account, ref->registry.region, ref->name, tag));
    struct fail unknown;
    const struct image_record *image;

    if (!image_find(call->tx, ref, (struct str){NULL, 0}, digest, &image, &unknown) ||
        (tag.ptr != NULL && (pointer == NULL || !str_eq(pointer->digest, digest))))
        return true;
    return fail_api(call->fail, ECR_ERROR_IMAGE_ALREADY_EXISTS_EXCEPTION,
                    "Image with digest '%.*s' and tag '%.*s' already exists in the repository with name '%.*s' in "
                    "registry with id '%.*s'",
                    STR_ARG(digest), STR_ARG(tag.ptr == NULL ? STR("null") : tag), STR_ARG(ref->name),
                    STR_ARG(ref->registry.account));
}

static bool check_put(const struct ecr_put_image_request *in, struct str digest, struct fail *f)
{
    if (in->image_tag.ptr != NULL && !manifest_tag_is_valid(in->image_tag))
        return fail_api(
            f, ECR_ERROR_INVALID_PARAMETER_EXCEPTION,
            "Invalid parameter at 'imageTag' failed to satisfy constraint: 'must satisfy regular expression "
            "'[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}''");
    if (in->image_digest.ptr != NULL && !str_eq(in->image_digest, digest))
        return fail_api(f, ECR_ERROR_IMAGE_DIGEST_DOES_NOT_MATCH_EXCEPTION,
                        "The specified image digest '%.*s' does not match the digest '%.*s' that was calculated for "
                        "the image",
                        STR_ARG(in->image_digest), STR_ARG(digest));
    return true;
}

bool ecr_put_image(struct call *call, const struct ecr_put_image_request *in, struct ecr_put_image_response *out)
{
    struct repository_ref ref = REF(call, in);
    struct str digest = manifest_digest(in->image_manifest, call->arena);
    struct ecr_image *image = arena_new(call->arena, struct ecr_image);
    const struct repository_record *repository;
    struct manifest manifest;

    if (!repository_find(call->tx, &ref, &repository, call->fail) || !check_put(in, digest, call->fail) ||
        !manifest_parse(in->image_manifest, in->image_manifest_media_type, call->tx->arena, &manifest, call->fail) ||
        !check_new(call, &ref, digest, in->image_tag) ||
        !image_put(call->tx, &ref, &manifest, in->image_manifest, digest, in->image_tag, call->fail))
        return false;
    image->registry_id = ref.registry.account;
    image->repository_name = ref.name;
    image->image_id = arena_new(call->arena, struct ecr_image_identifier);
    image->image_id->image_digest = digest;
    image->image_id->image_tag = in->image_tag;
    image->image_manifest = in->image_manifest;
    image->image_manifest_media_type = manifest.media_type;
    out->image = image;
    return true;
}
