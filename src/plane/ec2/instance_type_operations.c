/* DescribeInstanceTypes, DescribeInstanceTypeOfferings: the table of instance types as the API shows it. */
#include "model/interpret.h"
#include "plane/ec2/instance_type.h"
#include "plane/ec2/operations.h"
#include "plane/vpc/filter.h"
#include "plane/vpc/place.h"

enum { TYPES_PAGE = 100, OFFERINGS_PAGE = 1000 };

/* ---- pages: of what filters let through, by how many came before ---- */

struct page {
    size_t skip, limit, passed;
    bool more;
};

static bool page_start(const struct call *call, struct str token, size_t limit, struct page *ret_page)
{
    struct str after;
    uint64_t skip = 0;

    if (!page_begin(call->arena, token, "InvalidNextToken", &after, call->fail))
        return false;
    if (after.len > 0 && !str_to_uint64(after, &skip))
        return fail_api(call->fail, "InvalidNextToken", "Invalid token: %.*s", STR_ARG(token));
    *ret_page = (struct page){.skip = (size_t)skip, .limit = limit};
    return true;
}

/* Whether the next that passed belongs on the page. */
static bool page_takes(struct page *page)
{
    size_t at = page->passed++;

    page->more = page->more || at >= page->skip + page->limit;
    return at >= page->skip && at < page->skip + page->limit;
}

static struct str page_next(const struct call *call, const struct page *page)
{
    return page->more ? page_token(call->arena, arena_printf(call->arena, "%zu", page->skip + page->limit))
                      : (struct str){NULL, 0};
}

/* ---- DescribeInstanceTypes ---- */

static const struct filter_field type_fields[] = {
    {"auto-recovery-supported", "AutoRecoverySupported"},
    {"bare-metal", "BareMetal"},
    {"burstable-performance-supported", "BurstablePerformanceSupported"},
    {"current-generation", "CurrentGeneration"},
    {"dedicated-hosts-supported", "DedicatedHostsSupported"},
    {"free-tier-eligible", "FreeTierEligible"},
    {"hibernation-supported", "HibernationSupported"},
    {"hypervisor", "Hypervisor"},
    {"instance-storage-supported", "InstanceStorageSupported"},
    {"instance-type", "InstanceType"},
    {"memory-info.size-in-mib", "MemoryInfo.SizeInMiB"},
    {"network-info.ipv4-addresses-per-interface", "NetworkInfo.Ipv4AddressesPerInterface"},
    {"network-info.ipv6-supported", "NetworkInfo.Ipv6Supported"},
    {"network-info.maximum-network-interfaces", "NetworkInfo.MaximumNetworkInterfaces"},
    {"processor-info.supported-architecture", "ProcessorInfo.SupportedArchitectures"},
    {"supported-root-device-type", "SupportedRootDeviceTypes"},
    {"supported-usage-class", "SupportedUsageClasses"},
    {"supported-virtualization-type", "SupportedVirtualizationTypes"},
    {"vcpu-info.default-cores", "VCpuInfo.DefaultCores"},
    {"vcpu-info.default-threads-per-core", "VCpuInfo.DefaultThreadsPerCore"},
    {"vcpu-info.default-vcpus", "VCpuInfo.DefaultVCpus"},
};
static const struct filter_table type_filters = {&ec2_instance_type_info_shape, type_fields, COUNT_OF(type_fields),
                                                 NULL};

static void show_network(struct arena *arena, const struct instance_type *type, struct ec2_instance_type_info *to)
{
    struct ec2_network_info *network = arena_new(arena, struct ec2_network_info);

    SET(network, maximum_network_interfaces, type->interfaces_max);
    SET(network, ipv4_addresses_per_interface, type->addresses_per_interface);
    SET(network, maximum_network_cards, 1);
    SET(network, default_network_card_index, 0);
    SET(network, ipv6_supported, false);
    SET(network, efa_supported, false);
    network->ena_support = EC2_ENA_SUPPORT_SUPPORTED;
    to->network_info = network;
}

static void show_processor(struct arena *arena, const struct instance_type *type, struct ec2_instance_type_info *to)
{
    to->v_cpu_info = arena_new(arena, struct ec2_v_cpu_info);
    SET(to->v_cpu_info, default_v_cpus, type->vcpus);
    SET(to->v_cpu_info, default_threads_per_core, type->threads_per_core);
    SET(to->v_cpu_info, default_cores, type->vcpus / type->threads_per_core);
    to->memory_info = arena_new(arena, struct ec2_memory_info);
    SET(to->memory_info, size_in_mib, type->memory_mib);
    to->processor_info = arena_new(arena, struct ec2_processor_info);
    to->processor_info->supported_architectures.items = arena_new(arena, enum ec2_architecture_type);
    to->processor_info->supported_architectures.items[0] = type->architecture;
    to->processor_info->supported_architectures.count = 1;
}

