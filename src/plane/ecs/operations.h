/* The handlers of ECS operations, declared for the table in operations.c. Core thread; see core/call.h. */
#pragma once

#include "plane/ecs/ecs.h"

#define ECS_HANDLER(name)                                                                                              \
    bool ecs_##name(struct call *call, const struct ecs_##name##_request *in, struct ecs_##name##_response *out)

ECS_HANDLER(create_cluster);
ECS_HANDLER(describe_clusters);
ECS_HANDLER(list_clusters);
ECS_HANDLER(update_cluster);
ECS_HANDLER(update_cluster_settings);
ECS_HANDLER(put_cluster_capacity_providers);
ECS_HANDLER(delete_cluster);
ECS_HANDLER(describe_capacity_providers);
ECS_HANDLER(register_task_definition);
ECS_HANDLER(describe_task_definition);
ECS_HANDLER(deregister_task_definition);
ECS_HANDLER(delete_task_definitions);
ECS_HANDLER(list_task_definitions);
ECS_HANDLER(list_task_definition_families);
ECS_HANDLER(tag_resource);
ECS_HANDLER(untag_resource);
ECS_HANDLER(list_tags_for_resource);
ECS_HANDLER(put_account_setting);
ECS_HANDLER(put_account_setting_default);
ECS_HANDLER(list_account_settings);
ECS_HANDLER(delete_account_setting);
ECS_HANDLER(run_task);
ECS_HANDLER(stop_task);
ECS_HANDLER(execute_command);
bool ecs_execute_command_finish(const struct call *call, const struct ports *ports,
                                const struct ecs_execute_command_request *in, struct ecs_execute_command_response *out);
ECS_HANDLER(describe_tasks);
ECS_HANDLER(list_tasks);
ECS_HANDLER(get_task_protection);
ECS_HANDLER(update_task_protection);
ECS_HANDLER(register_container_instance);
ECS_HANDLER(deregister_container_instance);
ECS_HANDLER(describe_container_instances);
ECS_HANDLER(list_container_instances);
ECS_HANDLER(update_container_instances_state);
ECS_HANDLER(update_container_agent);
ECS_HANDLER(put_attributes);
ECS_HANDLER(delete_attributes);
ECS_HANDLER(list_attributes);
ECS_HANDLER(start_task);
ECS_HANDLER(create_service);
ECS_HANDLER(update_service);
ECS_HANDLER(delete_service);
ECS_HANDLER(describe_services);
ECS_HANDLER(list_services);
ECS_HANDLER(list_services_by_namespace);
ECS_HANDLER(list_service_deployments);
ECS_HANDLER(describe_service_deployments);
ECS_HANDLER(describe_service_revisions);
ECS_HANDLER(stop_service_deployment);
ECS_HANDLER(create_task_set);
ECS_HANDLER(update_task_set);
ECS_HANDLER(delete_task_set);
ECS_HANDLER(describe_task_sets);
ECS_HANDLER(update_service_primary_task_set);
ECS_HANDLER(discover_poll_endpoint);
ECS_HANDLER(submit_task_state_change);
ECS_HANDLER(submit_container_state_change);
ECS_HANDLER(submit_attachment_state_changes);
