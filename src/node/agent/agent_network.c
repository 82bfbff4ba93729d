#include "node/agent/agent_network.h"

#include "base/log.h"
#include "base/must.h"
#include "node/task/metadata_answer.h"
#include "os/files.h"

#include <sys/utsname.h>

enum { RECORD_BYTES_MAX = 64 << 10 };

struct agent_network {
    struct agent_bridge *bridge;
    struct utsname machine;
};

bool agent_network_open(struct agent_network **ret_network, struct fail *f)
{
    struct agent_network *network = calloc(1, sizeof(*network));

    must(network != NULL);
    (void)uname(&network->machine);
    if (!agent_bridge_open(&network->bridge, f)) {
        free(network);
        return false;
    }
    *ret_network = network;
    return true;
}

void agent_network_close(struct agent_network *network)
{
    if (network == NULL)
        return;
    agent_bridge_close(network->bridge);
    free(network);
}

bool agent_network_tidy(struct agent_network *network, struct fail *f)
{
    return agent_bridge_tidy(network->bridge, f);
}

/* ---- places ---- */

/* How many networks its containers have: one, where they share an interface. */
static size_t endpoint_count(const struct hosted *hosted)
{
    return hosted->task->assignment->network_interface != NULL ? 1 : hosted->task->container_count;
}

static bool is_of_machine(const struct hosted *hosted)
{
    return hosted->task->assignment->task_definition->network_mode == ECS_NETWORK_MODE_HOST;
}

/* A container in the machine's own network has its names, too. */
static void fill_machine(const struct agent_network *network, struct hosted *hosted)
{
    for (size_t i = 0; i < hosted->task->container_count; i++) {
        struct task_place *place = &hosted->places[i];

        (void)snprintf(place->netns, sizeof(place->netns), "/proc/self/ns/net");
        place->host_name = str_of(network->machine.nodename);
    }
}

static struct agent_endpoint *endpoints_of(struct hosted *hosted)
{
    if (hosted->link == NULL)
        hosted->link = calloc(hosted->task->container_count + 1, sizeof(struct agent_endpoint));
    must(hosted->link != NULL);
    return hosted->link;
}

static void fill_bindings(struct hosted *hosted, const struct agent_endpoint *endpoint,
                          struct ecs_network_bindings *bindings)
{
    bindings->items = arena_array(&hosted->places_arena, struct ecs_network_binding, endpoint->port_count + 1);
    bindings->count = 0;
    for (size_t i = 0; i < endpoint->port_count; i++) {
        struct ecs_network_binding *binding = &bindings->items[bindings->count++];

        binding->bind_ip = STR("0.0.0.0");
        SET(binding, container_port, endpoint->ports[i].container);
        SET(binding, host_port, endpoint->ports[i].host);
        binding->protocol = endpoint->ports[i].udp ? ECS_TRANSPORT_PROTOCOL_UDP : ECS_TRANSPORT_PROTOCOL_TCP;
    }
}

/* "db:database" makes both names those of the other container's address, as Docker does. */
static void fill_links(struct hosted *hosted, size_t i)
{
    const struct ecs_string_list *links = &hosted->task->containers[i].definition->links;
    auto_buf hosts = {.ptr = NULL};

    for (size_t k = 0; k < links->count; k++) {
        struct str alias;
        struct str name = str_cut(links->items[k], ':', &alias);

        for (size_t n = 0; n < hosted->task->container_count; n++)
            if (str_eq(hosted->task->containers[n].definition->name, name))
                buf_printf(&hosts, "%.*s\t%.*s%s%.*s\n", STR_ARG(hosted->places[n].address),
                           STR_ARG(alias.ptr == NULL ? name : alias), alias.ptr == NULL ? "" : " ",
                           STR_ARG(alias.ptr == NULL ? STR("") : name));
    }
    hosted->places[i].hosts = arena_str(&hosted->places_arena, buf_str(&hosts));
}

static void fill_bridge(struct hosted *hosted)
{
    const struct agent_endpoint *endpoints = endpoints_of(hosted);

    for (size_t i = 0; i < hosted->task->container_count; i++) {
        struct task_place *place = &hosted->places[i];

        (void)snprintf(place->netns, sizeof(place->netns), "%s", endpoints[i].path);
        place->address = endpoints[i].is_alone ? STR("127.0.0.1") : endpoints[i].address;
        fill_bindings(hosted, &endpoints[i], &place->bindings);
    }
    for (size_t i = 0; i < hosted->task->container_count; i++)
        fill_links(hosted, i);
}

static void fill_interface(struct hosted *hosted)
{
    const struct host_network_interface *interface = hosted->task->assignment->network_interface;
    struct task_place place = {.address = interface->address,
                               .host_name = interface->private_dns_name,
                               .resolver = interface->resolver_address};

    (void)str_cut(interface->private_dns_name, '.', &place.domain);
    (void)snprintf(place.netns, sizeof(place.netns), "%s", endpoints_of(hosted)->path);
    for (size_t i = 0; i < hosted->task->container_count; i++)
        hosted->places[i] = place;
}

static void fill(struct hosted *hosted)
{
    if (hosted->task->assignment->network_interface != NULL)
        fill_interface(hosted);
    else
        fill_bridge(hosted);
}

/* ---- the record ---- */

static void record_path(const struct hosted *hosted, char path[TASK_PATH + 16])
{
    (void)snprintf(path, TASK_PATH + 16, "%s/network", hosted->dir);
}

