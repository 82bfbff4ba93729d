/* Assignments: what the server wants becomes networks and tasks; and the tasks that a former process left. */
#include "base/log.h"
#include "base/must.h"
#include "node/host/container_memory.h"
#include "node/host/instances.h"
#include "node/host/internal.h"
#include "node/runtime/small_file.h"
#include "os/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

/* ---- what is told of by now ---- */

/* Messages come in order; a difference counts once there is something that it differs from. */
static bool is_news(struct host *host, const struct host_assignment *assignment)
{
    bool news;

    (void)pthread_mutex_lock(&host->lock);
    news = assignment->generation > host->generation && (assignment->complete || host->heard_all != 0);
    if (news)
        host->generation = assignment->generation;
    if (news && assignment->complete)
        host->heard_all = assignment->generation;
    (void)pthread_mutex_unlock(&host->lock);
    return news;
}

static struct host_network *network_of(const struct host_networks *in, struct str id)
{
    for (size_t i = 0; i < in->count; i++)
        if (str_eq(in->items[i].vpc_id, id))
            return &in->items[i];
    return NULL;
}

static struct host_security_group *group_of(const struct host_security_groups *in, struct str id)
{
    for (size_t i = 0; i < in->count; i++)
        if (str_eq(in->items[i].group_id, id))
            return &in->items[i];
    return NULL;
}

static struct host_networks networks_over(const struct host_networks *before, const struct host_networks *named,
                                          struct arena *arena)
{
    struct host_networks all = {arena_array(arena, struct host_network, before->count + named->count + 1), 0};

    for (size_t i = 0; i < before->count; i++) {
        const struct host_network *newer = network_of(named, before->items[i].vpc_id);

        all.items[all.count++] = newer != NULL ? *newer : before->items[i];
    }
    for (size_t i = 0; i < named->count; i++)
        if (network_of(before, named->items[i].vpc_id) == NULL)
            all.items[all.count++] = named->items[i];
    return all;
}

static struct host_security_groups groups_over(const struct host_security_groups *before,
                                               const struct host_security_groups *named, struct arena *arena)
{
    struct host_security_groups all = {arena_array(arena, struct host_security_group, before->count + named->count + 1),
                                       0};

    for (size_t i = 0; i < before->count; i++) {
        const struct host_security_group *newer = group_of(named, before->items[i].group_id);

        all.items[all.count++] = newer != NULL ? *newer : before->items[i];
    }
    for (size_t i = 0; i < named->count; i++)
        if (group_of(before, named->items[i].group_id) == NULL)
            all.items[all.count++] = named->items[i];
    return all;
}

/* Networks and groups, all that are told of with this message. */
static struct host_assignment told_with(const struct host *host, const struct host_assignment *assignment,
                                        struct arena *arena)
{
    struct host_assignment all = {.networks = assignment->networks, .groups = assignment->groups};

    if (!assignment->complete && host->told != NULL) {
        all.networks = networks_over(&host->told->networks, &assignment->networks, arena);
        all.groups = groups_over(&host->told->groups, &assignment->groups, arena);
    }
    return all;
}

static bool is_forgotten(const struct host_assignment *assignment, struct str task_arn)
{
    for (size_t i = 0; i < assignment->forgotten.count; i++)
        if (str_eq(assignment->forgotten.items[i], task_arn))
            return true;
    return false;
}

/* ---- networks ---- */

static bool apply_networks(struct host *host, const struct host_assignment *assignment, struct arena *arena)
{
    static const enum network_exit exits[] = {
        [HOST_INTERNET_ROUTE_NONE] = NETWORK_EXIT_NONE,
        [HOST_INTERNET_ROUTE_NONE_] = NETWORK_EXIT_NONE,
        [HOST_INTERNET_ROUTE_INTERNET_GATEWAY] = NETWORK_EXIT_INTERNET_GATEWAY,
        [HOST_INTERNET_ROUTE_NAT_GATEWAY] = NETWORK_EXIT_NAT_GATEWAY,
    };
    size_t count = assignment->networks.count;
    struct network_vpc *vpcs = arena_array(arena, struct network_vpc, count + 1);
    struct fail f;

    for (size_t i = 0; i < count; i++) {
        const struct host_network *from = &assignment->networks.items[i];
        struct network_subnet *subnets = arena_array(arena, struct network_subnet, from->subnets.count + 1);

        for (size_t k = 0; k < from->subnets.count; k++)
            subnets[k] = (struct network_subnet){.id = from->subnets.items[k].subnet_id,
                                                 .cidr = from->subnets.items[k].cidr,
                                                 .exit = exits[from->subnets.items[k].internet_route]};
        vpcs[i] = (struct network_vpc){.id = from->vpc_id,
                                       .cidr = from->cidr,
                                       .reachable = from->host_reachable,
                                       .dns_support = from->dns_support,
                                       .subnets = subnets,
                                       .subnet_count = from->subnets.count};
    }
    if (network_apply_vpcs(host->network, vpcs, count, &f))
        return true;
    log_error("networks: %s", f.message);
    return false;
}