static void show_type(struct arena *arena, const struct instance_type *type, struct ec2_instance_type_info *to)
{
    *to = (struct ec2_instance_type_info){.instance_type = type->type};
    show_processor(arena, type, to);
    show_network(arena, type, to);
    to->hypervisor = EC2_INSTANCE_TYPE_HYPERVISOR_NITRO;
    to->supported_usage_classes.items = arena_new(arena, enum ec2_usage_class_type);
    to->supported_usage_classes.items[to->supported_usage_classes.count++] = EC2_USAGE_CLASS_TYPE_ON_DEMAND;
    to->supported_root_device_types.items = arena_new(arena, enum ec2_root_device_type);
    to->supported_root_device_types.items[to->supported_root_device_types.count++] = EC2_ROOT_DEVICE_TYPE_EBS;
    to->supported_virtualization_types.items = arena_new(arena, enum ec2_virtualization_type);
    to->supported_virtualization_types.items[to->supported_virtualization_types.count++] = EC2_VIRTUALIZATION_TYPE_HVM;
    SET(to, current_generation, true);
    SET(to, free_tier_eligible, false);
    SET(to, bare_metal, false);
    SET(to, instance_storage_supported, false);
    SET(to, hibernation_supported, false);
    SET(to, burstable_performance_supported, type->burstable);
    SET(to, dedicated_hosts_supported, false);
    SET(to, auto_recovery_supported, false);
}

static bool is_among(enum ec2_instance_type type, const struct ec2_request_instance_type_list *types)
{
    for (size_t i = 0; i < types->count; i++)
        if (types->items[i] == type)
            return true;
    return types->count == 0;
}

static bool check_types(const struct call *call, const struct ec2_request_instance_type_list *types)
{
    for (size_t i = 0; i < types->count; i++)
        if (instance_type_of(types->items[i]) == NULL)
            return fail_api(call->fail, "InvalidInstanceType",
                            "The following supplied instance types do not exist: [%s]",
                            instance_type_name(types->items[i]));
    return true;
}

bool ec2_describe_instance_types(struct call *call, const struct ec2_describe_instance_types_request *in,
                                 struct ec2_describe_instance_types_result *out)
{
    size_t count;
    const struct instance_type *types = instance_types(&count);
    struct page page;

    if (!filters_check(&type_filters, &in->filters, call->fail) || !check_types(call, &in->instance_types) ||
        !page_start(call, in->next_token, in->has_max_results ? (size_t)in->max_results : TYPES_PAGE, &page))
        return false;
    out->instance_types.items = arena_array(call->arena, struct ec2_instance_type_info, count);
    for (size_t i = 0; i < count; i++) {
        struct ec2_instance_type_info *info = &out->instance_types.items[out->instance_types.count];

        if (!is_among(types[i].type, &in->instance_types))
            continue;
        show_type(call->arena, &types[i], info);
        if (filters_match(&type_filters, &in->filters, info) && page_takes(&page))
            out->instance_types.count++;
    }
    out->next_token = page_next(call, &page);
    return true;
}

/* ---- DescribeInstanceTypeOfferings: every type everywhere ---- */

static const struct filter_field offering_fields[] = {
    {"instance-type", "InstanceType"},
    {"location", "Location"},
};
static const struct filter_table offering_filters = {&ec2_instance_type_offering_shape, offering_fields,
                                                     COUNT_OF(offering_fields), NULL};

static size_t locations(const struct call *call, enum ec2_location_type type, struct str ret_names[ZONES])
{
    if (type == EC2_LOCATION_TYPE_REGION) {
        ret_names[0] = call->region;
        return 1;
    }
    for (unsigned i = 0; i < ZONES; i++)
        ret_names[i] = type == EC2_LOCATION_TYPE_AVAILABILITY_ZONE ? zone_name(call->arena, call->region, i)
                                                                   : zone_id(call->arena, call->region, i);
    return type == EC2_LOCATION_TYPE_OUTPOST ? 0 : ZONES;
}

bool ec2_describe_instance_type_offerings(struct call *call,
                                          const struct ec2_describe_instance_type_offerings_request *in,
                                          struct ec2_describe_instance_type_offerings_result *out)
{
    enum ec2_location_type by =
        in->location_type == EC2_LOCATION_TYPE_NONE ? EC2_LOCATION_TYPE_REGION : in->location_type;
    struct str names[ZONES];
    size_t places = locations(call, by, names);
    size_t count;
    const struct instance_type *types = instance_types(&count);
    struct page page;

    if (!filters_check(&offering_filters, &in->filters, call->fail) ||
        !page_start(call, in->next_token, in->has_max_results ? (size_t)in->max_results : OFFERINGS_PAGE, &page))
        return false;
    out->instance_type_offerings.items =
        arena_array(call->arena, struct ec2_instance_type_offering, count * places + 1);
    for (size_t i = 0; i < count * places; i++) {
        struct ec2_instance_type_offering offering = {
            .instance_type = types[i / places].type, .location_type = by, .location = names[i % places]};

        if (filters_match(&offering_filters, &in->filters, &offering) && page_takes(&page))
            out->instance_type_offerings.items[out->instance_type_offerings.count++] = offering;
    }
    out->next_token = page_next(call, &page);
    return true;
}
