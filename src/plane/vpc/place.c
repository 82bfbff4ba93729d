/* DescribeRegions, DescribeAvailabilityZones. */
#include "plane/vpc/place.h"

#include "plane/vpc/describe_walk.h"
#include "plane/vpc/operations.h"

struct str zone_name(struct arena *arena, struct str region, unsigned zone)
{
    return arena_printf(arena, "%.*s%c", STR_ARG(region), 'a' + (int)zone);
}

/* How zone ids shorten a word of a region's name; others stand as they are ("us", "1"). */
static const struct {
    const char *word, *as;
} shortened[] = {
    {"north", "n"},      {"south", "s"},      {"east", "e"},       {"west", "w"},       {"central", "c"},
    {"northeast", "ne"}, {"northwest", "nw"}, {"southeast", "se"}, {"southwest", "sw"}, {"gov", "g"},
};

static struct str shorten(struct str word)
{
    for (size_t i = 0; i < COUNT_OF(shortened); i++)
        if (str_is(word, shortened[i].word))
            return str_of(shortened[i].as);
    return word;
}

struct str zone_id(struct arena *arena, struct str region, unsigned zone)
{
    struct str id = STR("");
    struct str rest = region;

    while (rest.ptr != NULL) {
        struct str word = shorten(str_cut(rest, '-', &rest));

        id = arena_printf(arena, "%.*s%.*s", STR_ARG(id), STR_ARG(word));
    }
    return arena_printf(arena, "%.*s-az%u", STR_ARG(id), zone + 1);
}

struct str private_domain(struct arena *arena, struct str region)
{
    return str_is(region, "us-east-1") ? STR("ec2.internal")
                                       : arena_printf(arena, "%.*s.compute.internal", STR_ARG(region));
}

/* The regions that every AWS account has without asking (Account Management guide, "Enable or disable AWS Regions").
 * All of them live in one installation. */
static const char *const regions[] = {
    "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
    "ca-central-1",   "eu-central-1",   "eu-north-1",     "eu-west-1",  "eu-west-2",      "eu-west-3",
    "sa-east-1",      "us-east-1",      "us-east-2",      "us-west-1",  "us-west-2",
};

static const struct filter_field region_fields[] = {
    {"endpoint", "Endpoint"},
    {"opt-in-status", "OptInStatus"},
    {"region-name", "RegionName"},
};
static const struct filter_table region_filters = {&ec2_region_shape, region_fields, COUNT_OF(region_fields), NULL};

/* Whether the names of a request, if it has any, take this one in. */
static bool is_asked(struct str name, const struct str *names, size_t count)
{
    return count == 0 || str_is_among(name, names, count);
}

static bool check_names(const struct call *call, const struct ec2_describe_regions_request *in)
{
    for (size_t i = 0; i < in->region_names.count; i++) {
        size_t k = 0;

        while (k < COUNT_OF(regions) && !str_is(in->region_names.items[i], regions[k]))
            k++;
        if (k == COUNT_OF(regions))
            return fail_api(call->fail, "InvalidParameterValue", "Invalid region name '%.*s'",
                            STR_ARG(in->region_names.items[i]));
    }
    return true;
}

bool ec2_describe_regions(struct call *call, const struct ec2_describe_regions_request *in,
                          struct ec2_describe_regions_result *out)
{
    if (!filters_check(&region_filters, &in->filters, call->fail) || !check_names(call, in))
        return false;
    out->regions.items = arena_array(call->arena, struct ec2_region, COUNT_OF(regions));
    for (size_t i = 0; i < COUNT_OF(regions); i++) {
        struct ec2_region region = {
            .region_name = str_of(regions[i]),
            .endpoint = arena_printf(call->arena, "ec2.%s.amazonaws.com", regions[i]),
            .opt_in_status = STR("opt-in-not-required"),
        };

        if (is_asked(region.region_name, in->region_names.items, in->region_names.count) &&
            filters_match(&region_filters, &in->filters, &region))
            out->regions.items[out->regions.count++] = region;
    }
    return true;
}

/* ---- zones: three in every region, as the default VPC has subnets ---- */

static const struct filter_field zone_fields[] = {
    {"group-long-name", "GroupLongName"},
    {"group-name", "GroupName"},
    {"message", "Messages.Message"},
    {"opt-in-status", "OptInStatus"},
    {"parent-zone-id", "ParentZoneId"},
    {"parent-zone-name", "ParentZoneName"},
    {"region-name", "RegionName"},
    {"state", "State"},
    {"zone-id", "ZoneId"},
    {"zone-name", "ZoneName"},
    {"zone-type", "ZoneType"},
};
static const struct filter_table zone_filters = {&ec2_availability_zone_shape, zone_fields, COUNT_OF(zone_fields),
                                                 NULL};

/* Every name and id that was given must be a zone. */
static bool check_zone_names(const struct call *call, const struct ec2_describe_availability_zones_request *in,
                             const struct ec2_availability_zone *zones)
{
    struct str names[ZONES];
    struct str ids[ZONES];

    for (unsigned i = 0; i < ZONES; i++) {
        names[i] = zones[i].zone_name;
        ids[i] = zones[i].zone_id;
    }
    for (size_t i = 0; i < in->zone_names.count; i++)
        if (!str_is_among(in->zone_names.items[i], names, ZONES))
            return fail_api(call->fail, "InvalidParameterValue", "Invalid availability zone: [%.*s]",
                            STR_ARG(in->zone_names.items[i]));
    for (size_t i = 0; i < in->zone_ids.count; i++)
        if (!str_is_among(in->zone_ids.items[i], ids, ZONES))
            return fail_api(call->fail, "InvalidParameterValue", "Invalid availability zone-id: [%.*s]",
                            STR_ARG(in->zone_ids.items[i]));
    return true;
}

bool ec2_describe_availability_zones(struct call *call, const struct ec2_describe_availability_zones_request *in,
                                     struct ec2_describe_availability_zones_result *out)
{
    struct ec2_availability_zone zones[ZONES];

    for (unsigned i = 0; i < ZONES; i++)
        zones[i] = (struct ec2_availability_zone){
            .opt_in_status = EC2_AVAILABILITY_ZONE_OPT_IN_STATUS_OPT_IN_NOT_REQUIRED,
            .region_name = call->region,
            .zone_name = zone_name(call->arena, call->region, i),
            .zone_id = zone_id(call->arena, call->region, i),
            .group_name = call->region,
            .network_border_group = call->region,
            .zone_type = STR("availability-zone"),
            .state = EC2_AVAILABILITY_ZONE_STATE_AVAILABLE,
        };
    if (!filters_check(&zone_filters, &in->filters, call->fail) || !check_zone_names(call, in, zones))
        return false;
    out->availability_zones.items = arena_array(call->arena, struct ec2_availability_zone, ZONES);
    for (unsigned i = 0; i < ZONES; i++) {
        if (is_asked(zones[i].zone_name, in->zone_names.items, in->zone_names.count) &&
            is_asked(zones[i].zone_id, in->zone_ids.items, in->zone_ids.count) &&
            filters_match(&zone_filters, &in->filters, &zones[i]))
            out->availability_zones.items[out->availability_zones.count++] = zones[i];
    }
    return true;
}
