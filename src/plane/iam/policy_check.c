/* What a policy document must be beyond its syntax, a rule a row in the order in which IAM finds fault; the messages
 * are IAM's own (as UpdateAssumeRolePolicy, CreatePolicy and PutUserPolicy answer with MalformedPolicyDocument). */
#include "plane/iam/policy_private.h"

#define refuse(f, ...) fail_api((f), "MalformedPolicyDocument", __VA_ARGS__)

typedef bool rule_fn(const struct policy_statement *statement, struct fail *f);

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool all_of(struct str s, const char *others)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_alphanumeric(s.ptr[i]) && (s.ptr[i] == '\0' || strchr(others, s.ptr[i]) == NULL))
            return false;
    return true;
}

static bool is_digits(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    return s.len > 0;
}

/* ---- dates ---- */

static bool is_date(enum policy_operator operator)
{
    return operator>= POLICY_OPERATOR_DATE_EQUALS && operator<= POLICY_OPERATOR_DATE_GREATER_THAN_EQUALS;
}

static bool check_dates(const struct policy_statement *statement, struct fail *f)
{
    int64_t when_ms;

    for (size_t i = 0; i < statement->conditions.count; i++) {
        const struct policy_condition *condition = &statement->conditions.items[i];

        for (size_t j = 0; is_date(condition->operator) && j < condition->values.count; j++)
            if (!policy_date(condition->values.items[j], &when_ms))
                return refuse(f, "The policy failed legacy parsing");
    }
    return true;
}

/* ---- sids ---- */

static bool check_sid(const struct policy_statement *statement, struct fail *f)
{
    return all_of(statement->sid, "") || refuse(f, "Statement IDs (SID) must be alpha-numeric. Check that your input "
                                                   "satisfies the regular expression [0-9A-Za-z]*");
}

/* Empty ones do not count. In the square of the statements, of which a document of POLICY_BYTES_MAX has few thousand.
 */
static bool check_sids_differ(const struct policy_statements *statements, struct fail *f)
{
    for (size_t i = 0; i < statements->count; i++)
        for (size_t j = 0; statements->items[i].sid.len > 0 && j < i; j++)
            if (str_eq(statements->items[i].sid, statements->items[j].sid))
                return refuse(f, "Statement IDs (SID) in a single policy must be unique.");
    return true;
}

/* ---- actions and condition keys ---- */

static bool check_actions_exist(const struct policy_statement *statement, struct fail *f)
{
    return statement->actions.count > 0 || refuse(f, "Policy statement must contain actions.");
}

static bool refuse_vendor(struct fail *f)
{
    return refuse(f, "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.");
}

static bool check_action(struct str action, struct fail *f)
{
    struct str name;
    struct str vendor = str_cut(action, ':', &name);

    if (str_is(action, "*"))
        return true;
    if (name.ptr == NULL)
        return refuse_vendor(f);
    if (str_find(name, ':') < name.len)
        return refuse(f, "Actions/Condition can contain only one colon.");
    if (!str_is(vendor, "*") && (vendor.len == 0 || !all_of(vendor, "-.")))
        return refuse(f, "Vendor %.*s is not valid", STR_ARG(vendor));
    return true;
}

static bool check_action_forms(const struct policy_statement *statement, struct fail *f)
{
    for (size_t i = 0; i < statement->actions.count; i++)
        if (!check_action(statement->actions.items[i], f))
            return false;
    return true;
}

static bool check_condition_keys(const struct policy_statement *statement, struct fail *f)
{
    for (size_t i = 0; i < statement->conditions.count; i++) {
        struct str key = statement->conditions.items[i].key;

        if (str_find(key, ':') == key.len)
            return refuse_vendor(f);
    }
    return true;
}

/* "Trust policies": what the action of one can be (IAM user guide, "Actions, resources, and condition keys for AWS
 * Security Token Service"). */
static const char *const trust_actions[] = {
    "sts:AssumeRole",        "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity",
    "sts:SetSourceIdentity", "sts:TagSession",         "sts:SetContext",
};

static bool is_trust_action(struct str action)
{
    for (size_t i = 0; i < COUNT_OF(trust_actions); i++)
        if (str_eq_nocase(action, str_of(trust_actions[i])))
            return true;
    return str_is(action, "*") || str_is(action, "sts:*");
}

static bool check_trust_actions(const struct policy_statement *statement, struct fail *f)
{
    for (size_t i = 0; i < statement->actions.count; i++)
        if (!is_trust_action(statement->actions.items[i]))
            return refuse(f, "AssumeRole policy may only specify STS AssumeRole actions.");
    return true;
}

/* ---- resources ---- */

static const char *const partitions[] = {"aws",      "aws-cn",    "aws-us-gov", "aws-iso",
                                         "aws-eusc", "aws-iso-b", "aws-iso-e",  "aws-iso-f"};

