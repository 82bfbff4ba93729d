/* The versions of launch templates. */
#include "base/must.h"
#include "plane/ec2/launch_template.h"
#include "plane/ec2/operations.h"
#include "plane/ec2/reshape.h"
#include "plane/vpc/filter.h"

enum { PAGE_MAX = 200 };

static struct ec2_launch_template_version shown(const struct launch_template_record *record,
                                                const struct ec2_launch_template_version *version)
{
    struct ec2_launch_template_version copy = *version;

    SET(&copy, default_version, version->version_number == record->launch_template->default_version_number);
    return copy;
}

/* ---- CreateLaunchTemplateVersion ---- */

/* With a source, what the request does not say is the source's (API reference, "CreateLaunchTemplateVersion"). */
static bool make_data(const struct call *call, const struct ec2_create_launch_template_version_request *in,
                      const struct launch_template_record *record, struct ec2_response_launch_template_data *ret_data)
{
    const struct ec2_launch_template_version *source;
    struct ec2_response_launch_template_data own;

    if (!launch_template_data_make(call, in->launch_template_data, &own))
        return false;
    *ret_data = own;
    if (in->source_version.len == 0)
        return true;
    source = launch_template_version(record, in->source_version);
    if (source == NULL)
        return fail_api(call->fail, "InvalidLaunchTemplateId.VersionNotFound",
                        "Could not find launch template version %.*s", STR_ARG(in->source_version));
    *ret_data = *source->launch_template_data;
    reshape(&ec2_response_launch_template_data_shape, &own, &ec2_response_launch_template_data_shape, ret_data,
            call->arena);
    return true;
}

bool ec2_create_launch_template_version(struct call *call, const struct ec2_create_launch_template_version_request *in,
                                        struct ec2_create_launch_template_version_result *out)
{
    struct ec2_launch_template_version *version = arena_new(call->arena, struct ec2_launch_template_version);
    const struct launch_template_record *before;
    struct launch_template_record record;
    struct ec2_launch_template changed;

    if (!launch_template_find(call, in->launch_template_id, in->launch_template_name, &before))
        return false;
    if (before->versions.count >= LAUNCH_TEMPLATE_VERSIONS_MAX)
        return fail_api(call->fail, "VersionLimitExceeded",
                        "You have reached the maximum number of versions of a launch template");
    version->launch_template_data = arena_new(call->arena, struct ec2_response_launch_template_data);
    if (!make_data(call, in, before, version->launch_template_data))
        return false;
    record = *before;
    changed = *before->launch_template;
    record.launch_template = &changed;
    changed.latest_version_number++;
    version->launch_template_id = changed.launch_template_id;
    version->launch_template_name = changed.launch_template_name;
    version->version_description = in->version_description;
    version->created_by = call->principal->arn;
    SET(version, version_number, changed.latest_version_number);
    SET(version, create_time, call->tx->now_ms);
    record.versions.items = arena_array(call->arena, struct ec2_launch_template_version, before->versions.count + 1);
    memcpy(record.versions.items, before->versions.items, before->versions.count * sizeof(*version));
    record.versions.items[record.versions.count++] = *version;
    must(transaction_put(call->tx, &launch_template_table, &record));
    SET(version, default_version, false);
    out->launch_template_version = version;
    return true;
}

/* ---- DescribeLaunchTemplateVersions ---- */

static const struct filter_field fields[] = {
    {"ebs-optimized", "LaunchTemplateData.EbsOptimized"}, {"image-id", "LaunchTemplateData.ImageId"},
    {"instance-type", "LaunchTemplateData.InstanceType"}, {"is-default-version", "DefaultVersion"},
    {"kernel-id", "LaunchTemplateData.KernelId"},         {"ram-disk-id", "LaunchTemplateData.RamDiskId"},
};
static const struct filter_table filters = {&ec2_launch_template_version_shape, fields, COUNT_OF(fields), NULL};

struct listing {
    struct call *call;
    const struct ec2_describe_launch_template_versions_request *in;
    struct ec2_describe_launch_template_versions_result *out;
    size_t skip, limit;
    bool is_cut; /* there was more than the page takes */
};

