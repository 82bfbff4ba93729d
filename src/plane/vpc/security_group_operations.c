/* CreateSecurityGroup, DeleteSecurityGroup, and finding groups. */
#include "base/must.h"
#include "plane/vpc/limit.h"
#include "plane/vpc/operations.h"
#include "plane/vpc/resource.h"
#include "plane/vpc/security_group.h"

static bool find_named(const struct call *call, struct str name, const struct security_group_record **ret_group)
{
    const struct vpc_record *vpc = vpc_default(call->tx, call->principal->account, call->region);
    struct str vpc_id = vpc == NULL ? STR("null") : vpc->vpc->vpc_id;

    *ret_group =
        vpc == NULL ? NULL : security_group_named(call->tx, call->principal->account, call->region, vpc_id, name);
    if (*ret_group == NULL)
        return fail_api(call->fail, "InvalidGroup.NotFound",
                        "The security group '%.*s' does not exist in default VPC '%.*s'", STR_ARG(name),
                        STR_ARG(vpc_id));
    return true;
}

bool security_group_find(const struct call *call, struct str id, struct str name,
                         const struct security_group_record **ret_group)
{
    const void *record;

    if (id.len == 0 && name.len == 0)
        return fail_api(call->fail, "MissingParameter", "The request must contain the parameter groupName or groupId");
    if (id.len == 0)
        return find_named(call, name, ret_group);
    if (!resource_find(call, &security_group_kind, id, &record))
        return false;
    *ret_group = record;
    return true;
}

/* ---- create ---- */

/* As EC2 keeps a name: without the spaces at its end. */
static struct str trimmed(struct str name)
{
    while (name.len > 0 && name.ptr[name.len - 1] == ' ')
        name.len--;
    return name;
}

static bool fail_text(const struct call *call, const char *parameter, struct str text)
{
    return fail_api(call->fail, "InvalidParameterValue",
                    "Value (%.*s) for parameter %s is invalid. It has 1 to 255 of these characters: a-z, A-Z, 0-9, "
                    "spaces, and ._-:/()#,@[]+=&;{}!$*",
                    STR_ARG(text), parameter);
}

static bool check_texts(const struct call *call, struct str name, struct str description)
{
    if (name.len == 0 || !is_group_text(name))
        return fail_text(call, "GroupName", name);
    if (str_starts(name, STR("sg-")))
        return fail_api(call->fail, "InvalidParameterValue",
                        "Value (%.*s) for parameter GroupName is invalid. Group names may not be in the format sg-*",
                        STR_ARG(name));
    if (str_eq_nocase(name, STR("default")))
        return fail_api(call->fail, "InvalidParameterValue", "Cannot use reserved security group name: default");
    if (description.len == 0 || !is_group_text(description))
        return fail_text(call, "GroupDescription", description);
    return true;
}

static bool check_new(const struct call *call, struct str vpc_id, struct str name)
{
    if (security_group_named(call->tx, call->principal->account, call->region, vpc_id, name) != NULL)
        return fail_api(call->fail, "InvalidGroup.Duplicate", "The security group '%.*s' already exists for VPC '%.*s'",
                        STR_ARG(name), STR_ARG(vpc_id));
    return limit_check(call, &security_group_limit, vpc_id);
}

static void put_group(struct call *call, struct ec2_security_group *group)
{
    struct str account = call->principal->account;
    struct ec2_security_group_rule everywhere = {.security_group_rule_id = vpc_id_new(call->tx, "sgr"),
                                                 .group_id = group->group_id,
                                                 .group_owner_id = account,
                                                 .ip_protocol = STR("-1"),
                                                 .cidr_ipv4 = STR("0.0.0.0/0")};
    const struct security_group_record record = {
        .account_id = account, .region = call->region, .group = group, .rules = {&everywhere, 1}};

    everywhere.security_group_rule_arn =
        rule_arn(call->arena, call->region, account, everywhere.security_group_rule_id);
    SET(&everywhere, is_egress, true);
    SET(&everywhere, from_port, -1);
    SET(&everywhere, to_port, -1);
    must(transaction_put(call->tx, &security_group_table, &record));
}

