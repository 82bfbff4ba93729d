/* Rules of port mappings: each by itself, and that no two take the same port (API reference, "PortMapping"). */
#include "plane/ecs/task_definition_rules.h"

enum { PORT_MAX = 65535, PORT_NAME_LEN_MAX = 64 };

/* The ports that one mapping takes on one side. */
struct span {
    bool udp;
    int64_t first, last;
};

static bool range_parse(struct str text, struct span *ret_span)
{
    struct str last_text;
    struct str first_text = str_cut(text, '-', &last_text);
    uint64_t first;
    uint64_t last;

    if (last_text.ptr == NULL || !str_to_uint64(first_text, &first) || !str_to_uint64(last_text, &last) || first < 1 ||
        first >= last || last > PORT_MAX)
        return false;
    ret_span->first = (int64_t)first;
    ret_span->last = (int64_t)last;
    return true;
}

static bool shares_host_ports(const struct definition_case *on)
{
    return on->in->network_mode == ECS_NETWORK_MODE_AWSVPC || on->in->network_mode == ECS_NETWORK_MODE_HOST;
}

static bool check_name(const struct ecs_container_definition *container, struct str name, struct fail *f)
{
    bool good = name.len > 0 && name.len <= PORT_NAME_LEN_MAX && name.ptr[0] != '-';

    for (size_t i = 0; good && i < name.len; i++) {
        char c = name.ptr[i];

        good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    }
    if (!good)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                        "Invalid setting for container '%.*s'. The port mapping name '%.*s' must be at most 64 lower "
                        "case letters, digits, underscores and hyphens, and must not start with a hyphen.",
                        STR_ARG(container->name), STR_ARG(name));
    return true;
}

static bool check_range(const struct definition_case *on, const struct ecs_container_definition *container,
                        const struct ecs_port_mapping *mapping, struct fail *f)
{
    struct span span;

    if (mapping->has_container_port || mapping->has_host_port)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                        "Invalid setting for container '%.*s'. A port mapping cannot specify both single port and port "
                        "range.",
                        STR_ARG(container->name));
    if (!range_parse(mapping->container_port_range, &span))
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "Invalid 'containerPortRange' setting for container '%.*s'.",
                        STR_ARG(container->name));
    if (on->in->network_mode == ECS_NETWORK_MODE_HOST || on->in->network_mode == ECS_NETWORK_MODE_NONE_)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                        "Invalid setting for container '%.*s'. 'containerPortRange' needs the network mode bridge or "
                        "awsvpc.",
                        STR_ARG(container->name));
    return true;
}

static bool check_single(const struct definition_case *on, const struct ecs_container_definition *container,
                         const struct ecs_port_mapping *mapping, struct fail *f)
{
    if (!mapping->has_container_port || mapping->container_port < 1 || mapping->container_port > PORT_MAX)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "Invalid 'containerPort' setting for container '%.*s'.",
                        STR_ARG(container->name));
    if (mapping->has_host_port && (mapping->host_port < 0 || mapping->host_port > PORT_MAX))
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "Invalid 'hostPort' setting for container '%.*s'.",
                        STR_ARG(container->name));
    if (shares_host_ports(on) && mapping->has_host_port && mapping->host_port != mapping->container_port)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION,
                        "When networkMode=%s, the host ports and container ports in port mappings must match.",
                        enum_name(&ecs_network_mode_shape, (int)on->in->network_mode));
    return true;
}

static bool check_one(const struct definition_case *on, const struct ecs_container_definition *container,
                      const struct ecs_port_mapping *mapping, struct fail *f)
{
    if (mapping->name.ptr != NULL && !check_name(container, mapping->name, f))
        return false;
    if (mapping->container_port_range.ptr != NULL)
        return check_range(on, container, mapping, f);
    return check_single(on, container, mapping, f);
}

/* ---- no port twice ---- */

/* What a mapping takes of the host, which in awsvpc is the task's own interface; 0 to 0: a port is found for it. */
static struct span host_span(const struct definition_case *on, const struct ecs_port_mapping *mapping)
{
    struct span span = {.udp = mapping->protocol == ECS_TRANSPORT_PROTOCOL_UDP};

    if (mapping->container_port_range.ptr != NULL) {
        (void)range_parse(mapping->container_port_range, &span);
        return span;
    }
    span.first = mapping->has_host_port ? mapping->host_port : shares_host_ports(on) ? mapping->container_port : 0;
    span.last = span.first;
    return span;
}

static bool check_pair(const struct definition_case *on, const struct ecs_port_mapping *a,
                       const struct ecs_port_mapping *b, struct fail *f)
{
    struct span one = host_span(on, a);
    struct span other = host_span(on, b);
    int64_t port = one.first > other.first ? one.first : other.first;

    if (a->name.ptr != NULL && str_eq(a->name, b->name))
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "The port mapping name '%.*s' is already used.",
                        STR_ARG(a->name));
    if (one.udp != other.udp || one.first == 0 || other.first == 0 || one.first > other.last || other.first > one.last)
        return true;
    if (a->container_port_range.ptr != NULL || b->container_port_range.ptr != NULL)
        return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "%s container port '%lld' is used multiple times in task.",
                        one.udp ? "UDP" : "TCP", (long long)port);
    return fail_api(f, ECS_ERROR_CLIENT_EXCEPTION, "%s host port '%lld' is mapped multiple times in task.",
                    one.udp ? "UDP" : "TCP", (long long)port);
}

static bool check_against_earlier(const struct definition_case *on, size_t container, size_t mapping, struct fail *f)
{
    const struct ecs_container_definitions *all = &on->in->container_definitions;
    const struct ecs_port_mapping *last = &all->items[container].port_mappings.items[mapping];

    for (size_t i = 0; i <= container; i++)
        for (size_t k = 0; k < all->items[i].port_mappings.count && (i < container || k < mapping); k++)
            if (!check_pair(on, &all->items[i].port_mappings.items[k], last, f))
                return false;
    return true;
}

bool port_mappings_check(const struct definition_case *on, struct fail *f)
{
    for (size_t i = 0; i < on->in->container_definitions.count; i++) {
        const struct ecs_container_definition *container = &on->in->container_definitions.items[i];

        for (size_t k = 0; k < container->port_mappings.count; k++)
            if (!check_one(on, container, &container->port_mappings.items[k], f) || !check_against_earlier(on, i, k, f))
                return false;
    }
    return true;
}