static void take(struct listing *listing, const struct launch_template_record *record,
                 const struct ec2_launch_template_version *version)
{
    struct ec2_launch_template_version shown_version = shown(record, version);
    struct ec2_launch_template_version_set *list = &listing->out->launch_template_versions;

    if (!filters_match(&filters, &listing->in->filters, &shown_version))
        return;
    if (listing->skip > 0)
        listing->skip--;
    else if (list->count == listing->limit)
        listing->is_cut = true;
    else
        list->items[list->count++] = shown_version;
}

static bool take_named(struct listing *listing, const struct launch_template_record *record)
{
    const struct ec2_version_string_list *versions = &listing->in->versions;

    for (size_t i = 0; i < versions->count; i++) {
        const struct ec2_launch_template_version *version = launch_template_version(record, versions->items[i]);

        if (version == NULL)
            return fail_api(listing->call->fail, "InvalidLaunchTemplateId.VersionNotFound",
                            "Could not find the specified version %.*s for the launch template with ID %.*s.",
                            STR_ARG(versions->items[i]), STR_ARG(record->launch_template->launch_template_id));
        take(listing, record, version);
    }
    return true;
}

static bool bounds(const struct listing *listing, int64_t *ret_first, int64_t *ret_last)
{
    *ret_first = 0;
    *ret_last = INT64_MAX;
    if ((listing->in->min_version.len > 0 && !str_to_int64(listing->in->min_version, ret_first)) ||
        (listing->in->max_version.len > 0 && !str_to_int64(listing->in->max_version, ret_last)))
        return fail_api(listing->call->fail, "InvalidParameterValue", "MinVersion and MaxVersion must be numbers");
    return true;
}

/* The newest first. */
static bool take_all(struct listing *listing, const struct launch_template_record *record)
{
    int64_t first;
    int64_t last;

    if (!bounds(listing, &first, &last))
        return false;
    for (size_t i = record->versions.count; i-- > 0;) {
        const struct ec2_launch_template_version *version = &record->versions.items[i];

        if (version->version_number >= first && version->version_number <= last)
            take(listing, record, version);
    }
    return true;
}

/* Without a template: of all of them the versions that are asked for ("$Latest", "$Default"). */
static bool take_everywhere(struct listing *listing)
{
    struct call *call = listing->call;
    struct walk walk = transaction_walk(call->tx, &launch_template_table, NULL,
                                        KEY_PREFIX(call->arena, call->principal->account, call->region));
    const struct launch_template_record *record;

    for (size_t i = 0; i < listing->in->versions.count; i++)
        if (!str_starts(listing->in->versions.items[i], STR("$")))
            return fail_api(call->fail, "InvalidParameterValue",
                            "Versions without a launch template can only be $Latest and $Default");
    while ((record = walk_next(&walk)) != NULL)
        if (!take_named(listing, record))
            return false;
    return true;
}

static bool check_page(const struct call *call, const struct ec2_describe_launch_template_versions_request *in)
{
    if (in->has_max_results && (in->max_results < 1 || in->max_results > PAGE_MAX))
        return fail_api(call->fail, "InvalidParameterValue",
                        "Value ( %d ) for parameter maxResults is invalid. Expecting a value between 1 and %d.",
                        in->max_results, PAGE_MAX);
    return true;
}

static bool list(struct listing *listing)
{
    const struct ec2_describe_launch_template_versions_request *in = listing->in;
    const struct launch_template_record *record = NULL;

    if (in->launch_template_id.len == 0 && in->launch_template_name.len == 0 && in->versions.count > 0)
        return take_everywhere(listing);
    if (!launch_template_find(listing->call, in->launch_template_id, in->launch_template_name, &record))
        return false;
    return in->versions.count > 0 ? take_named(listing, record) : take_all(listing, record);
}

bool ec2_describe_launch_template_versions(struct call *call,
                                           const struct ec2_describe_launch_template_versions_request *in,
                                           struct ec2_describe_launch_template_versions_result *out)
{
    struct listing listing = {
        .call = call, .in = in, .out = out, .limit = in->has_max_results ? (size_t)in->max_results : PAGE_MAX};
    struct str after;
    uint64_t skip = 0;