static const char *const iam_paths[] = {"user/",
                                        "federated-user/",
                                        "role/",
                                        "group/",
                                        "instance-profile/",
                                        "mfa/",
                                        "server-certificate/",
                                        "policy/",
                                        "sms-mfa/",
                                        "saml-provider/",
                                        "oidc-provider/",
                                        "report/",
                                        "access-report/"};

static bool is_partition(struct str text)
{
    for (size_t i = 0; i < COUNT_OF(partitions); i++)
        if (str_is(text, partitions[i]))
            return true;
    return str_is(text, "*");
}

/* The parts behind "arn:": partition, service, region, account, resource; absent from where the ARN ends. */
struct arn_parts {
    struct str partition, service, region, account, resource;
};

static struct str cut_part(struct str *rest)
{
    return rest->ptr == NULL ? (struct str){NULL, 0} : str_cut(*rest, ':', rest);
}

static struct arn_parts split(struct str arn)
{
    struct arn_parts parts;

    (void)cut_part(&arn);
    parts.partition = cut_part(&arn);
    parts.service = cut_part(&arn);
    parts.region = cut_part(&arn);
    parts.account = cut_part(&arn);
    parts.resource = arn;
    return parts;
}

static struct str or_star(struct str part)
{
    return part.ptr == NULL ? STR("*") : part;
}

static bool refuse_partition(const struct arn_parts *parts, struct fail *f)
{
    return refuse(f, "Partition \"%.*s\" is not valid for resource \"arn:%.*s:%.*s:%.*s:%.*s:%.*s\".",
                  STR_ARG(parts->partition), STR_ARG(parts->partition), STR_ARG(or_star(parts->service)),
                  STR_ARG(or_star(parts->region)), STR_ARG(or_star(parts->account)), STR_ARG(or_star(parts->resource)));
}

/* "*", or "role/..." and its kin; with a wildcard before the slash nobody can tell. */
static bool is_iam_path(struct str resource)
{
    if (resource.ptr == NULL || resource.len == 0)
        return false;
    for (size_t i = 0; i < COUNT_OF(iam_paths); i++)
        if (str_starts(resource, str_of(iam_paths[i])))
            return true;
    return resource.ptr[0] == '*' || str_is(resource, "root");
}

static bool check_iam_resource(struct str arn, const struct arn_parts *parts, struct fail *f)
{
    if (parts->region.len > 0)
        return refuse(f, "IAM resource %.*s cannot contain region information.", STR_ARG(arn));
    return is_iam_path(parts->resource) ||
           refuse(f, "IAM resource path must either be \"*\" or start with user/, federated-user/, role/, group/, "
                     "instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, "
                     "report/, access-report/.");
}

static bool check_resource(struct str arn, struct fail *f)
{
    struct arn_parts parts = split(arn);

    if (str_is(arn, "*"))
        return true;
    if (parts.partition.ptr == NULL)
        return refuse(f, "Resource %.*s must be in ARN format or \"*\".", STR_ARG(arn));
    if (!is_partition(parts.partition))
        return refuse_partition(&parts, f);
    if (parts.service.ptr == NULL)
        return refuse(f, "Resource vendor must be fully qualified and cannot contain regexes.");
    if (parts.service.len == 0 || !str_starts(arn, STR("arn:")))
        return refuse(f, "The policy failed legacy parsing");
    if (str_is(parts.service, "iam"))
        return check_iam_resource(arn, &parts, f);
    if (str_is(parts.service, "s3") && parts.region.len > 0 && !str_is(parts.region, "*") &&
        !str_starts(parts.resource, STR("accesspoint/")))
        return refuse(f, "Resource %.*s can not contain region information.", STR_ARG(arn));
    if (parts.resource.ptr == NULL && str_search(arn, STR("::")) < arn.len)
        return refuse(f, "The policy failed legacy parsing");
    return true;
}

static bool check_resource_forms(const struct policy_statement *statement, struct fail *f)
{
    for (size_t i = 0; i < statement->resources.count; i++)
        if (!check_resource(statement->resources.items[i], f))
            return false;
    return true;
}

static bool check_resources_exist(const struct policy_statement *statement, struct fail *f)
{
    return statement->resources.count > 0 || refuse(f, "Policy statement must contain resources.");
}

static bool check_no_resources(const struct policy_statement *statement, struct fail *f)
{
    return statement->resources.items == NULL || refuse(f, "Has prohibited field Resource");
}

/* ---- principals ---- */

static bool check_no_principals(const struct policy_statement *statement, struct fail *f)
{
    return statement->principals.items == NULL || refuse(f, "Policy document should not specify a principal.");
}

static bool check_principals_exist(const struct policy_statement *statement, struct fail *f)
{
    return statement->principals.count > 0 || refuse(f, "Missing required field Principal cannot be empty!");
}

static bool check_no_not_principal(const struct policy_statement *statement, struct fail *f)
{
    return !statement->not_principal || refuse(f, "Has prohibited field NotPrincipal");
}

