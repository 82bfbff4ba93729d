/* Security groups and their rules. A group's record keeps its rules one by one, as rule ids name them; the API's
 * IpPermissions are made from them. */
#pragma once

#include "plane/vpc/vpc.h"

/* By id, else by name in the default VPC. Fails with MissingParameter, InvalidGroupId.Malformed,
 * InvalidGroup.NotFound. */
checked bool security_group_find(const struct call *call, struct str id, struct str name,
                                 const struct security_group_record **ret_group);
/* At most 255 of the characters that names and descriptions of groups and rules have. */
bool is_group_text(struct str text);

/* ---- rules ---- */

struct rule_list {
    struct ec2_security_group_rule *items;
    size_t count;
};

/* The rules that a request's permissions stand for, with new ids, in the call's arena. Fails with the errors of
 * AuthorizeSecurityGroupIngress for malformed ones. */
checked bool rules_of_permissions(struct call *call, const struct security_group_record *group, bool egress,
                                  const struct ec2_ip_permission_list *permissions, struct rule_list *ret_rules);
/* The permissions of one direction that the rules stand for: gathered by protocol and ports. */
struct ec2_ip_permission_list rules_permissions(struct arena *arena, struct rule_list rules, bool egress);

/* The same direction, protocol, ports and peer. */
bool rule_same(const struct ec2_security_group_rule *a, const struct ec2_security_group_rule *b);

/* Puts the group with these rules and no others. Fails with InvalidPermission.Duplicate and
 * RulesPerSecurityGroupLimitExceeded. */
checked bool rules_put(struct call *call, const struct security_group_record *group, struct rule_list rules);

/* The caller's rule of that id and its group; NULL: there is none. */
const struct ec2_security_group_rule *rule_find(const struct call *call, struct str id,
                                                const struct security_group_record **ret_group);

struct str rule_arn(struct arena *arena, struct str region, struct str account, struct str id);
