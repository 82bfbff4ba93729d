/* RegisterContainerInstance: what an agent says of its machine becomes a record, or renews the one that its ARN names.
 * Every attribute that was sent is answered, which the agent insists on. */
#include "base/must.h"
#include "plane/ecs/attribute.h"
#include "plane/ecs/client_token.h"
#include "plane/ecs/container_instance.h"
#include "plane/ecs/instance_identity.h"
#include "plane/ecs/operations.h"
#include "plane/ecs/tag.h"

enum { PORTS_MAX = 100, OWN_ATTRIBUTES = 8 };

/* ---- resources ---- */

static const struct ecs_resource *resource_of(const struct ecs_resources *resources, const char *name)
{
    for (size_t i = 0; i < resources->count; i++)
        if (str_is(resources->items[i].name, name))
            return &resources->items[i];
    return NULL;
}

static bool read_number(const struct call *call, const struct ecs_resources *resources, const char *name,
                        int64_t *ret_number)
{
    const struct ecs_resource *resource = resource_of(resources, name);

    if (resource == NULL || !resource->has_integer_value || resource->integer_value < 0)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "totalResources must have %s as an INTEGER that is not negative.", name);
    *ret_number = resource->integer_value;
    return true;
}

static void add_port(struct taken_ports *ports, int32_t port)
{
    size_t at = ports->count;

    for (; at > 0 && ports->items[at - 1] >= port; at--)
        if (ports->items[at - 1] == port)
            return;
    memmove(&ports->items[at + 1], &ports->items[at], (ports->count - at) * sizeof(*ports->items));
    ports->items[at] = port;
    ports->count++;
}

/* Those that nobody gets. */
static bool read_ports(const struct call *call, const struct ecs_resources *resources, const char *name,
                       struct taken_ports *ret_ports)
{
    const struct ecs_resource *resource = resource_of(resources, name);
    struct taken_ports ports = {NULL, 0};

    ports.items = arena_array(call->arena, int32_t, PORTS_MAX + 1);
    if (resource != NULL && resource->string_set_value.count > PORTS_MAX)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "%s can have at most %d ports.", name,
                        PORTS_MAX);
    for (size_t i = 0; resource != NULL && i < resource->string_set_value.count; i++) {
        struct str text = resource->string_set_value.items[i];
        int64_t port;

        if (!str_to_int64(text, &port) || port < 0 || port > UINT16_MAX)
            return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "'%.*s' in %s is not a port.",
                            STR_ARG(text), name);
        add_port(&ports, (int32_t)port);
    }
    *ret_ports = ports;
    return true;
}

/* GPUs come as platform devices, and are shown as a resource. */
static struct strings gpus_of(const struct call *call, const struct ecs_register_container_instance_request *in)
{
    struct strings gpus = {arena_array(call->arena, struct str, in->platform_devices.count + 1), 0};

    for (size_t i = 0; i < in->platform_devices.count; i++)
        gpus.items[gpus.count++] = in->platform_devices.items[i].id;
    return gpus;
}

struct totals {
    int64_t cpu, memory;
    struct taken_ports tcp, udp;
    struct strings gpus;
};

static bool read_totals(const struct call *call, const struct ecs_register_container_instance_request *in,
                        struct totals *ret_totals)
{
    struct totals totals = {.gpus = gpus_of(call, in)};

    if (!read_number(call, &in->total_resources, "CPU", &totals.cpu) ||
        !read_number(call, &in->total_resources, "MEMORY", &totals.memory) ||
        !read_ports(call, &in->total_resources, "PORTS", &totals.tcp) ||
        !read_ports(call, &in->total_resources, "PORTS_UDP", &totals.udp))
        return false;
    *ret_totals = totals;
    return true;
}

static struct ecs_resources registered_of(const struct call *call,
                                          const struct ecs_register_container_instance_request *in,
                                          const struct totals *totals)
{
    struct ecs_resources list = {arena_array(call->arena, struct ecs_resource, in->total_resources.count + 1), 0};

    for (size_t i = 0; i < in->total_resources.count; i++) {
        struct ecs_resource *resource = &list.items[list.count++];

        *resource = in->total_resources.items[i];
        SET(resource, double_value, resource->double_value);
        SET(resource, long_value, resource->long_value);
        SET(resource, integer_value, resource->integer_value);
    }
    if (totals->gpus.count > 0) {
        struct ecs_resource *resource = &list.items[list.count++];

        resource->name = STR("GPU");
        resource->type = STR("STRINGSET");
        resource->string_set_value = (struct ecs_string_list){totals->gpus.items, totals->gpus.count};
        SET(resource, double_value, 0);
        SET(resource, long_value, 0);
        SET(resource, integer_value, 0);
    }
    return list;
}

