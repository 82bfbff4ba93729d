#include "plane/ec2/launch_template.h"

#include "base/must.h"
#include "plane/ec2/operations.h"
#include "plane/ec2/reshape.h"
#include "plane/vpc/describe_walk.h"

/* ---- the record ---- */

static void launch_template_key(const void *record, struct buf *key)
{
    const struct launch_template_record *of = record;

    key_add(key, of->account_id);
    key_add(key, of->region);
    key_add(key, of->launch_template->launch_template_id);
}

static void name_key(const void *record, struct buf *key)
{
    const struct launch_template_record *of = record;

    key_add(key, of->account_id);
    key_add(key, of->region);
    key_add(key, of->launch_template->launch_template_name);
}

static void token_key(const void *record, struct buf *key)
{
    const struct launch_template_record *of = record;

    if (of->client_token.len == 0)
        return;
    key_add(key, of->account_id);
    key_add(key, of->region);
    key_add(key, of->client_token);
}

const struct table_spec launch_template_table = {.name = "launch_template",
                                                 .shape = &launch_template_record_shape,
                                                 .key = launch_template_key,
                                                 .indexes = {{"name", name_key}, {"token", token_key}}};

static const void *launch_template_noun(const void *record)
{
    return ((const struct launch_template_record *)record)->launch_template;
}

static const struct ec2_tag_list *launch_template_tags(const void *record)
{
    return &((const struct launch_template_record *)record)->launch_template->tags;
}

static void launch_template_put_tags(struct call *call, const void *record, struct ec2_tag_list tags)
{
    struct launch_template_record copy = *(const struct launch_template_record *)record;
    struct ec2_launch_template shown = *copy.launch_template;

    shown.tags = tags;
    copy.launch_template = &shown;
    must(transaction_put(call->tx, &launch_template_table, &copy));
}

const struct resource_kind launch_template_kind = {
    .type = EC2_RESOURCE_TYPE_LAUNCH_TEMPLATE,
    .prefix = "lt-",
    .table = &launch_template_table,
    .missing_code = "InvalidLaunchTemplateId.NotFound",
    .missing_text = "The specified launch template, with template ID",
    .malformed_code = "InvalidLaunchTemplateId.Malformed",
    .noun = launch_template_noun,
    .tags = launch_template_tags,
    .put_tags = launch_template_put_tags,
};

static const struct launch_template_record *named(const struct call *call, struct str name)
{
    struct walk walk = transaction_walk(call->tx, &launch_template_table, "name",
                                        KEY_PREFIX(call->arena, call->principal->account, call->region, name));

    return walk_next(&walk);
}

bool launch_template_find(const struct call *call, struct str id, struct str name,
                          const struct launch_template_record **ret_template)
{
    const void *record;

    if (id.len > 0 && name.len > 0)
        return fail_api(call->fail, "InvalidParameterCombination",
                        "Specify either the launch template ID or the launch template name, not both");
    if (id.len == 0 && name.len == 0)
        return fail_api(call->fail, "MissingParameter",
                        "Either the launch template ID or the launch template name is required");
    if (id.len > 0) {
        if (!resource_find(call, &launch_template_kind, id, &record))
            return false;
        *ret_template = record;
        return true;
    }
    *ret_template = named(call, name);
    return *ret_template != NULL ||
           fail_api(call->fail, "InvalidLaunchTemplateName.NotFoundException",
                    "The specified launch template, with template name %.*s, does not exist.", STR_ARG(name));
}

/* ---- versions ---- */

const struct ec2_launch_template_version *launch_template_version(const struct launch_template_record *record,
                                                                  struct str version)
{
    int64_t number = record->launch_template->default_version_number;

    if (str_is(version, "$Latest"))
        number = record->launch_template->latest_version_number;
    else if (version.len > 0 && !str_is(version, "$Default") && !str_to_int64(version, &number))
        return NULL;
    for (size_t i = 0; i < record->versions.count; i++)
        if (record->versions.items[i].version_number == number)
            return &record->versions.items[i];
    return NULL;
}

bool launch_template_data(const struct call *call, const struct ec2_launch_template_specification *in,
                          const struct ec2_response_launch_template_data **ret_data)
{
    const struct launch_template_record *record;
    const struct ec2_launch_template_version *version;

    if (!launch_template_find(call, in->launch_template_id, in->launch_template_name, &record))
        return false;
    version = launch_template_version(record, in->version);
    if (version == NULL)
        return fail_api(call->fail, "InvalidLaunchTemplateId.VersionNotFound",
                        "Could not find launch template version %.*s of launch template %.*s.", STR_ARG(in->version),
                        STR_ARG(record->launch_template->launch_template_id));
    *ret_data = version->launch_template_data;
    return true;
}

/* What a template says beyond Berth is refused when instances are made of it, as a request that says it; except what no
 * request for instances can say. */
bool launch_template_data_make(const struct call *call, const struct ec2_request_launch_template_data *in,
                               struct ec2_response_launch_template_data *ret_data)
{
    if (in->instance_requirements != NULL)
        return fail_api(call->fail, "UnsupportedOperation",
                        "Berth has no attribute-based choice of instance types yet");
    *ret_data = (struct ec2_response_launch_template_data){.image_id = {NULL, 0}};
    reshape(&ec2_request_launch_template_data_shape, in, &ec2_response_launch_template_data_shape, ret_data,
            call->arena);
    return true;
}

/* ---- CreateLaunchTemplate ---- */

