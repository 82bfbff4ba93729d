/* The handlers of the logs API, a file a noun; their rows stand in operations.c. */
#pragma once

#include "plane/logs/logs.h"

/* A page of a list: how many items, default and most as the API says. */
#define PAGE_LIMIT(in, default_) ((in)->has_limit ? (size_t)(in)->limit : (size_t)(default_))

/* InvalidParameterException for a member that would do nothing here. */
checked bool logs_unsupported(const char *member, const char *why, struct fail *f);

bool logs_create_log_group(struct call *call, const struct logs_create_log_group_request *in, void *out);
bool logs_delete_log_group(struct call *call, const struct logs_delete_log_group_request *in, void *out);
bool delete_log_group_finish(const struct call *call, const struct ports *ports,
                             const struct logs_delete_log_group_request *in, void *out);
bool logs_describe_log_groups(struct call *call, const struct logs_describe_log_groups_request *in,
                              struct logs_describe_log_groups_response *out);
bool describe_log_groups_finish(const struct call *call, const struct ports *ports,
                                const struct logs_describe_log_groups_request *in,
                                struct logs_describe_log_groups_response *out);
bool logs_list_log_groups(struct call *call, const struct logs_list_log_groups_request *in,
                          struct logs_list_log_groups_response *out);

bool logs_put_retention_policy(struct call *call, const struct logs_put_retention_policy_request *in, void *out);
bool put_retention_policy_finish(const struct call *call, const struct ports *ports,
                                 const struct logs_put_retention_policy_request *in, void *out);
bool logs_delete_retention_policy(struct call *call, const struct logs_delete_retention_policy_request *in, void *out);
bool logs_put_log_group_deletion_protection(struct call *call,
                                            const struct logs_put_log_group_deletion_protection_request *in, void *out);

bool logs_tag_resource(struct call *call, const struct logs_tag_resource_request *in, void *out);
bool logs_untag_resource(struct call *call, const struct logs_untag_resource_request *in, void *out);
bool logs_list_tags_for_resource(struct call *call, const struct logs_list_tags_for_resource_request *in,
                                 struct logs_list_tags_for_resource_response *out);
bool logs_tag_log_group(struct call *call, const struct logs_tag_log_group_request *in, void *out);
bool logs_untag_log_group(struct call *call, const struct logs_untag_log_group_request *in, void *out);
bool logs_list_tags_log_group(struct call *call, const struct logs_list_tags_log_group_request *in,
                              struct logs_list_tags_log_group_response *out);

bool logs_put_resource_policy(struct call *call, const struct logs_put_resource_policy_request *in,
                              struct logs_put_resource_policy_response *out);
bool logs_delete_resource_policy(struct call *call, const struct logs_delete_resource_policy_request *in, void *out);
bool logs_describe_resource_policies(struct call *call, const struct logs_describe_resource_policies_request *in,
                                     struct logs_describe_resource_policies_response *out);

bool logs_create_log_stream(struct call *call, const struct logs_create_log_stream_request *in, void *out);
bool logs_delete_log_stream(struct call *call, const struct logs_delete_log_stream_request *in, void *out);
bool delete_log_stream_finish(const struct call *call, const struct ports *ports,
                              const struct logs_delete_log_stream_request *in, void *out);
bool logs_describe_log_streams(struct call *call, const struct logs_describe_log_streams_request *in,
                               struct logs_describe_log_streams_response *out);
bool describe_log_streams_finish(const struct call *call, const struct ports *ports,
                                 const struct logs_describe_log_streams_request *in,
                                 struct logs_describe_log_streams_response *out);

bool logs_put_log_events(struct call *call, const struct logs_put_log_events_request *in,
                         struct logs_put_log_events_response *out);
bool put_log_events_finish(const struct call *call, const struct ports *ports,
                           const struct logs_put_log_events_request *in, struct logs_put_log_events_response *out);
bool logs_get_log_events(struct call *call, const struct logs_get_log_events_request *in,
                         struct logs_get_log_events_response *out);
bool get_log_events_finish(const struct call *call, const struct ports *ports,
                           const struct logs_get_log_events_request *in, struct logs_get_log_events_response *out);
bool logs_filter_log_events(struct call *call, const struct logs_filter_log_events_request *in,
                            struct logs_filter_log_events_response *out);
bool filter_log_events_finish(const struct call *call, const struct ports *ports,
                              const struct logs_filter_log_events_request *in,
                              struct logs_filter_log_events_response *out);
bool logs_test_metric_filter(struct call *call, const struct logs_test_metric_filter_request *in,
                             struct logs_test_metric_filter_response *out);
bool test_metric_filter_finish(const struct call *call, const struct ports *ports,
                               const struct logs_test_metric_filter_request *in,
                               struct logs_test_metric_filter_response *out);
