/* The handlers of EC2's instance operations, declared for the table in operations.c. Core thread; see core/call.h. */
#pragma once

#include "plane/ec2/instance.h"

#define EC2_HANDLER(name)                                                                                              \
    bool ec2_##name(struct call *call, const struct ec2_##name##_request *in, struct ec2_##name##_result *out)
/* Of operations that answer nothing but success. */
#define EC2_HANDLER_SILENT(name) bool ec2_##name(struct call *call, const struct ec2_##name##_request *in, void *out)

bool ec2_run_instances(struct call *call, const struct ec2_run_instances_request *in, struct ec2_reservation *out);
EC2_HANDLER(describe_instances);
EC2_HANDLER(describe_instance_status);
EC2_HANDLER(start_instances);
EC2_HANDLER(stop_instances);
EC2_HANDLER(terminate_instances);
EC2_HANDLER_SILENT(reboot_instances);
EC2_HANDLER(get_console_output);
EC2_HANDLER(modify_instance_metadata_options);
EC2_HANDLER_SILENT(modify_instance_attribute);
bool ec2_describe_instance_attribute(struct call *call, const struct ec2_describe_instance_attribute_request *in,
                                     struct ec2_instance_attribute *out);
EC2_HANDLER(describe_instance_types);
EC2_HANDLER(describe_instance_type_offerings);
EC2_HANDLER(describe_images);
checked bool key_pair_prepare(struct call *call, const struct ec2_create_key_pair_request *in); /* any thread */
bool ec2_create_key_pair(struct call *call, const struct ec2_create_key_pair_request *in, struct ec2_key_pair *out);
EC2_HANDLER(import_key_pair);
EC2_HANDLER(describe_key_pairs);
EC2_HANDLER(delete_key_pair);
EC2_HANDLER(create_launch_template);
EC2_HANDLER(describe_launch_templates);
EC2_HANDLER(modify_launch_template);
EC2_HANDLER(delete_launch_template);
EC2_HANDLER(create_launch_template_version);
EC2_HANDLER(describe_launch_template_versions);
EC2_HANDLER(delete_launch_template_versions);
