#include "plane/ecs/account_setting.h"

#include "base/must.h"
#include "plane/ecs/ecs.h"
#include "plane/ecs/operations.h"
#include "plane/ecs/page.h"

enum { LISTED_MAX = 10 }; /* API reference, "ListAccountSettings" */

/* ---- names and values ---- */

struct setting_value {
    enum ecs_setting_name name;
    const char *value;
    const char *refusal; /* why it cannot be set; NULL: it can. The first value of a name is the one to begin with. */
};

#define RETIREMENT "fargateTaskRetirementWaitPeriod cannot be changed: Berth retires no tasks."
#define GUARD_DUTY "guardDutyActivate cannot be changed: Amazon GuardDuty manages it."
#define LONG_ARNS  "You can no longer disable Long Arn settings"

static const struct setting_value values[] = {
    {ECS_SETTING_NAME_SERVICE_LONG_ARN_FORMAT, "enabled", NULL},
    {ECS_SETTING_NAME_SERVICE_LONG_ARN_FORMAT, "disabled", LONG_ARNS},
    {ECS_SETTING_NAME_TASK_LONG_ARN_FORMAT, "enabled", NULL},
    {ECS_SETTING_NAME_TASK_LONG_ARN_FORMAT, "disabled", LONG_ARNS},
    {ECS_SETTING_NAME_CONTAINER_INSTANCE_LONG_ARN_FORMAT, "enabled", NULL},
    {ECS_SETTING_NAME_CONTAINER_INSTANCE_LONG_ARN_FORMAT, "disabled", LONG_ARNS},
    {ECS_SETTING_NAME_AWSVPC_TRUNKING, "disabled", NULL},
    {ECS_SETTING_NAME_AWSVPC_TRUNKING, "enabled",
     "awsvpcTrunking cannot be enabled: Berth has no container instances yet."},
    {ECS_SETTING_NAME_CONTAINER_INSIGHTS, "disabled", NULL}, /* what new clusters begin with */
    {ECS_SETTING_NAME_CONTAINER_INSIGHTS, "enabled", NULL},
    {ECS_SETTING_NAME_CONTAINER_INSIGHTS, "enhanced", NULL},
    {ECS_SETTING_NAME_FARGATE_FIPS_MODE, "disabled", NULL},
    {ECS_SETTING_NAME_FARGATE_FIPS_MODE, "enabled",
     "fargateFIPSMode cannot be enabled: Berth's hosts have no FIPS-140 mode."},
    {ECS_SETTING_NAME_TAG_RESOURCE_AUTHORIZATION, "on", NULL}, /* tag.h */
    {ECS_SETTING_NAME_TAG_RESOURCE_AUTHORIZATION, "off", NULL},
    {ECS_SETTING_NAME_FARGATE_TASK_RETIREMENT_WAIT_PERIOD, "7", NULL},
    {ECS_SETTING_NAME_FARGATE_TASK_RETIREMENT_WAIT_PERIOD, "0", RETIREMENT},
    {ECS_SETTING_NAME_FARGATE_TASK_RETIREMENT_WAIT_PERIOD, "14", RETIREMENT},
    {ECS_SETTING_NAME_GUARD_DUTY_ACTIVATE, "off", GUARD_DUTY},
    {ECS_SETTING_NAME_GUARD_DUTY_ACTIVATE, "on", GUARD_DUTY},
    {ECS_SETTING_NAME_DEFAULT_LOG_DRIVER_MODE, "blocking", NULL}, /* log_mode.h; on AWS accounts begin with the other */
    {ECS_SETTING_NAME_DEFAULT_LOG_DRIVER_MODE, "non-blocking", NULL},
    {ECS_SETTING_NAME_FARGATE_EVENT_WINDOWS, "disabled", NULL},
    {ECS_SETTING_NAME_FARGATE_EVENT_WINDOWS, "enabled",
     "fargateEventWindows cannot be enabled: Berth retires no tasks."},
};

static const char *first_value(enum ecs_setting_name name)
{
    for (size_t i = 0; i < COUNT_OF(values); i++)
        if (values[i].name == name)
            return values[i].value;
    must_not_happen("the table has every name of the model");
}

static const char *name_text(enum ecs_setting_name name)
{
    return enum_name(&ecs_setting_name_shape, (int)name);
}

static bool check_value(enum ecs_setting_name name, struct str value, struct fail *f)
{
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        if (values[i].name != name || !str_is(value, values[i].value))
            continue;
        if (values[i].refusal == NULL)
            return true;
        return fail_api(f, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "%s", values[i].refusal);
    }
    return fail_api(f, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "Invalid setting 'value'");
}

/* ---- the table ---- */

static void key(const void *record, struct buf *key)
{
    const struct account_setting_record *setting = record;

    key_add(key, setting->account_id);
    key_add(key, setting->region);
    key_add(key, setting->principal_arn);
    key_add(key, setting->name);
}

const struct table_spec account_setting_table = {
    .name = "account_setting", .shape = &account_setting_record_shape, .key = key};

static struct str key_of(const struct call *call, struct str principal, enum ecs_setting_name name)
{
    return KEY(call->arena, call->principal->account, call->region, principal, str_of(name_text(name)));
}

static const struct account_setting_record *own_setting(const struct call *call, struct str principal,
                                                        enum ecs_setting_name name)
{
    return transaction_get(call->tx, &account_setting_table, key_of(call, principal, name));
}

static struct str root_of(const struct call *call)
{
    return arena_printf(call->arena, "arn:aws:iam::%.*s:root", STR_ARG(call->principal->account));
}

/* ---- the value in force ---- */