/* EC2 user guide, "Launch template restrictions": 3 to 128 of a-zA-Z0-9().-/_ */
static bool check_name(const struct call *call, struct str name)
{
    bool good = name.len >= 3 && name.len <= 128;

    for (size_t i = 0; good && i < name.len; i++)
        good = name.ptr[i] != '\0' &&
               strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789().-/_", name.ptr[i]) != NULL;
    if (!good)
        return fail_api(call->fail, "InvalidLaunchTemplateName.MalformedException",
                        "A launch template name must be between 3 and 128 characters, and may contain letters, "
                        "numbers, and the following characters: - ( ) . / _");
    return named(call, name) == NULL || fail_api(call->fail, "InvalidLaunchTemplateName.AlreadyExistsException",
                                                 "Launch template name already in use.");
}

bool ec2_create_launch_template(struct call *call, const struct ec2_create_launch_template_request *in,
                                struct ec2_create_launch_template_result *out)
{
    const struct launch_template_record *before = resource_of_token(call, &launch_template_kind, in->client_token);
    struct ec2_launch_template *shown = arena_new(call->arena, struct ec2_launch_template);
    struct ec2_response_launch_template_data data;
    struct ec2_launch_template_version version = {.version_description = in->version_description};
    struct launch_template_record record = {.account_id = call->principal->account,
                                            .region = call->region,
                                            .launch_template = shown,
                                            .client_token = in->client_token,
                                            .versions = {&version, 1}};

    if (before != NULL) {
        out->launch_template = before->launch_template;
        return str_eq(before->launch_template->launch_template_name, in->launch_template_name) ||
               fail_token_mismatch(call, in->client_token);
    }
    if (!check_name(call, in->launch_template_name) ||
        !launch_template_data_make(call, in->launch_template_data, &data) ||
        !resource_tags(call, &in->tag_specifications, EC2_RESOURCE_TYPE_LAUNCH_TEMPLATE, &shown->tags))
        return false;
    shown->launch_template_id = vpc_id_new(call->tx, "lt");
    shown->launch_template_name = in->launch_template_name;
    shown->created_by = call->principal->arn;
    SET(shown, create_time, call->tx->now_ms);
    SET(shown, default_version_number, 1);
    SET(shown, latest_version_number, 1);
    version.launch_template_id = shown->launch_template_id;
    version.launch_template_name = shown->launch_template_name;
    version.created_by = shown->created_by;
    version.launch_template_data = &data;
    SET(&version, create_time, call->tx->now_ms);
    SET(&version, version_number, 1);
    must(transaction_put(call->tx, &launch_template_table, &record));
    out->launch_template = shown;
    return true;
}

/* ---- DescribeLaunchTemplates ---- */

static const struct filter_field fields[] = {
    {"launch-template-name", "LaunchTemplateName"},
};
static const struct filter_table filters = {&ec2_launch_template_shape, fields, COUNT_OF(fields), "Tags"};

static bool describe_named(struct call *call, const struct ec2_describe_launch_templates_request *in,
                           struct ec2_describe_launch_templates_result *out)
{
    if (!filters_check(&filters, &in->filters, call->fail))
        return false;
    out->launch_templates.items = arena_array(call->arena, struct ec2_launch_template, in->launch_template_names.count);
    for (size_t i = 0; i < in->launch_template_names.count; i++) {
        const struct launch_template_record *record;

        if (!launch_template_find(call, (struct str){NULL, 0}, in->launch_template_names.items[i], &record))
            return false;
        if (filters_match(&filters, &in->filters, record->launch_template))
            out->launch_templates.items[out->launch_templates.count++] = *record->launch_template;
    }
    return true;
}

bool ec2_describe_launch_templates(struct call *call, const struct ec2_describe_launch_templates_request *in,
                                   struct ec2_describe_launch_templates_result *out)
{
    const struct describe describe = {
        .call = call, .kind = &launch_template_kind, .table = &filters, DESCRIBE_REQUEST(in, launch_template_ids)};

    if (in->launch_template_names.count > 0)
        return describe_named(call, in, out);
    return describe_run(&describe, &out->launch_templates, &out->next_token);
}

/* ---- ModifyLaunchTemplate, DeleteLaunchTemplate ---- */

bool ec2_modify_launch_template(struct call *call, const struct ec2_modify_launch_template_request *in,
                                struct ec2_modify_launch_template_result *out)
{
    struct ec2_launch_template *shown = arena_new(call->arena, struct ec2_launch_template);
    const struct ec2_launch_template_version *version;
    const struct launch_template_record *before;
    struct launch_template_record record;

    if (!launch_template_find(call, in->launch_template_id, in->launch_template_name, &before))
        return false;
    version = launch_template_version(before, in->default_version);
    if (version == NULL || in->default_version.len == 0)
        return fail_api(call->fail, "InvalidLaunchTemplateId.VersionNotFound",
                        "Could not find launch template version %.*s of launch template %.*s.",
                        STR_ARG(in->default_version), STR_ARG(before->launch_template->launch_template_id));
    record = *before;
    *shown = *before->launch_template;
    record.launch_template = shown;
    SET(shown, default_version_number, version->version_number);
    must(transaction_put(call->tx, &launch_template_table, &record));
    out->launch_template = shown;
    return true;
}

bool ec2_delete_launch_template(struct call *call, const struct ec2_delete_launch_template_request *in,
                                struct ec2_delete_launch_template_result *out)
{
    const struct launch_template_record *record;

    if (!launch_template_find(call, in->launch_template_id, in->launch_template_name, &record))
        return false;
    out->launch_template = record->launch_template;
    transaction_delete(
        call->tx, &launch_template_table,
        KEY(call->arena, record->account_id, record->region, record->launch_template->launch_template_id));
    return true;
}
