/* What requests for a session have in common: how long, which policies, which tags. */
#pragma once

#include "core/call.h"
#include "model/gen/sts.h"
#include "plane/iam/session.h"

/* What a request says of a session's policies. */
struct session_policy_request {
    struct str text; /* absent: none inline */
    const struct sts_policy_descriptor_list_type *arns;
    struct str account; /* whose managed policies may be named */
};

/* Inline and managed session policies, read. Fails with MalformedPolicyDocument, PackedPolicyTooLarge. Both absent
 * leaves the list absent: then only the identity's own policies count. */
checked bool session_policies_read(const struct call *call, const struct session_policy_request *request,
                                   struct session_policies *ret_policies);

/* Tags of the request behind those that a chain of roles hands on; `from` may be NULL. */
checked bool session_tags_read(const struct call *call, const struct sts_tag_list_type *tags,
                               const struct sts_tag_key_list_type *transitive, const struct session_detail *from,
                               struct session_detail *to);

/* How much of what a session can carry its policies and tags take, in percent. */
int32_t session_packed_percent(const struct session_policy_request *request, const struct sts_tag_list_type *tags);

struct sts_credentials *session_credentials(struct arena *arena, const struct access_key_record *key);
