#include "node/instance/instance_facts.h"

#include "base/buf.h"
#include "base/must.h"
#include "base/when.h"

#include <jansson.h>
#include <stdlib.h>

enum { ENTRIES_MAX = 64 }; /* beside tags */

struct entries {
    struct arena *arena;
    struct imds_entry *items;
    size_t count;
};

static void add(struct entries *entries, struct str path, struct str value)
{
    if (value.ptr != NULL)
        entries->items[entries->count++] = (struct imds_entry){path, value};
}

/* By directory, so that what stands in one directory stands together: "/" sorts before all else. */
static int by_path(const void *a, const void *b)
{
    const struct imds_entry *left = a;
    const struct imds_entry *right = b;
    size_t len = left->path.len < right->path.len ? left->path.len : right->path.len;

    for (size_t i = 0; i < len; i++) {
        unsigned char l = left->path.ptr[i] == '/' ? 0 : (unsigned char)left->path.ptr[i];
        unsigned char r = right->path.ptr[i] == '/' ? 0 : (unsigned char)right->path.ptr[i];

        if (l != r)
            return l < r ? -1 : 1;
    }
    return (left->path.len > right->path.len) - (left->path.len < right->path.len);
}

static struct str lines(const struct str *items, size_t count, struct arena *arena)
{
    auto_buf text = {.ptr = NULL};

    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_add_char(&text, '\n');
        buf_add(&text, items[i]);
    }
    return count == 0 ? (struct str){NULL, 0} : arena_str(arena, buf_str(&text));
}

static struct str json_text(json_t *json, struct arena *arena)
{
    char *text = json_dumps(json, JSON_INDENT(2));
    struct str copy;

    must(text != NULL);
    copy = arena_str(arena, str_of(text));
    free(text);
    json_decref(json);
    return copy;
}

static void set(json_t *json, const char *name, struct str value)
{
    must(json_object_set_new(json, name, value.ptr == NULL ? json_null() : json_stringn(value.ptr, value.len)) == 0);
}

static void add_identity(struct entries *entries, const struct instance_facts *facts)
{
    json_t *document = json_object();

    set(document, "accountId", facts->account_id);
    set(document, "architecture", facts->architecture);
    set(document, "availabilityZone", facts->availability_zone);
    set(document, "imageId", facts->image_id);
    set(document, "instanceId", facts->instance_id);
    set(document, "instanceType", facts->instance_type);
    set(document, "pendingTime", when_to_iso8601(entries->arena, facts->launched_ms / SECOND_MS * SECOND_MS));
    set(document, "privateIp", facts->private_ip);
    set(document, "region", facts->region);
    set(document, "version", STR("2017-09-30"));
    for (const char *const *name = (const char *const[]){"billingProducts", "devpayProductCodes",
                                                         "marketplaceProductCodes", "kernelId", "ramdiskId", NULL};
         *name != NULL; name++)
        set(document, *name, (struct str){NULL, 0});
    add(entries, STR("dynamic/instance-identity/document"), json_text(document, entries->arena));
}

static void add_role(struct entries *entries, const struct instance_role *role)
{
    struct arena *arena = entries->arena;
    json_t *info = json_object();
    json_t *credentials = json_object();
    struct str updated = when_to_iso8601(arena, role->updated_ms / SECOND_MS * SECOND_MS);

    set(info, "Code", STR("Success"));
    set(info, "LastUpdated", updated);
    set(info, "InstanceProfileArn", role->profile_arn);
    set(info, "InstanceProfileId", role->profile_id);
    add(entries, STR("meta-data/iam/info"), json_text(info, arena));
    set(credentials, "Code", STR("Success"));
    set(credentials, "LastUpdated", updated);
    set(credentials, "Type", STR("AWS-HMAC"));
    set(credentials, "AccessKeyId", role->access_key_id);
    set(credentials, "SecretAccessKey", role->secret_access_key);
    set(credentials, "Token", role->session_token);
    set(credentials, "Expiration", when_to_iso8601(arena, role->expires_ms / SECOND_MS * SECOND_MS));
    add(entries, arena_printf(arena, "meta-data/iam/security-credentials/%.*s", STR_ARG(role->name)),
        json_text(credentials, arena));
}

