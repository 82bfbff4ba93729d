/* The handlers of ECR's operations, declared for the table in operations.c, and what they share. Core thread; see
 * core/call.h. Handlers whose second half touches layers have it beside them, as NAME_finish, on a worker. */
#pragma once

#include "plane/ecr/ecr.h"
#include "plane/ecr/layer_port.h"

enum { ECR_PAGE_DEFAULT = 100 }; /* API reference, DescribeRepositories: maxResults */

#define ECR_HANDLER(name)                                                                                              \
    bool ecr_##name(struct call *call, const struct ecr_##name##_request *in, struct ecr_##name##_response *out)
#define ECR_FINISH(name)                                                                                               \
    bool name##_finish(const struct call *call, const struct ports *ports, const struct ecr_##name##_request *in,      \
                       struct ecr_##name##_response *out)

/* What a request is about: everything of ECR that has a repository has its registry and name in these two members. */
#define REF(call, in) ecr_ref((call), (in)->registry_id, (in)->repository_name)

struct repository_ref ecr_ref(const struct call *call, struct str registry_id, struct str name);
/* By digest, or by tag, or by both, which must fit. NULL: something is wrong with the id, and *ret_failure tells it as
 * BatchGetImage does. */
const struct image_record *image_named(const struct call *call, const struct repository_ref *ref,
                                       const struct ecr_image_identifier *id, struct ecr_image_failure *ret_failure);
/* An image's tags, in order. */
struct ecr_image_tag_list image_tags(const struct call *call, const struct repository_ref *ref, struct str digest);

/* Repositories. */
ECR_HANDLER(create_repository);
ECR_HANDLER(describe_repositories);
ECR_HANDLER(delete_repository);
ECR_HANDLER(put_image_tag_mutability);
/* Their policies. */
bool fail_principal(const struct call *call, struct str unknown); /* a policy names somebody who does not exist */
ECR_HANDLER(set_repository_policy);
ECR_HANDLER(get_repository_policy);
ECR_HANDLER(delete_repository_policy);
/* Tags of repositories. */
bool repository_tags_check(const struct ecr_tag_list *tags, struct fail *f);
ECR_HANDLER(tag_resource);
ECR_HANDLER(untag_resource);
ECR_HANDLER(list_tags_for_resource);
/* The registry. */
ECR_HANDLER(get_authorization_token);
ECR_HANDLER(describe_registry);
ECR_HANDLER(put_registry_policy);
ECR_HANDLER(get_registry_policy);
ECR_HANDLER(delete_registry_policy);
ECR_HANDLER(get_account_setting);
ECR_HANDLER(put_account_setting);
/* Images. */
ECR_HANDLER(describe_images);
ECR_HANDLER(list_images);
ECR_HANDLER(batch_get_image);
ECR_HANDLER(batch_delete_image);
ECR_HANDLER(put_image);
/* Layers. */
ECR_HANDLER(batch_check_layer_availability);
ECR_HANDLER(initiate_layer_upload);
ECR_FINISH(initiate_layer_upload);
ECR_HANDLER(upload_layer_part);
ECR_FINISH(upload_layer_part);
ECR_HANDLER(complete_layer_upload);
ECR_FINISH(complete_layer_upload);
ECR_HANDLER(get_download_url_for_layer);
ECR_FINISH(get_download_url_for_layer);
