/* Settings of a registry (API reference, PutAccountSetting): what its policy decides on, and whether an upload may take
 * a layer from another repository. The version of basic scanning is refused: nothing is scanned. */
#include "base/must.h"
#include "plane/ecr/operations.h"
#include "plane/ecr/registry.h"

enum { VALUES_MAX = 2 };

static struct str *policy_scope(struct registry_record *registry)
{
    return &registry->policy_scope;
}

static struct str *blob_mounting(struct registry_record *registry)
{
    return &registry->blob_mounting;
}

static const struct setting {
    const char *name;
    struct str *(*of)(struct registry_record *registry);
    struct str values[VALUES_MAX];
} settings[] = {
    {"REGISTRY_POLICY_SCOPE", policy_scope, {STR_INIT("V1"), STR_INIT("V2")}},
    {"BLOB_MOUNTING", blob_mounting, {STR_INIT("ENABLED"), STR_INIT("DISABLED")}},
};

static bool find(const struct call *call, struct str name, const struct setting **ret_setting)
{
    for (size_t i = 0; i < COUNT_OF(settings); i++)
        if (str_is(name, settings[i].name)) {
            *ret_setting = &settings[i];
            return true;
        }
    return fail_api(call->fail, ECR_ERROR_INVALID_PARAMETER_EXCEPTION,
                    "Invalid parameter at 'name' failed to satisfy constraint: 'must be REGISTRY_POLICY_SCOPE or "
                    "BLOB_MOUNTING: Berth has no setting %.*s'",
                    STR_ARG(name));
}

static struct registry_record own_registry(const struct call *call)
{
    return registry_find(call->tx, &(struct registry_id){call->principal->account, call->region});
}

bool ecr_get_account_setting(struct call *call, const struct ecr_get_account_setting_request *in,
                             struct ecr_get_account_setting_response *out)
{
    struct registry_record registry = own_registry(call);
    const struct setting *setting;

    if (!find(call, in->name, &setting))
        return false;
    out->name = in->name;
    out->value = *setting->of(&registry);
    return true;
}

bool ecr_put_account_setting(struct call *call, const struct ecr_put_account_setting_request *in,
                             struct ecr_put_account_setting_response *out)
{
    struct registry_record registry = own_registry(call);
    const struct setting *setting;

    if (!find(call, in->name, &setting))
        return false;
    if (!str_is_among(in->value, setting->values, VALUES_MAX))
        return fail_api(call->fail, ECR_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "Invalid parameter at 'value' failed to satisfy constraint: '%s must be %.*s or %.*s'",
                        setting->name, STR_ARG(setting->values[0]), STR_ARG(setting->values[1]));
    *setting->of(&registry) = in->value;
    must(transaction_put(call->tx, &registry_table, &registry));
    out->name = in->name;
    out->value = in->value;
    return true;
}