/* ---- attributes ---- */

static bool check_attributes(const struct call *call, const struct ecs_attributes *attributes)
{
    if (attributes->count > ATTRIBUTES_MAX)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "attributes can have at most %d items.",
                        ATTRIBUTES_MAX);
    for (size_t i = 0; i < attributes->count; i++)
        if (!attribute_check(&attributes->items[i], call->fail))
            return false;
    if (attributes_custom_count(attributes) > CUSTOM_ATTRIBUTES_MAX)
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "A container instance can have at most %d custom attributes.", CUSTOM_ATTRIBUTES_MAX);
    return true;
}

static void put_unless_there(struct ecs_attributes *attributes, const char *name, struct str value)
{
    if (value.len > 0 && attributes_find(attributes, str_of(name)) == NULL)
        attributes_put(attributes, &(struct ecs_attribute){.name = str_of(name), .value = value});
}

/* Those that the agent sent, over the custom ones of before, and what we know of the machine besides. */
static struct ecs_attributes attributes_of(const struct call *call,
                                           const struct ecs_register_container_instance_request *in,
                                           const struct instance_identity *identity,
                                           const struct ecs_attributes *before)
{
    struct ecs_attributes attributes =
        attributes_sorted(call->arena, &in->attributes, OWN_ATTRIBUTES + (before == NULL ? 0 : before->count));
    struct str zone = identity->availability_zone;

    for (size_t i = 0; before != NULL && i < before->count; i++)
        if (attribute_is_custom(before->items[i].name))
            put_unless_there(&attributes, arena_cstr(call->arena, before->items[i].name), before->items[i].value);
    if (zone.len == 0)
        zone = arena_printf(call->arena, "%.*sa", STR_ARG(call->region));
    put_unless_there(&attributes, "ecs.availability-zone", zone);
    put_unless_there(&attributes, "ecs.instance-type", identity->instance_type);
    put_unless_there(&attributes, "ecs.ami-id", identity->image_id);
    put_unless_there(&attributes, "ecs.os-type", STR("linux"));
    put_unless_there(&attributes, "ecs.cpu-architecture", identity->architecture);
    return attributes;
}

/* ---- records ---- */

static void set_registered(const struct call *call, const struct ecs_register_container_instance_request *in,
                           const struct totals *totals, struct ecs_container_instance *instance)
{
    instance->registered_resources = registered_of(call, in, totals);
    instance->tags = in->tags;
    if (in->version_info != NULL)
        instance->version_info = in->version_info;
    if (instance->version_info == NULL)
        instance->version_info = arena_new(call->arena, struct ecs_version_info);
}

static const struct container_instance_record *make_instance(const struct call *call,
                                                             const struct cluster_record *cluster,
                                                             const struct ecs_register_container_instance_request *in,
                                                             const struct totals *totals,
                                                             const struct instance_identity *identity)
{
    struct str name = cluster->cluster->cluster_name;
    struct ecs_container_instance instance = {.ec2_instance_id = identity->instance_id, .status = STR("ACTIVE")};
    struct container_instance_record record = {
        .account_id = cluster->account_id,
        .region = cluster->region,
        .cluster_name = name,
        .instance_id = random_hex(call->tx->random, call->arena, 32),
        .instance = &instance,
        .endpoint = container_instance_endpoint(call),
        .gpus_left = totals->gpus,
        .tcp_ports = totals->tcp,
        .udp_ports = totals->udp,
    };

    instance.container_instance_arn = ecs_arn(
        call, "container-instance", arena_printf(call->arena, "%.*s/%.*s", STR_ARG(name), STR_ARG(record.instance_id)));
    instance.attributes = attributes_of(call, in, identity, NULL);
    set_registered(call, in, totals, &instance);
    SET(&instance, agent_connected, false);
    SET(&instance, registered_at, call->tx->now_ms);
    SET(&instance, version, 1);
    SET(&record, cpu_left, totals->cpu);
    SET(&record, memory_left, totals->memory);
    SET(&record, enis_left,
        instance_eni_limit(cluster_query_attribute(&instance.attributes, STR("ecs.instance-type"))));
    must(transaction_put(call->tx, &container_instance_table, &record));
    return transaction_get(call->tx, &container_instance_table, container_instance_key(call->arena, &record));
}

static int64_t registered_number(const struct ecs_container_instance *instance, const char *name)
{
    const struct ecs_resource *resource = resource_of(&instance->registered_resources, name);

    return resource == NULL ? 0 : resource->integer_value;
}