    if (!check_page(call, in) || !filters_check(&filters, &in->filters, call->fail) ||
        !page_begin(call->arena, in->next_token, "InvalidNextToken", &after, call->fail))
        return false;
    if (after.len > 0 && !str_to_uint64(after, &skip))
        return fail_api(call->fail, "InvalidNextToken", "Invalid token: %.*s", STR_ARG(in->next_token));
    listing.skip = (size_t)skip;
    out->launch_template_versions.items = arena_array(call->arena, struct ec2_launch_template_version, listing.limit);
    if (!list(&listing))
        return false;
    if (listing.is_cut)
        out->next_token = page_token(call->arena, arena_printf(call->arena, "%zu", (size_t)skip + listing.limit));
    return true;
}

/* ---- DeleteLaunchTemplateVersions ---- */

static struct ec2_response_error *why_not(const struct call *call, const struct launch_template_record *record,
                                          const struct ec2_launch_template_version *version)
{
    struct ec2_response_error *error = arena_new(call->arena, struct ec2_response_error);

    if (version != NULL && version->version_number != record->launch_template->default_version_number)
        return NULL;
    error->code = version == NULL ? EC2_LAUNCH_TEMPLATE_ERROR_CODE_LAUNCH_TEMPLATE_VERSION_DOES_NOT_EXIST
                                  : EC2_LAUNCH_TEMPLATE_ERROR_CODE_UNEXPECTED_ERROR;
    error->message = version == NULL ? STR("The specified launch template version does not exist")
                                     : STR("Cannot delete the default version of a launch template");
    return error;
}

static void remove_version(struct launch_template_record *record, int64_t number)
{
    size_t count = 0;

    for (size_t i = 0; i < record->versions.count; i++)
        if (record->versions.items[i].version_number != number)
            record->versions.items[count++] = record->versions.items[i];
    record->versions.count = count;
}

bool ec2_delete_launch_template_versions(struct call *call,
                                         const struct ec2_delete_launch_template_versions_request *in,
                                         struct ec2_delete_launch_template_versions_result *out)
{
    struct ec2_delete_launch_template_versions_response_success_set *good =
        &out->successfully_deleted_launch_template_versions;
    struct ec2_delete_launch_template_versions_response_error_set *bad =
        &out->unsuccessfully_deleted_launch_template_versions;
    const struct launch_template_record *before;
    struct launch_template_record record;

    if (!launch_template_find(call, in->launch_template_id, in->launch_template_name, &before))
        return false;
    record = *before;
    record.versions.items = arena_array(call->arena, struct ec2_launch_template_version, before->versions.count + 1);
    memcpy(record.versions.items, before->versions.items, before->versions.count * sizeof(*record.versions.items));
    good->items = arena_array(call->arena, struct ec2_delete_launch_template_versions_response_success_item,
                              in->versions.count + 1);
    bad->items = arena_array(call->arena, struct ec2_delete_launch_template_versions_response_error_item,
                             in->versions.count + 1);
    for (size_t i = 0; i < in->versions.count; i++) {
        const struct ec2_launch_template_version *version = launch_template_version(&record, in->versions.items[i]);
        struct ec2_response_error *error = why_not(call, &record, version);
        int64_t number = version == NULL ? 0 : version->version_number;

        if (version == NULL)
            (void)!str_to_int64(in->versions.items[i], &number);
        if (error != NULL) {
            bad->items[bad->count] = (struct ec2_delete_launch_template_versions_response_error_item){
                .launch_template_id = record.launch_template->launch_template_id,
                .launch_template_name = record.launch_template->launch_template_name,
                .response_error = error};
            SET(&bad->items[bad->count], version_number, number);
            bad->count++;
            continue;
        }
        good->items[good->count] = (struct ec2_delete_launch_template_versions_response_success_item){
            .launch_template_id = record.launch_template->launch_template_id,
            .launch_template_name = record.launch_template->launch_template_name};
        SET(&good->items[good->count], version_number, number);
        good->count++;
        remove_version(&record, number);
    }
    must(transaction_put(call->tx, &launch_template_table, &record));
    return true;
}
