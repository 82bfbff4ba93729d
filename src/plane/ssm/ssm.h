/* AWS Systems Manager: Parameter Store (parameters, their versions, and labels on them), and hybrid activations
 * (activation.h). Of Systems Manager nothing else is here.
 *
 * Life of a parameter: there -> gone with all its versions, when it is deleted or its Expiration policy says so. A
 * version goes with its parameter, or as the oldest of more than PARAMETER_VERSIONS_MAX. A label stands on one version
 * at most.
 *
 * Values of all types are sealed (plane/secrets/vault.h). */
#pragma once

#include "core/call.h"
#include "core/core.h"
#include "model/gen/ssm.h"
#include "plane/secrets/vault.h"
#include "plane/ssm/parameter_name.h"
#include "plane/ssm/ssm_record.h"

/* User guide, "AWS Systems Manager endpoints and quotas": Parameter Store. */
enum { PARAMETERS_MAX = 100000, PARAMETER_VERSIONS_MAX = 100, PARAMETER_LABELS_MAX = 10 };

extern const struct domain_spec ssm_domain;
extern const struct operation_spec ssm_handlers[];
extern const size_t ssm_handler_count;

extern const struct table_spec parameter_table;         /* by account, region, name */
extern const struct table_spec parameter_version_table; /* by account, region, name, number of the version */

/* Where a request looks: an ARN of another account or region means nothing there. */
struct parameter_place {
    struct str account, region;
};

/* The parameter of a name, or NULL. */
const struct parameter_record *parameter_at(const struct transaction *tx, const struct parameter_place *place,
                                            struct str name);
/* The same by a name or an ARN, whatever its selector: which has one slash before a name, whether that begins with one
 * or not. */
const struct parameter_record *parameter_of_ref(const struct transaction *tx, const struct parameter_place *place,
                                                const struct parameter_ref *ref);
const struct parameter_version_record *parameter_version(const struct transaction *tx,
                                                         const struct parameter_record *parameter, int64_t number);
struct walk parameter_versions(const struct transaction *tx, const struct parameter_record *parameter);
/* The key of a version's record: also what its value is sealed to. In the transaction's arena. */
struct str parameter_version_key(const struct transaction *tx, const struct parameter_record *parameter,
                                 int64_t number);
/* The one that has the label, or NULL. */
const struct parameter_version_record *parameter_labelled(const struct transaction *tx,
                                                          const struct parameter_record *parameter, struct str label);

/* What a name, an ARN or one with a selector means. Fails with ParameterNotFound or ParameterVersionNotFound. */
struct found_parameter {
    const struct parameter_record *parameter;
    const struct parameter_version_record *version;
    struct str selector; /* ":3", ":label"; absent */
};
checked bool parameter_resolve(const struct transaction *tx, const struct parameter_place *place, struct str text,
                               struct found_parameter *ret_found, struct fail *f);
/* The parameter of a name or ARN, without a selector. Fails with ParameterNotFound. */
checked bool parameter_find(const struct call *call, struct str text, const struct parameter_record **ret_parameter);

void parameter_remove(struct transaction *tx, const struct parameter_record *parameter);

/* A version's value, in the arena. Fails with InternalServerError. */
checked bool parameter_open(const struct transaction *tx, const struct parameter_version_record *version,
                            struct arena *arena, struct str *ret_value, struct fail *f);

/* Any sealed value, to see whether the installation's key is the right one; false when there is none. */
bool ssm_any_sealed(const struct transaction *tx, struct sealed *ret_sealed);
