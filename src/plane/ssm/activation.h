/* Hybrid activations, and the machines that registered with them (Systems Manager user guide, "Create a hybrid
 * activation to register nodes"): how a machine that is no EC2 instance gets an identity and a role's credentials.
 *
 * Life of an activation: until it is deleted. While it has not expired, machines register with its id and code, as many
 * as its limit says. Life of a managed instance: from RegisterManagedInstance to DeregisterManagedInstance.
 *
 * A machine proves who it is by the fingerprint that it chose when it registered: what it asks for a token with has to
 * be kept as the secret that it is. amazon-ssm-agent signs that request with an RSA key besides; the signature is not
 * looked at, its public key not kept. */
#pragma once

#include "plane/ssm/ssm.h"

extern const struct table_spec activation_table; /* by activation id; index "account": account, region */
/* By account, region, id; index "fingerprint". */
extern const struct table_spec managed_instance_table;

/* Credentials last as long as those of amazon-ssm-agent, and are made anew in the second half of that. */
#define MANAGED_SESSION_MS HOUR_MS

/* NULL: none of the caller's account and region has that id. */
const struct activation_record *activation_find(const struct call *call, struct str id);
/* The role that an activation names: "Name" or "path/Name". Fails with ValidationException, also when it does not let
 * Systems Manager take it on. */
checked bool activation_role_find(const struct call *call, struct str name, struct str *ret_arn);
