/* The handlers of Systems Manager's operations, declared for the table in operations.c. Core thread; see core/call.h.
 */
#pragma once

#include "plane/ssm/ssm.h"

#define SSM_HANDLER(name)                                                                                              \
    bool ssm_##name(struct call *call, const struct ssm_##name##_request *in, struct ssm_##name##_result *out)

/* A parameter as GetParameter shows it: its value, or of a SecureString that is not to be decrypted the sealed one. */
checked bool parameter_shown(const struct call *call, const struct found_parameter *found, bool decrypt,
                             struct ssm_parameter *ret_shown);

SSM_HANDLER(put_parameter);
SSM_HANDLER(get_parameter);
SSM_HANDLER(get_parameters);
SSM_HANDLER(get_parameters_by_path);
SSM_HANDLER(get_parameter_history);
SSM_HANDLER(describe_parameters);
SSM_HANDLER(delete_parameter);
SSM_HANDLER(delete_parameters);
/* Labels. */
SSM_HANDLER(label_parameter_version);
SSM_HANDLER(unlabel_parameter_version);
/* Tags. */
checked bool parameter_tags_check(const struct ssm_tag_list *tags, struct fail *f);
SSM_HANDLER(add_tags_to_resource);
SSM_HANDLER(remove_tags_from_resource);
SSM_HANDLER(list_tags_for_resource);
/* Hybrid activations and the machines that registered with them. */
SSM_HANDLER(create_activation);
SSM_HANDLER(delete_activation);
SSM_HANDLER(describe_activations);
SSM_HANDLER(register_managed_instance);
SSM_HANDLER(request_managed_instance_role_token);
SSM_HANDLER(deregister_managed_instance);
SSM_HANDLER(update_managed_instance_role);
SSM_HANDLER(describe_instance_information);

/* Sessions, and what of them is done on a worker. */
bool ssm_resume_session(struct call *call, const struct ssm_resume_session_request *in,
                        struct ssm_resume_session_response *out);
bool ssm_resume_session_finish(const struct call *call, const struct ports *ports,
                               const struct ssm_resume_session_request *in, struct ssm_resume_session_response *out);
bool ssm_terminate_session(struct call *call, const struct ssm_terminate_session_request *in,
                           struct ssm_terminate_session_response *out);
bool ssm_terminate_session_finish(const struct call *call, const struct ports *ports,
                                  const struct ssm_terminate_session_request *in,
                                  struct ssm_terminate_session_response *out);
