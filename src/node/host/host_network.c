/* The networks of a host's tasks: interfaces of the server's VPCs, one for all containers of a task. */
#include "base/log.h"
#include "base/must.h"
#include "node/host/internal.h"

struct network_eni host_eni_of(const struct host_network_interface *from)
{
    return (struct network_eni){
        .id = from->network_interface_id,
        .vpc = from->vpc_id,
        .subnet = from->subnet_id,
        .address = from->address,
        .mac = from->mac_address,
        .public_address = from->public_ip,
        .groups = from->groups.items,
        .group_count = from->groups.count,
    };
}

void host_interface_update(struct host *host, const struct host_network_interface *interface)
{
    struct network_eni eni = host_eni_of(interface);
    struct fail f;

    if (!network_eni_update(host->network, &eni, &f))
        log_error("interface %.*s: %s", STR_ARG(interface->network_interface_id), f.message);
}

static void fill_places(struct hosted *hosted, const char *netns)
{
    const struct host_network_interface *interface = hosted->task->assignment->network_interface;
    struct task_place place = {.address = interface->address,
                               .host_name = interface->private_dns_name,
                               .resolver = interface->resolver_address};

    (void)str_cut(interface->private_dns_name, '.', &place.domain);
    (void)snprintf(place.netns, sizeof(place.netns), "%s", netns);
    for (size_t i = 0; i < hosted->task->container_count; i++)
        hosted->places[i] = place;
}

static bool network_make(void *context, struct hosted *hosted, int namespace_fd, struct fail *f)
{
    struct host *host = context;
    const struct host_network_interface *interface = hosted->task->assignment->network_interface;
    char netns[NETWORK_PATH_SIZE];
    struct network_eni eni;

    if (interface == NULL)
        return fail(f, FAIL_INPUT, "the server assigns a task without an interface");
    eni = host_eni_of(interface);
    eni.namespace_fd = namespace_fd < 0 ? 0 : namespace_fd;
    if (!network_eni_add(host->network, &eni, netns, f))
        return false;
    fill_places(hosted, netns);
    return true;
}

static bool network_adopt(void *context, struct hosted *hosted, struct fail *f)
{
    const struct host *host = context;
    const struct host_network_interface *interface = hosted->task->assignment->network_interface;
    char netns[NETWORK_PATH_SIZE];

    if (interface == NULL)
        return fail(f, FAIL_INPUT, "it has no interface");
    (void)snprintf(netns, sizeof(netns), "/run/netns/berth-%s-%.*s", host->options.instance,
                   STR_ARG(interface->network_interface_id)); /* as network.h names it */
    fill_places(hosted, netns);
    return true;
}

static void network_remove(void *context, struct hosted *hosted)
{
    struct host *host = context;
    const struct host_task_assignment *assignment = hosted->task->assignment;
    struct fail f;

    if (assignment->network_interface != NULL &&
        !network_eni_remove(host->network, assignment->network_interface->network_interface_id, &f))
        log_error("task %.*s: its interface stays: %s", STR_ARG(assignment->task_id), f.message);
}

void host_network_port(struct host *host, struct task_engine_port *port)
{
    must(port->context == host);
    port->network_make = network_make;
    port->network_adopt = network_adopt;
    port->network_remove = network_remove;
}