static struct network_rule *rules_of(const struct host_security_group_rules *from, struct arena *arena)
{
    struct network_rule *rules = arena_array(arena, struct network_rule, from->count + 1);

    for (size_t i = 0; i < from->count; i++)
        rules[i] = (struct network_rule){.protocol = from->items[i].protocol,
                                         .from_port = from->items[i].from_port,
                                         .to_port = from->items[i].to_port,
                                         .cidr = from->items[i].cidr,
                                         .group = from->items[i].source_group_id};
    return rules;
}

static bool apply_groups(struct host *host, const struct host_assignment *assignment, struct arena *arena)
{
    size_t count = assignment->groups.count;
    struct network_group *groups = arena_array(arena, struct network_group, count + 1);
    struct fail f;

    for (size_t i = 0; i < count; i++) {
        const struct host_security_group *from = &assignment->groups.items[i];

        groups[i] = (struct network_group){.id = from->group_id,
                                           .vpc = from->vpc_id,
                                           .ingress = rules_of(&from->ingress, arena),
                                           .ingress_count = from->ingress.count,
                                           .egress = rules_of(&from->egress, arena),
                                           .egress_count = from->egress.count};
    }
    if (network_apply_groups(host->network, groups, count, &f))
        return true;
    log_error("security groups: %s", f.message);
    return false;
}

/* A difference names again what stands already: nothing is done for it, unless something failed before. */
static void apply_told(struct host *host, const struct host_assignment *assignment, const struct host_assignment *all,
                       struct arena *arena)
{
    struct host_assignment *before = host->told;
    bool networks;
    bool groups;
    size_t size;

    if (!assignment->complete && !host->told_due && value_equal(&host_assignment_shape, before, all))
        return;
    networks = apply_networks(host, all, arena);
    groups = apply_groups(host, all, arena);
    host->told_due = !networks || !groups;
    host->told = value_block(&host_assignment_shape, all, &size);
    free(before);
}

struct interfaces {
    const struct host_network_interface **items;
    size_t count;
};

/* Those of the instances and of the message, and with a difference those of the other tasks here. They are valid as
 * long as the task is assigned, which the link thread alone changes. */
static struct interfaces interfaces_with(struct host *host, const struct host_assignment *assignment,
                                         struct arena *arena)
{
    struct interfaces interfaces = {NULL, 0};
    struct map named = {0};
    struct hosted *hosted;
    size_t at = 0;

    (void)pthread_mutex_lock(&host->lock);
    interfaces.items = arena_array(arena, const struct host_network_interface *,
                                   assignment->tasks.count + host->tasks.count + instances_interfaces(host, NULL) + 1);
    interfaces.count = instances_interfaces(host, interfaces.items);
    for (size_t i = 0; i < assignment->tasks.count; i++) {
        struct host_task_assignment *task = &assignment->tasks.items[i];

        (void)map_put(&named, task->task_id, task);
        if (task->network_interface != NULL)
            interfaces.items[interfaces.count++] = task->network_interface;
    }
    while (!assignment->complete && (hosted = map_next(&host->tasks, &at)) != NULL) {
        const struct host_task_assignment *task = hosted->task->assignment;

        if (hosted->assigned && task->network_interface != NULL && map_get(&named, task->task_id) == NULL &&
            !is_forgotten(assignment, task->task_arn))
            interfaces.items[interfaces.count++] = task->network_interface;
    }
    (void)pthread_mutex_unlock(&host->lock);
    map_free(&named);
    return interfaces;
}

