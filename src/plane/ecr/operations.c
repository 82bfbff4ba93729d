/* The table of ECR operations: handler, IAM action, resource. An operation that is not here is refused by name. */
#include "plane/ecr/operations.h"

#include "plane/ecr/access.h"

struct repository_ref ecr_ref(const struct call *call, struct str registry_id, struct str name)
{
    return (struct repository_ref){
        .registry = {registry_id.ptr == NULL ? call->principal->account : registry_id, call->region}, .name = name};
}

#define REPOSITORY_RESOURCE(operation)                                                                                 \
    static struct str operation##_resource(const struct call *call, const void *in)                                    \
    {                                                                                                                  \
        const struct ecr_##operation##_request *of = in;                                                               \
        struct repository_ref ref = REF(call, of);                                                                     \
                                                                                                                       \
        return repository_arn(call->arena, &ref);                                                                      \
    }

REPOSITORY_RESOURCE(create_repository)
REPOSITORY_RESOURCE(delete_repository)
REPOSITORY_RESOURCE(put_image_tag_mutability)
REPOSITORY_RESOURCE(set_repository_policy)
REPOSITORY_RESOURCE(get_repository_policy)
REPOSITORY_RESOURCE(delete_repository_policy)
REPOSITORY_RESOURCE(describe_images)
REPOSITORY_RESOURCE(list_images)
REPOSITORY_RESOURCE(batch_get_image)
REPOSITORY_RESOURCE(batch_delete_image)
REPOSITORY_RESOURCE(put_image)
REPOSITORY_RESOURCE(batch_check_layer_availability)
REPOSITORY_RESOURCE(initiate_layer_upload)
REPOSITORY_RESOURCE(upload_layer_part)
REPOSITORY_RESOURCE(complete_layer_upload)
REPOSITORY_RESOURCE(get_download_url_for_layer)

/* Without names it is about all repositories of the registry. */
static void describe_repositories_asks(const struct call *call, const void *in, struct asks *asks)
{
    const struct ecr_describe_repositories_request *of = in;
    struct repository_ref ref = ecr_ref(call, of->registry_id, STR("*"));

    if (of->repository_names.count == 0)
        asks_add(asks, "ecr:DescribeRepositories", repository_arn(call->arena, &ref));
    for (size_t i = 0; i < of->repository_names.count; i++) {
        ref.name = of->repository_names.items[i];
        asks_add(asks, "ecr:DescribeRepositories", repository_arn(call->arena, &ref));
    }
}

#define ARN_RESOURCE(operation)                                                                                        \
    static struct str operation##_resource(const struct call *call, const void *in)                                    \
    {                                                                                                                  \
        (void)call;                                                                                                    \
        return ((const struct ecr_##operation##_request *)in)->resource_arn;                                           \
    }

ARN_RESOURCE(tag_resource)
ARN_RESOURCE(untag_resource)
ARN_RESOURCE(list_tags_for_resource)

#define ROW(name, action)      OPERATION_GUARDED(ecr, name, action, name##_resource, NULL, NULL, &ecr_access)
#define ROW_ALL(name, action)  OPERATION_GUARDED(ecr, name, action, NULL, NULL, NULL, &ecr_access)
#define ROW_DONE(name, action) OPERATION_GUARDED(ecr, name, action, name##_resource, name##_finish, NULL, &ecr_access)

const struct operation_spec ecr_handlers[] = {
    ROW(create_repository, "ecr:CreateRepository"),
    OPERATION_GUARDED(ecr, describe_repositories, "ecr:DescribeRepositories", NULL, NULL, describe_repositories_asks,
                      &ecr_access),
    ROW(delete_repository, "ecr:DeleteRepository"),
    ROW(put_image_tag_mutability, "ecr:PutImageTagMutability"),
    ROW(set_repository_policy, "ecr:SetRepositoryPolicy"),
    ROW(get_repository_policy, "ecr:GetRepositoryPolicy"),
    ROW(delete_repository_policy, "ecr:DeleteRepositoryPolicy"),
    ROW(tag_resource, "ecr:TagResource"),
    ROW(untag_resource, "ecr:UntagResource"),
    ROW(list_tags_for_resource, "ecr:ListTagsForResource"),
    ROW_ALL(get_authorization_token, "ecr:GetAuthorizationToken"),
    ROW_ALL(describe_registry, "ecr:DescribeRegistry"),
    ROW_ALL(put_registry_policy, "ecr:PutRegistryPolicy"),
    ROW_ALL(get_registry_policy, "ecr:GetRegistryPolicy"),
    ROW_ALL(delete_registry_policy, "ecr:DeleteRegistryPolicy"),
    ROW_ALL(get_account_setting, "ecr:GetAccountSetting"),
    ROW_ALL(put_account_setting, "ecr:PutAccountSetting"),
    ROW(describe_images, "ecr:DescribeImages"),
    ROW(list_images, "ecr:ListImages"),
    ROW(batch_get_image, "ecr:BatchGetImage"),
    ROW(batch_delete_image, "ecr:BatchDeleteImage"),
    ROW(put_image, "ecr:PutImage"),
    ROW(batch_check_layer_availability, "ecr:BatchCheckLayerAvailability"),
    ROW_DONE(initiate_layer_upload, "ecr:InitiateLayerUpload"),
    ROW_DONE(upload_layer_part, "ecr:UploadLayerPart"),
    ROW_DONE(complete_layer_upload, "ecr:CompleteLayerUpload"),
    ROW_DONE(get_download_url_for_layer, "ecr:GetDownloadUrlForLayer"),
};
const size_t ecr_handler_count = COUNT_OF(ecr_handlers);