static void add_interface(struct entries *entries, const struct instance_facts *facts)
{
    const struct {
        const char *name;
        struct str value;
    } rows[] = {
        {"device-number", STR("0")},
        {"interface-id", facts->interface_id},
        {"local-hostname", facts->private_dns_name},
        {"local-ipv4s", facts->private_ip},
        {"mac", facts->mac},
        {"owner-id", facts->account_id},
        {"public-hostname", facts->public_dns_name},
        {"public-ipv4s", facts->public_ip},
        {"security-group-ids", lines(facts->group_ids, facts->group_count, entries->arena)},
        {"security-groups", lines(facts->group_names, facts->group_count, entries->arena)},
        {"subnet-id", facts->subnet_id},
        {"subnet-ipv4-cidr-block", facts->subnet_cidr},
        {"vpc-id", facts->vpc_id},
        {"vpc-ipv4-cidr-block", facts->vpc_cidr},
        {"vpc-ipv4-cidr-blocks", facts->vpc_cidr},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        add(entries,
            arena_printf(entries->arena, "meta-data/network/interfaces/macs/%.*s/%s", STR_ARG(facts->mac),
                         rows[i].name),
            rows[i].value);
}

static void add_plain(struct entries *entries, const struct instance_facts *facts)
{
    const struct imds_entry rows[] = {
        {STR("meta-data/ami-id"), facts->image_id},
        {STR("meta-data/ami-launch-index"), facts->launch_index},
        {STR("meta-data/hostname"), facts->private_dns_name},
        {STR("meta-data/instance-action"), STR("none")},
        {STR("meta-data/instance-id"), facts->instance_id},
        {STR("meta-data/instance-life-cycle"), STR("on-demand")},
        {STR("meta-data/instance-type"), facts->instance_type},
        {STR("meta-data/local-hostname"), facts->private_dns_name},
        {STR("meta-data/local-ipv4"), facts->private_ip},
        {STR("meta-data/mac"), facts->mac},
        {STR("meta-data/placement/availability-zone"), facts->availability_zone},
        {STR("meta-data/placement/availability-zone-id"), facts->availability_zone_id},
        {STR("meta-data/placement/region"), facts->region},
        {STR("meta-data/public-hostname"), facts->public_dns_name},
        {STR("meta-data/public-ipv4"), facts->public_ip},
        {STR("meta-data/reservation-id"), facts->reservation_id},
        {STR("meta-data/security-groups"), lines(facts->group_names, facts->group_count, entries->arena)},
        {STR("meta-data/services/domain"), STR("amazonaws.com")},
        {STR("meta-data/services/partition"), STR("aws")},
        {STR("user-data"), facts->user_data},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        add(entries, rows[i].path, rows[i].value);
}

static void add_tags(struct entries *entries, const struct instance_facts *facts)
{
    for (size_t i = 0; i < facts->tag_count; i++)
        if (str_find(facts->tags[i].key, '/') == facts->tags[i].key.len)
            add(entries, arena_printf(entries->arena, "meta-data/tags/instance/%.*s", STR_ARG(facts->tags[i].key)),
                facts->tags[i].value);
}

void instance_entries(const struct instance_facts *facts, struct arena *arena, const struct imds_entry **ret_entries,
                      size_t *ret_count)
{
    struct entries entries = {.arena = arena,
                              .items = arena_array(arena, struct imds_entry, ENTRIES_MAX + facts->tag_count)};

    add_plain(&entries, facts);
    add_interface(&entries, facts);
    add_identity(&entries, facts);
    add_tags(&entries, facts);
    if (facts->role != NULL)
        add_role(&entries, facts->role);
    qsort(entries.items, entries.count, sizeof(*entries.items), by_path);
    *ret_entries = entries.items;
    *ret_count = entries.count;
}