/* Only the numbers follow: ports and devices that tasks hold are theirs until they stop. */
static const struct container_instance_record *renew_instance(const struct call *call,
                                                              const struct container_instance_record *before,
                                                              const struct ecs_register_container_instance_request *in,
                                                              const struct totals *totals,
                                                              const struct ecs_attributes *attributes)
{
    struct container_instance_edit *edit = container_instance_edit_begin(call->tx, before);

    SET(&edit->record, cpu_left, before->cpu_left + totals->cpu - registered_number(before->instance, "CPU"));
    SET(&edit->record, memory_left,
        before->memory_left + totals->memory - registered_number(before->instance, "MEMORY"));
    edit->record.endpoint = container_instance_endpoint(call);
    edit->instance.attributes = *attributes;
    set_registered(call, in, totals, &edit->instance);
    must(container_instance_edit_put(call->tx, edit));
    return transaction_get(call->tx, &container_instance_table, container_instance_key(call->arena, before));
}

static bool find_renewed(const struct call *call, const struct cluster_record *cluster, struct str arn,
                         const struct container_instance_record **ret_instance)
{
    if (!container_instance_find(call, cluster, arn, ret_instance))
        return false;
    if (*ret_instance == NULL || container_instance_is_gone(*ret_instance))
        return fail_api(call->fail, ECS_ERROR_CLIENT_EXCEPTION,
                        "Container instance %.*s is INACTIVE and cannot be registered again.", STR_ARG(arn));
    return true;
}

static bool renew(const struct call *call, const struct cluster_record *cluster,
                  const struct ecs_register_container_instance_request *in, const struct totals *totals,
                  const struct instance_identity *identity, const struct container_instance_record **ret_instance)
{
    const struct container_instance_record *before;
    struct ecs_attributes attributes;
    struct str type = STR("ecs.instance-type");
    struct str had;

    if (!find_renewed(call, cluster, in->container_instance_arn, &before))
        return false;
    attributes = attributes_of(call, in, identity, &before->instance->attributes);
    had = cluster_query_attribute(&before->instance->attributes, type);
    if (had.ptr != NULL && !str_eq(had, cluster_query_attribute(&attributes, type)))
        return fail_api(call->fail, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "Container instance type changes are not supported. Container instance %.*s was previously "
                        "registered as %.*s.",
                        STR_ARG(in->container_instance_arn), STR_ARG(had));
    *ret_instance = renew_instance(call, before, in, totals, &attributes);
    return true;
}

/* ---- the operation ---- */

static struct client_token token_of(const struct ecs_register_container_instance_request *in)
{
    struct ecs_register_container_instance_request request = *in;
    struct client_token token = {.operation = "RegisterContainerInstance", .token = in->client_token};

    request.client_token = (struct str){NULL, 0};
    if (token.token.ptr != NULL)
        token.request_hash = client_token_hash(&ecs_register_container_instance_request_shape, &request);
    return token;
}

static bool check_tags(const struct call *call, const struct cluster_record *cluster, const struct ecs_tags *tags)
{
    struct str name = arena_printf(call->arena, "%.*s/*", STR_ARG(cluster->cluster->cluster_name));

    return tags_allow(call, ecs_arn(call, "container-instance", name), tags);
}

bool ecs_register_container_instance(struct call *call, const struct ecs_register_container_instance_request *in,
                                     struct ecs_register_container_instance_response *out)
{
    const struct container_instance_record *instance = NULL;
    const struct client_token_record *earlier;
    const struct cluster_record *cluster;
    struct client_token token = token_of(in);
    struct instance_identity identity;
    struct totals totals;

    if (!cluster_find(call, in->cluster, &cluster) || !client_token_find(call, &token, &earlier) ||
        !check_attributes(call, &in->attributes) || !check_tags(call, cluster, &in->tags) ||
        !read_totals(call, in, &totals) || !instance_identity_read(call, in->instance_identity_document, &identity))
        return false;
    if (earlier != NULL)
        instance = container_instance_of_arn(call->tx, earlier->task_arns.items[0]);
    if (instance == NULL && in->container_instance_arn.len > 0) {
        if (!renew(call, cluster, in, &totals, &identity, &instance))
            return false;
    } else if (instance == NULL) {
        instance = make_instance(call, cluster, in, &totals, &identity);
        client_token_keep(call, &token, &instance->instance->container_instance_arn, 1);
    }
    out->container_instance = container_instance_shown(call, instance, (struct container_instance_parts){.tags = true});
    return true;
}