/* A line a container: "NUMBER tcp:80:32768 udp:53:32769". */
static bool keep(struct hosted *hosted, struct fail *f)
{
    const struct agent_endpoint *endpoints = endpoints_of(hosted);
    char path[TASK_PATH + 16];
    auto_buf text = {.ptr = NULL};

    for (size_t i = 0; i < endpoint_count(hosted); i++) {
        buf_printf(&text, "%u", endpoints[i].number);
        for (size_t k = 0; k < endpoints[i].port_count; k++) {
            const struct agent_port *port = &endpoints[i].ports[k];

            buf_printf(&text, " %s:%u:%u", port->udp ? "udp" : "tcp", port->container, port->host);
        }
        buf_add_char(&text, '\n');
    }
    record_path(hosted, path);
    return file_replace(path, buf_str(&text), 0600, f);
}

static bool recall_port(struct str word, struct agent_endpoint *endpoint)
{
    struct str rest;
    struct str protocol = str_cut(word, ':', &rest);
    struct str container = str_cut(rest.ptr == NULL ? STR("") : rest, ':', &rest);
    uint64_t ports[2];

    if (rest.ptr == NULL || !str_to_uint64(container, &ports[0]) || !str_to_uint64(rest, &ports[1]) ||
        ports[0] > UINT16_MAX || ports[1] > UINT16_MAX || endpoint->port_count == BRIDGE_PORTS_MAX)
        return false;
    endpoint->ports[endpoint->port_count++] = (struct agent_port){
        .container = (uint16_t)ports[0], .host = (uint16_t)ports[1], .udp = str_is(protocol, "udp")};
    return true;
}

static bool recall_line(struct str line, struct agent_endpoint *endpoint)
{
    struct str rest;
    uint64_t number;

    if (!str_to_uint64(str_cut(line, ' ', &rest), &number) || number > UINT32_MAX)
        return false;
    endpoint->number = (uint32_t)number;
    while (rest.ptr != NULL)
        if (!recall_port(str_cut(rest, ' ', &rest), endpoint))
            return false;
    return true;
}

static bool recall(struct hosted *hosted, struct fail *f)
{
    struct agent_endpoint *endpoints = endpoints_of(hosted);
    char path[TASK_PATH + 16];
    auto_buf text = {.limit = RECORD_BYTES_MAX};
    struct str rest;

    record_path(hosted, path);
    if (!file_read(path, &text, f))
        return false;
    rest = buf_str(&text);
    for (size_t i = 0; i < endpoint_count(hosted); i++)
        if (rest.ptr == NULL || !recall_line(str_cut(rest, '\n', &rest), &endpoints[i]))
            return fail(f, FAIL_INPUT, "%s is no record of a network", path);
    return true;
}

/* ---- making and removing ---- */

static void wish(const struct hosted *hosted, size_t i, struct agent_endpoint *endpoint)
{
    const struct host_task_assignment *assignment = hosted->task->assignment;
    const struct ecs_port_mapping_list *mappings = &hosted->task->containers[i].definition->port_mappings;

    *endpoint =
        (struct agent_endpoint){.interface = assignment->network_interface,
                                .is_alone = assignment->task_definition->network_mode == ECS_NETWORK_MODE_NONE_};
    if (endpoint->interface != NULL || endpoint->is_alone)
        return;
    for (size_t k = 0; k < mappings->count && k < BRIDGE_PORTS_MAX; k++)
        endpoint->ports[endpoint->port_count++] =
            (struct agent_port){.container = (uint16_t)mappings->items[k].container_port,
                                .host = (uint16_t)mappings->items[k].host_port,
                                .udp = mappings->items[k].protocol == ECS_TRANSPORT_PROTOCOL_UDP};
}

bool agent_network_make(struct agent_network *network, struct hosted *hosted, struct fail *f)
{
    struct agent_endpoint *endpoints;

    if (is_of_machine(hosted)) {
        fill_machine(network, hosted);
        return true;
    }
    endpoints = endpoints_of(hosted);
    for (size_t i = 0; i < endpoint_count(hosted); i++) {
        wish(hosted, i, &endpoints[i]);
        if (!agent_bridge_add(network->bridge, &endpoints[i], f))
            return false; /* what was made is removed with the task */
    }
    fill(hosted);
    return keep(hosted, f);
}

bool agent_network_adopt(struct agent_network *network, struct hosted *hosted, struct fail *f)
{
    struct agent_endpoint *endpoints = endpoints_of(hosted);

    if (is_of_machine(hosted)) {
        fill_machine(network, hosted);
        return true;
    }
    if (!recall(hosted, f))
        return false;
    for (size_t i = 0; i < endpoint_count(hosted); i++) {
        endpoints[i].interface = hosted->task->assignment->network_interface;
        endpoints[i].is_alone = hosted->task->assignment->task_definition->network_mode == ECS_NETWORK_MODE_NONE_;
        if (!agent_bridge_adopt(network->bridge, &endpoints[i], f))
            return false;
    }
    fill(hosted);
    return true;
}

void agent_network_remove(struct agent_network *network, struct hosted *hosted)
{
    struct agent_endpoint *endpoints = hosted->link;

    for (size_t i = 0; endpoints != NULL && i < endpoint_count(hosted); i++)
        agent_bridge_remove(network->bridge, &endpoints[i]);
}

/* A container in the instance's own network cannot be told apart there, and has to know an id that nobody guesses. */
bool agent_network_asks(const struct hosted *hosted, struct str peer)
{
    const struct agent_endpoint *endpoints = hosted->link;

    if (is_of_machine(hosted))
        return str_is(peer, METADATA_ADDRESS);
    for (size_t i = 0; endpoints != NULL && i < endpoint_count(hosted); i++)
        if (str_eq(endpoints[i].address, peer))
            return true;
    return false;
}