/* "NotPrincipal must be used with "Effect":"Deny"" (IAM user guide, "AWS JSON policy elements: NotPrincipal"). */
static bool check_not_principal_denies(const struct policy_statement *statement, struct fail *f)
{
    return !statement->not_principal || statement->effect == POLICY_EFFECT_DENY ||
           refuse(f, "NotPrincipal must be used with \"Effect\":\"Deny\".");
}

/* An account, "*", an id that IAM gave ("AROA..."), or the ARN of an account, a user, a role, a session. */
static bool is_aws_principal(struct str value)
{
    struct arn_parts parts = split(value);

    if (str_is(value, "*"))
        return true;
    if (!str_starts(value, STR("arn:")))
        return all_of(value, "") && (is_digits(value) ? value.len == 12 : value.len >= 16);
    if (!is_partition(parts.partition) || str_is(parts.partition, "*") || parts.region.len > 0 ||
        !is_digits(parts.account) || parts.account.len != 12 || parts.resource.ptr == NULL)
        return false;
    if (str_find(parts.resource, '*') < parts.resource.len || str_find(parts.resource, '?') < parts.resource.len)
        return false;
    if (str_is(parts.service, "iam"))
        return str_is(parts.resource, "root") || str_starts(parts.resource, STR("user/")) ||
               str_starts(parts.resource, STR("role/"));
    return str_is(parts.service, "sts") &&
           (str_starts(parts.resource, STR("assumed-role/")) || str_starts(parts.resource, STR("federated-user/")));
}

static bool is_service_principal(struct str value)
{
    return all_of(value, "-.") && (str_ends(value, STR(".amazonaws.com")) || str_ends(value, STR(".amazonaws.com.cn")));
}

static bool is_provider(struct str value)
{
    struct arn_parts parts = split(value);

    if (!str_starts(value, STR("arn:")))
        return value.len > 0 && all_of(value, "-.") && str_find(value, '.') < value.len;
    return str_is(parts.service, "iam") && is_digits(parts.account) && parts.resource.ptr != NULL &&
           (str_starts(parts.resource, STR("saml-provider/")) || str_starts(parts.resource, STR("oidc-provider/")));
}

static bool is_canonical_user(struct str value)
{
    return value.len == 64 && all_of(value, "");
}

static const struct {
    const char *shown; /* in the message */
    bool (*valid)(struct str value);
} principal_rules[] = {
    [POLICY_PRINCIPAL_TYPE_AWS] = {"AWS", is_aws_principal},
    [POLICY_PRINCIPAL_TYPE_SERVICE] = {"SERVICE", is_service_principal},
    [POLICY_PRINCIPAL_TYPE_FEDERATED] = {"FEDERATED", is_provider},
    [POLICY_PRINCIPAL_TYPE_CANONICAL_USER] = {"CANONICAL_USER", is_canonical_user},
};

static bool check_principal_forms(const struct policy_statement *statement, struct fail *f)
{
    for (size_t i = 0; i < statement->principals.count; i++) {
        const struct policy_principal *principal = &statement->principals.items[i];

        if (!principal_rules[principal->type].valid(principal->value))
            return refuse(f, "Invalid principal in policy: \"%s\":\"%.*s\"", principal_rules[principal->type].shown,
                          STR_ARG(principal->value));
    }
    return true;
}

/* ---- the rules ---- */

enum {
    IDENTITY = 1 << POLICY_IDENTITY,
    RESOURCE = 1 << POLICY_RESOURCE,
    TRUST = 1 << POLICY_TRUST,
    MANAGED = 1 << POLICY_MANAGED,
    ALL = IDENTITY | RESOURCE | TRUST | MANAGED
};

static const struct {
    rule_fn *check;
    unsigned kinds; /* for which it is a rule */
} rules[] = {
    {check_dates, ALL},
    {check_no_principals, IDENTITY | MANAGED},
    {check_sid, IDENTITY | MANAGED | TRUST},
    {check_actions_exist, ALL},
    {check_no_resources, TRUST},
    {check_resource_forms, IDENTITY | MANAGED | RESOURCE},
    {check_action_forms, ALL},
    {check_condition_keys, ALL},
    {check_trust_actions, TRUST},
    {check_resources_exist, IDENTITY | MANAGED},
    {check_no_not_principal, TRUST},
    {check_principals_exist, TRUST | RESOURCE},
    {check_not_principal_denies, RESOURCE},
    {check_principal_forms, TRUST | RESOURCE},
};

bool policy_check(const struct policy_document *document, enum policy_kind kind, struct fail *f)
{
    if (kind == POLICY_MANAGED && !str_is(document->version, "2012-10-17"))
        return refuse(f, "Policy document must be version 2012-10-17 or greater.");
    if (!check_sids_differ(&document->statements, f))
        return false;
    for (size_t i = 0; i < COUNT_OF(rules); i++)
        for (size_t j = 0; (rules[i].kinds & 1u << kind) != 0 && j < document->statements.count; j++)
            if (!rules[i].check(&document->statements.items[j], f))
                return false;
    return true;
}