/* The private DNS names of the interfaces here, which the resolvers of their VPCs know. */
static void apply_names(struct host *host, const struct host_assignment *assignment,
                        const struct host_networks *networks, struct arena *arena)
{
    struct interfaces interfaces = interfaces_with(host, assignment, arena);
    struct network_name *names = arena_array(arena, struct network_name, interfaces.count + 1);
    struct fail f;

    for (size_t i = 0; i < networks->count; i++) {
        const struct host_network *network = &networks->items[i];
        size_t count = 0;

        for (size_t k = 0; k < interfaces.count; k++)
            if (str_eq(interfaces.items[k]->vpc_id, network->vpc_id))
                names[count++] =
                    (struct network_name){interfaces.items[k]->private_dns_name, interfaces.items[k]->address};
        if (network->dns_support && !network_names_set(host->network, network->vpc_id, NULL, 0, names, count, &f))
            log_error("names of %.*s: %s", STR_ARG(network->vpc_id), f.message);
    }
}

/* ---- tasks ---- */

static bool is_task_id(struct str id)
{
    if (id.len == 0 || id.len > 64)
        return false;
    for (size_t i = 0; i < id.len; i++)
        if (!((id.ptr[i] >= '0' && id.ptr[i] <= '9') || (id.ptr[i] >= 'a' && id.ptr[i] <= 'z')))
            return false;
    return true;
}

/* lock held, or nobody else knows it yet. */
static void take_credentials(struct hosted *hosted, const struct host_credentials *credentials)
{
    struct host_credentials *copy;

    if (credentials == NULL)
        return;
    arena_reset(&hosted->credentials_arena);
    copy = arena_new(&hosted->credentials_arena, struct host_credentials);
    value_copy(&host_credentials_shape, copy, credentials, &hosted->credentials_arena);
    hosted->credentials = copy;
}

static struct hosted *hosted_new(struct host *host, const struct host_task_assignment *assignment)
{
    struct hosted *hosted = calloc(1, sizeof(*hosted));

    must(hosted != NULL);
    hosted->task = task_new(assignment);
    arena_init(&hosted->credentials_arena, ARENA_LIMIT_DEFAULT);
    take_credentials(hosted, assignment->task_credentials);
    hosted->images = calloc(hosted->task->container_count + 1, sizeof(*hosted->images));
    must(hosted->images != NULL);
    hosted->samples = calloc(hosted->task->container_count + 1, sizeof(*hosted->samples));
    must(hosted->samples != NULL);
    hosted->kept = calloc(hosted->task->container_count + 1, sizeof(*hosted->kept));
    must(hosted->kept != NULL);
    for (size_t i = 0; i < hosted->task->container_count; i++)
        hosted->kept[i] = hosted->task->containers[i].memory;
    (void)snprintf(hosted->task_id, sizeof(hosted->task_id), "%.*s", STR_ARG(assignment->task_id));
    (void)snprintf(hosted->dir, sizeof(hosted->dir), "%s/tasks/%.*s", host->dir, STR_ARG(assignment->task_id));
    hosted->assigned = true;
    must(map_put(&host->tasks, hosted->task->assignment->task_id, hosted) == NULL);
    return hosted;
}

/* The assignment as a file in the task's folder: what adoption reads. */
static bool keep(const struct hosted *hosted, struct fail *f)
{
    char path[HOSTED_PATH + 16];
    auto_buf bytes = {.ptr = NULL};
    auto_fd fd = -1;

    if (mkdir(hosted->dir, 0711) != 0 && errno != EEXIST)
        return fail(f, FAIL_SYSTEM, "make %s: %s", hosted->dir, strerror(errno));
    (void)snprintf(path, sizeof(path), "%s/assignment", hosted->dir);
    value_encode(&host_task_assignment_shape, hosted->task->assignment, &bytes);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, bytes.ptr, bytes.len) != (ssize_t)bytes.len)
        return fail(f, FAIL_SYSTEM, "write %s: %s", path, strerror(errno));
    return true;
}

struct hosted *host_task_new(struct host *host, const struct host_task_assignment *assignment)
{
    struct hosted *hosted;
    struct fail f;

    if (!is_task_id(assignment->task_id) || assignment->network_interface == NULL) {
        log_error("the server assigns a task that is not one: %.*s", STR_ARG(assignment->task_arn));
        return NULL;
    }
    hosted = hosted_new(host, assignment);
    if (!keep(hosted, &f))
        task_network_done(hosted->task, false, str_of(f.message)); /* ends the task with that reason */
    return hosted;
}

