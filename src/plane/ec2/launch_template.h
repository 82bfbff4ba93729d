/* Launch templates: named requests for instances, in numbered versions that never change.
 *
 * Life: version 1 with the template; more by CreateLaunchTemplateVersion; each may be deleted but the default one. */
#pragma once

#include "plane/ec2/instance_record.h"
#include "plane/vpc/resource.h"

enum { LAUNCH_TEMPLATE_VERSIONS_MAX = 10000 }; /* EC2 user guide, "Launch template restrictions" */

extern const struct table_spec launch_template_table; /* by account, region, id; indexes "name", "token" */

/* The template that a request names by id or by name. Fails with InvalidLaunchTemplateId.NotFound and its kin. */
checked bool launch_template_find(const struct call *call, struct str id, struct str name,
                                  const struct launch_template_record **ret_template);
/* One of its versions: a number, "$Latest", "$Default"; absent: the default one. NULL: it has none such. */
const struct ec2_launch_template_version *launch_template_version(const struct launch_template_record *record,
                                                                  struct str version);
/* What a request for instances names. Fails as launch_template_find, and with InvalidLaunchTemplateId.VersionNotFound.
 */
checked bool launch_template_data(const struct call *call, const struct ec2_launch_template_specification *named,
                                  const struct ec2_response_launch_template_data **ret_data);
/* The request's data in the form that versions keep, checked for what Berth has not. */
checked bool launch_template_data_make(const struct call *call, const struct ec2_request_launch_template_data *in,
                                       struct ec2_response_launch_template_data *ret_data);