bool ec2_create_security_group(struct call *call, const struct ec2_create_security_group_request *in,
                               struct ec2_create_security_group_result *out)
{
    const struct vpc_record *home = vpc_default(call->tx, call->principal->account, call->region);
    struct ec2_security_group group = {.group_name = trimmed(in->group_name),
                                       .description = in->description,
                                       .vpc_id = in->vpc_id,
                                       .owner_id = call->principal->account};
    const void *vpc;

    if (in->vpc_id.len == 0 && home == NULL)
        return fail_api(call->fail, "VPCIdNotSpecified", "No default VPC for this user");
    if (in->vpc_id.len == 0)
        group.vpc_id = home->vpc->vpc_id;
    if (!check_texts(call, group.group_name, in->description) || !resource_find(call, &vpc_kind, group.vpc_id, &vpc) ||
        !resource_tags(call, &in->tag_specifications, EC2_RESOURCE_TYPE_SECURITY_GROUP, &group.tags) ||
        !check_new(call, group.vpc_id, group.group_name))
        return false;
    group.group_id = vpc_id_new(call->tx, "sg");
    group.security_group_arn =
        arena_printf(call->arena, "arn:aws:ec2:%.*s:%.*s:security-group/%.*s", STR_ARG(call->region),
                     STR_ARG(call->principal->account), STR_ARG(group.group_id));
    put_group(call, &group);
    out->group_id = group.group_id;
    out->security_group_arn = group.security_group_arn;
    out->tags = group.tags;
    return true;
}

/* ---- delete ---- */

static bool is_worn(const struct call *call, const struct security_group_record *group)
{
    struct walk walk =
        transaction_walk(call->tx, &network_interface_table, "vpc",
                         KEY_PREFIX(call->arena, group->account_id, group->region, group->group->vpc_id));
    const struct network_interface_record *interface;

    while ((interface = walk_next(&walk)) != NULL)
        for (size_t i = 0; i < interface->interface->groups.count; i++)
            if (str_eq(interface->interface->groups.items[i].group_id, group->group->group_id))
                return true;
    return false;
}

/* By a rule of another group: a group may name itself and go. */
static bool is_referenced(const struct call *call, const struct security_group_record *group)
{
    struct walk walk =
        transaction_walk(call->tx, &security_group_table, "vpc",
                         KEY_PREFIX(call->arena, group->account_id, group->region, group->group->vpc_id));
    const struct security_group_record *other;

    while ((other = walk_next(&walk)) != NULL)
        for (size_t i = 0; other != group && i < other->rules.count; i++) {
            const struct ec2_referenced_security_group *peer = other->rules.items[i].referenced_group_info;

            if (peer != NULL && str_eq(peer->group_id, group->group->group_id))
                return true;
        }
    return false;
}

bool ec2_delete_security_group(struct call *call, const struct ec2_delete_security_group_request *in,
                               struct ec2_delete_security_group_result *out)
{
    const struct security_group_record *group;

    if (!security_group_find(call, in->group_id, in->group_name, &group))
        return false;
    if (str_is(group->group->group_name, "default"))
        return fail_api(call->fail, "CannotDelete",
                        "the specified group: \"%.*s\" name: \"default\" cannot be deleted by a user",
                        STR_ARG(group->group->group_id));
    if (is_worn(call, group) || is_referenced(call, group))
        return fail_api(call->fail, "DependencyViolation", "resource %.*s has a dependent object",
                        STR_ARG(group->group->group_id));
    SET(out, return_, true);
    out->group_id = group->group->group_id;
    transaction_delete(call->tx, &security_group_table,
                       KEY(call->arena, group->account_id, group->region, group->group->group_id));
    return true;
}