void hosted_free(struct hosted *hosted)
{
    for (size_t i = 0; i < hosted->task->container_count; i++)
        if (hosted->images[i] != NULL)
            image_release(hosted->images[i]);
    free(hosted->images);
    free(hosted->samples);
    free(hosted->kept);
    arena_free(&hosted->credentials_arena);
    task_free(hosted->task);
    free(hosted);
}

void host_task_drop(struct host *host, struct hosted *hosted)
{
    (void)map_remove(&host->tasks, hosted->task->assignment->task_id);
    hosted_free(hosted);
}

/* A task that is to be stopped and never came here: it is gone as it is. lock held. */
static void never_came(struct host *host, const struct host_task_assignment *assignment)
{
    static const struct ecs_task_definition nothing;
    struct host_task_assignment empty = *assignment;
    struct hosted *hosted;

    if (!is_task_id(assignment->task_id))
        return;
    empty.task_definition = (struct ecs_task_definition *)(uintptr_t)&nothing;
    hosted = hosted_new(host, &empty);
    task_want(hosted->task, false);
    task_network_removed(hosted->task, host_now_ms());
}

static void apply_task(struct host *host, const struct host_task_assignment *assignment)
{
    struct hosted *hosted = map_get(&host->tasks, assignment->task_id);
    bool wanted = assignment->desired_status == HOST_DESIRED_STATUS_RUNNING;

    if (hosted != NULL) {
        hosted->waits = false;
        hosted->assigned = true;
        task_want(hosted->task, wanted);
        take_credentials(hosted, assignment->task_credentials);
    } else if (!wanted) {
        never_came(host, assignment);
    } else if (assignment->task_definition != NULL) {
        (void)host_task_new(host, assignment);
    }
    /* Else the server believes that we have it: the complete report tells otherwise. */
}

/* Groups and public address of interfaces that exist follow the assignment. */
static void update_interfaces(struct host *host, const struct host_assignment *assignment)
{
    for (size_t i = 0; i < assignment->tasks.count; i++) {
        const struct host_task_assignment *task = &assignment->tasks.items[i];
        struct hosted *hosted;
        bool exists;

        (void)pthread_mutex_lock(&host->lock);
        hosted = map_get(&host->tasks, task->task_id);
        exists = hosted != NULL && hosted->task->network_ready && hosted->task->phase < TASK_CLEANING &&
                 task->network_interface != NULL;
        (void)pthread_mutex_unlock(&host->lock);
        if (exists)
            host_interface_update(host, task->network_interface);
    }
}

static void apply_tasks(struct host *host, const struct host_assignment *assignment)
{
    struct hosted *hosted;
    size_t at = 0;

    (void)pthread_mutex_lock(&host->lock);
    while ((hosted = map_next(&host->tasks, &at)) != NULL)
        if (assignment->complete || is_forgotten(assignment, hosted->task->assignment->task_arn))
            hosted->assigned = false;
    for (size_t i = 0; i < assignment->tasks.count; i++)
        apply_task(host, &assignment->tasks.items[i]);
    at = 0;
    while ((hosted = map_next(&host->tasks, &at)) != NULL)
        if (!hosted->assigned) {
            hosted->waits = false;
            task_forget(hosted->task);
        }
    host->plan_due = true;
    host->report_due = true;
    (void)pthread_cond_signal(&host->planner_wake);
    (void)pthread_mutex_unlock(&host->lock);
}

void host_apply(struct host *host, const struct host_assignment *assignment)
{
    struct host_assignment all;
    struct arena arena;

    if (!is_news(host, assignment))
        return;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    (void)pthread_mutex_lock(&host->assignment_lock);
    all = told_with(host, assignment, &arena);
    apply_told(host, assignment, &all, &arena);
    if (assignment->complete)
        instances_apply(host, &assignment->instances);
    apply_names(host, assignment, &all.networks, &arena);
    metadata_serve(host->metadata, &all.networks);
    update_interfaces(host, assignment);
    apply_tasks(host, assignment);
    (void)pthread_mutex_unlock(&host->assignment_lock);
    arena_free(&arena);
}

/* ---- adoption ---- */

static bool read_assignment(const char *path, struct arena *arena, struct host_task_assignment *ret_assignment,
                            struct fail *f)
{
    auto_fd fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    char *bytes;