static void shown(enum ecs_setting_name name, struct str value, struct str principal, struct ecs_setting *ret_setting)
{
    *ret_setting = (struct ecs_setting){
        .name = name,
        .value = value,
        .principal_arn = principal,
        .type = name == ECS_SETTING_NAME_GUARD_DUTY_ACTIVATE ? ECS_SETTING_TYPE_AWS_MANAGED : ECS_SETTING_TYPE_USER};
}

static void effective(const struct call *call, struct str principal, enum ecs_setting_name name,
                      struct ecs_setting *ret_setting)
{
    const struct account_setting_record *record = own_setting(call, principal, name);

    if (record == NULL)
        record = own_setting(call, root_of(call), name);
    if (record != NULL)
        shown(name, record->value, record->principal_arn, ret_setting);
    else
        shown(name, str_of(first_value(name)), root_of(call), ret_setting);
}

struct str account_setting(const struct call *call, enum ecs_setting_name name)
{
    struct ecs_setting setting;

    effective(call, call->principal->arn, name, &setting);
    return setting.value;
}

bool logs_are_non_blocking(const struct call *call)
{
    return str_is(account_setting(call, ECS_SETTING_NAME_DEFAULT_LOG_DRIVER_MODE), "non-blocking");
}

/* ---- handlers ---- */

/* Whose setting a request is about: the root user may name a user or role of its account, others only themselves. */
static bool principal_of(const struct call *call, struct str asked, struct str *ret_principal)
{
    struct str own = arena_printf(call->arena, "arn:aws:iam::%.*s:", STR_ARG(call->principal->account));

    *ret_principal = call->principal->arn;
    if (asked.ptr == NULL || str_eq(asked, call->principal->arn))
        return true;
    if (!str_starts(asked, own) ||
        !(str_starts(str_from(asked, own.len), STR("user/")) || str_starts(str_from(asked, own.len), STR("role/")) ||
          str_is(str_from(asked, own.len), "root")))
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "Invalid principalArn: '%.*s'",
                        STR_ARG(asked));
    if (call->principal->kind != PRINCIPAL_ROOT)
        return fail_api(call->fail, ECS_ERROR_ACCESS_DENIED_EXCEPTION,
                        "You must be the root user, or the principal, to use principalArn.");
    *ret_principal = asked;
    return true;
}

static bool put(const struct call *call, struct str principal, enum ecs_setting_name name, struct str value,
                struct ecs_setting **ret_setting)
{
    struct account_setting_record record = {.account_id = call->principal->account,
                                            .region = call->region,
                                            .principal_arn = principal,
                                            .name = str_of(name_text(name)),
                                            .value = value};

    if (!check_value(name, value, call->fail))
        return false;
    must(transaction_put(call->tx, &account_setting_table, &record));
    *ret_setting = arena_new(call->arena, struct ecs_setting);
    shown(name, value, principal, *ret_setting);
    return true;
}

bool ecs_put_account_setting(struct call *call, const struct ecs_put_account_setting_request *in,
                             struct ecs_put_account_setting_response *out)
{
    struct str principal;

    return principal_of(call, in->principal_arn, &principal) &&
           put(call, principal, in->name, in->value, &out->setting);
}

bool ecs_put_account_setting_default(struct call *call, const struct ecs_put_account_setting_default_request *in,
                                     struct ecs_put_account_setting_default_response *out)
{
    return put(call, root_of(call), in->name, in->value, &out->setting);
}

bool ecs_delete_account_setting(struct call *call, const struct ecs_delete_account_setting_request *in,
                                struct ecs_delete_account_setting_response *out)
{
    struct str principal;

    if (!principal_of(call, in->principal_arn, &principal))
        return false;
    out->setting = arena_new(call->arena, struct ecs_setting);
    effective(call, principal, in->name, out->setting);
    out->setting->principal_arn = principal;
    transaction_delete(call->tx, &account_setting_table, key_of(call, principal, in->name));
    return true;
}

/* Whether the request's filters let that name of the principal through, and what it is. */
static bool listed(const struct call *call, const struct ecs_list_account_settings_request *in, struct str principal,
                   enum ecs_setting_name name, struct ecs_setting *ret_setting)
{
    const struct account_setting_record *record = own_setting(call, principal, name);

    if (in->name != ECS_SETTING_NAME_NONE && in->name != name)
        return false;
    if (in->effective_settings)
        effective(call, principal, name, ret_setting);
    else if (record != NULL)
        shown(name, record->value, principal, ret_setting);
    else
        return false;
    return in->value.ptr == NULL || str_eq(in->value, ret_setting->value);
}

bool ecs_list_account_settings(struct call *call, const struct ecs_list_account_settings_request *in,
                               struct ecs_list_account_settings_response *out)
{
    struct page_request request = PAGE_REQUEST(in, LISTED_MAX);
    struct page page;
    struct str principal;
    int after;

    if (in->value.ptr != NULL && in->name == ECS_SETTING_NAME_NONE)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "You must specify an account setting name to filter by value.");
    if (!page_open(call, &request, &page) || !principal_of(call, in->principal_arn, &principal))
        return false;
    after = page.after.ptr == NULL ? 0 : enum_value(&ecs_setting_name_shape, page.after);
    out->settings.items = arena_array(call->arena, struct ecs_setting, page.limit + 1);
    for (size_t i = (size_t)after; i < ecs_setting_name_shape.enum_count; i++) {
        if (!listed(call, in, principal, (enum ecs_setting_name)(i + 1), &out->settings.items[out->settings.count]))
            continue;
        if (out->settings.count == page.limit) {
            out->next_token = page_next(call, str_of(name_text(out->settings.items[page.limit - 1].name)));
            break;
        }
        out->settings.count++;
    }
    return true;
}