    if (fd < 0 || fstat(fd, &st) != 0)
        return fail(f, FAIL_SYSTEM, "open %s: %s", path, strerror(errno));
    if (st.st_size > LINK_MESSAGE_MAX)
        return fail(f, FAIL_LIMIT, "%s is too large", path);
    bytes = arena_alloc(arena, (size_t)st.st_size + 1);
    if (read(fd, bytes, (size_t)st.st_size) != st.st_size)
        return fail(f, FAIL_SYSTEM, "read %s: %s", path, strerror(errno));
    return value_decode(&host_task_assignment_shape, (struct str){bytes, (size_t)st.st_size}, ret_assignment, arena, f);
}

/* Holds what the container runs from, so that it is not collected: the tag may mean another image by now. */
static struct str adopt_image(struct host *host, struct hosted *hosted, size_t i)
{
    char path[HOSTED_PATH + 32];
    auto_buf digest = {.ptr = NULL};
    struct fail f;

    (void)snprintf(path, sizeof(path), "%s/%zu.image", hosted->dir, i);
    if (file_read(path, &digest, &f) && image_get_by_digest(host->images, buf_str(&digest), &hosted->images[i], &f))
        return hosted->images[i]->digest;
    log_warning("the image of a container of task %s: %s", hosted->task_id, f.message);
    return (struct str){NULL, 0};
}

static void adopt_containers(struct host *host, struct hosted *hosted)
{
    struct runtime_container *containers;
    struct task *task = hosted->task;
    size_t count;
    struct fail f;

    if (!runtime_list(host->runtime, &containers, &count, &f)) {
        log_error("containers of a former process cannot be listed: %s", f.message);
        return;
    }
    hosted->waits = true;
    for (size_t i = 0; i < task->container_count; i++)
        for (size_t k = 0; k < count; k++)
            if (str_is(task->containers[i].runtime_id, containers[k].id)) {
                task_adopt(task, i, adopt_image(host, hosted, i),
                           containers[k].started_ms); /* its end, if it came, is told by the runtime */
                hosted->waits = false;
            }
    if (!hosted->waits)
        (void)snprintf(hosted->netns, sizeof(hosted->netns), "/run/netns/berth-%s-%.*s", host->options.instance,
                       STR_ARG(task->assignment->network_interface->network_interface_id)); /* as network.h names it */
    free(containers);
}

static void adopt_memories(struct hosted *hosted)
{
    struct fail f;

    for (size_t i = 0; i < hosted->task->container_count; i++) {
        if (container_memory_read(hosted->dir, i, &hosted->kept[i], &f))
            task_recall(hosted->task, i, hosted->kept[i]);
        else if (f.code != FAIL_NOT_FOUND)
            log_warning("%s", f.message);
    }
}

/* A task that has no range runs as the machine's users: it is from a host that could not, or nothing of it runs. */
static void adopt_users(struct host *host, struct hosted *hosted)
{
    char path[HOSTED_PATH + 16];
    struct fail f;
    uint64_t first;

    (void)snprintf(path, sizeof(path), "%s/users", hosted->dir);
    if (!small_file_read_number(path, &first, &f)) {
        if (f.code != FAIL_NOT_FOUND)
            log_error("%s", f.message);
        return;
    }
    if (!users_take(host->options.instance, hosted->task->assignment->task_id, (uint32_t)first, &hosted->users, &f))
        log_error("task %s: %s", hosted->task_id, f.message);
}

static void adopt_task(struct host *host, const char *path)
{
    struct host_task_assignment assignment = {0};
    struct hosted *hosted;
    struct arena arena;
    struct fail f;

    arena_init(&arena, (size_t)2 * LINK_MESSAGE_MAX);
    if (!read_assignment(path, &arena, &assignment, &f) || !is_task_id(assignment.task_id) ||
        assignment.task_definition == NULL || assignment.network_interface == NULL)
        log_error("a task of a former process cannot be adopted: %s: %s", path, f.message);
    else {
        hosted = hosted_new(host, &assignment);
        adopt_users(host, hosted);
        adopt_containers(host, hosted);
        adopt_memories(hosted);
    }
    arena_free(&arena);
}

bool host_adopt(struct host *host, struct fail *f)
{
    char path[HOSTED_PATH + 300];
    struct dirent *entry;
    DIR *dir;

    (void)snprintf(path, sizeof(path), "%s/tasks", host->dir);
    dir = opendir(path);
    if (dir == NULL)
        return fail(f, FAIL_SYSTEM, "read %s: %s", path, strerror(errno));
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof(path), "%s/tasks/%s/assignment", host->dir, entry->d_name);
        adopt_task(host, path);
    }
    (void)closedir(dir);
    return true;
}
