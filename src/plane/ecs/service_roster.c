#include "plane/ecs/service_roster.h"

#include "base/map.h"
#include "base/must.h"
#include "plane/ecs/container_instance.h"

/* A container instance: for tasks of all services. */
struct machine {
    struct list hosts;
    bool draining;
    size_t key_len;
    char key[];
};

/* The tasks of one deployment on one container instance; those on none are together. */
struct host {
    struct list link; /* in its machine */
    struct machine *machine;
    struct roster_service *service;
    struct list seats;
    int64_t hopeful; /* that serve, or may yet */
    size_t key_len;
    char key[]; /* deployment and instance */
};

/* Its tasks in one cell. */
struct seat {
    struct heap_node node; /* in the cell, by host->hopeful */
    struct list link;      /* in the host */
    struct roster_cell *cell;
    struct host *host;
    struct list tasks; /* the newest last */
};

struct entry {
    struct list link; /* in its seat, or in service->ended */
    struct seat *seat;
    const struct task_record *task;
    struct heap_node due;
    bool is_due; /* at a known time */
    size_t id_len;
    char id[];
};

struct roster_service {
    struct map entries; /* by task id */
    struct map hosts;
    struct list cells;
    struct list ended;
    struct heap due;
    size_t key_len;
    char key[];
};

struct roster {
    struct map services, machines;
};

enum task_phase service_task_phase(const struct task_record *task)
{
    enum task_status status = task_status(task);

    if (status >= TASK_DEPROVISIONING)
        return PHASE_GONE;
    if (!task_wants_to_run(task))
        return PHASE_LEAVING;
    if (status < TASK_RUNNING)
        return PHASE_STARTING;
    if (task->task->health_status == ECS_HEALTH_STATUS_UNHEALTHY)
        return task->proven ? PHASE_UNHEALTHY : PHASE_FAILED;
    return task->proven ? PHASE_HEALTHY : PHASE_UNPROVEN;
}

static void *must_calloc(size_t size)
{
    void *memory = calloc(1, size);

    must(memory != NULL);
    return memory;
}

/* ---- container instances ---- */

static struct machine *machine_get(struct roster *roster, struct str key)
{
    struct machine *machine = map_get(&roster->machines, key);

    if (machine != NULL)
        return machine;
    machine = must_calloc(sizeof(*machine) + key.len);
    memcpy(machine->key, key.ptr, key.len);
    machine->key_len = key.len;
    list_init(&machine->hosts);
    (void)map_put(&roster->machines, (struct str){machine->key, key.len}, machine);
    return machine;
}

static void machine_drop(struct roster *roster, struct machine *machine)
{
    if (machine->draining || !list_empty(&machine->hosts))
        return;
    must(map_remove(&roster->machines, (struct str){machine->key, machine->key_len}) == machine);
    free(machine);
}

static struct host *host_get(struct roster *roster, struct roster_service *service, const struct task_record *task)
{
    struct str instance = task->container_instance_id;
    auto_buf key = {.ptr = NULL};
    struct host *host;

    key_add(&key, deployment_number(task->task->started_by));
    key_add(&key, instance);
    must(!key.overflowed);
    host = map_get(&service->hosts, buf_str(&key));
    if (host != NULL)
        return host;
    host = must_calloc(sizeof(*host) + key.len);
    memcpy(host->key, key.ptr, key.len);
    host->key_len = key.len;
    host->service = service;
    list_init(&host->seats);
    list_init(&host->link);
    (void)map_put(&service->hosts, (struct str){host->key, key.len}, host);
    if (instance.ptr == NULL)
        return host;
    buf_clear(&key);
    key_add(&key, task->account_id);
    key_add(&key, task->region);
    key_add(&key, task->cluster_name);
    key_add(&key, instance);
    host->machine = machine_get(roster, buf_str(&key));
    list_add_last(&host->machine->hosts, &host->link);
    return host;
}

static void host_drop(struct roster *roster, struct roster_service *service, struct host *host)
{
    if (!list_empty(&host->seats))
        return;
    list_remove(&host->link);
    if (host->machine != NULL)
        machine_drop(roster, host->machine);
    must(map_remove(&service->hosts, (struct str){host->key, host->key_len}) == host);
    free(host);
}

/* ---- cells ---- */

static struct str copy(struct str text)
{
    char *space = must_calloc(text.len + 1);

    if (text.len > 0)
        memcpy(space, text.ptr, text.len);
    return (struct str){space, text.len};
}

/* What the task would stand in. */
static struct roster_cell cell_for(const struct task_record *task, const struct host *host)
{
    return (struct roster_cell){.group = deployment_number(task->task->started_by),
                                .draining = host->machine != NULL && host->machine->draining,
                                .phase = service_task_phase(task),
                                .guarded = task_wants_to_run(task) && task->protected_until > 0,
                                .zone = task->task->availability_zone,
                                .provider = task->task->capacity_provider_name};
}

static int cell_compare(const struct roster_cell *a, const struct roster_cell *b)
{
    int order = (int)a->phase - (int)b->phase;

    if (order == 0)
        order = (int)a->draining - (int)b->draining;
    if (order == 0)
        order = (int)a->guarded - (int)b->guarded;
    if (order == 0)
        order = str_compare(a->group, b->group);
    if (order == 0)
        order = str_compare(a->zone, b->zone);
    return order == 0 ? str_compare(a->provider, b->provider) : order;
}

static struct roster_cell *cell_get(struct roster_service *service, const struct roster_cell *like)
{
    struct list *behind = service->cells.next;
    struct roster_cell *cell;

    for (; behind != &service->cells; behind = behind->next) {
        int order = cell_compare(list_item(behind, struct roster_cell, link), like);

        if (order == 0)
            return list_item(behind, struct roster_cell, link);
        if (order > 0)
            break;
    }
    cell = must_calloc(sizeof(*cell));
    *cell = *like;
    cell->group = copy(like->group);
    cell->zone = copy(like->zone);
    cell->provider = copy(like->provider);
    list_add_last(behind, &cell->link); /* before it */
    return cell;
}

static void cell_free(struct roster_cell *cell)
{
    list_remove(&cell->link);
    heap_free(&cell->seats);
    free((void *)(uintptr_t)cell->group.ptr);
    free((void *)(uintptr_t)cell->zone.ptr);
    free((void *)(uintptr_t)cell->provider.ptr);
    free(cell);
}

/* ---- seats ---- */

static struct seat *seat_get(struct host *host, struct roster_cell *cell)
{
    struct seat *seat;

    for (struct list *link = host->seats.next; link != &host->seats; link = link->next)
        if (list_item(link, struct seat, link)->cell == cell)
            return list_item(link, struct seat, link);
    seat = must_calloc(sizeof(*seat));
    seat->cell = cell;
    seat->host = host;
    list_init(&seat->tasks);
    list_add_last(&host->seats, &seat->link);
    heap_add(&cell->seats, &seat->node, -host->hopeful);
    return seat;
}

static void seat_free(struct seat *seat)
{
    heap_remove(&seat->cell->seats, &seat->node);
    list_remove(&seat->link);
    free(seat);
}

static void host_count(struct host *host, enum task_phase phase, int by)
{
    if (phase > PHASE_HEALTHY)
        return;
    host->hopeful += by;
    for (struct list *link = host->seats.next; link != &host->seats; link = link->next) {
        struct seat *seat = list_item(link, struct seat, link);

        heap_remove(&seat->cell->seats, &seat->node);
        heap_add(&seat->cell->seats, &seat->node, -host->hopeful);
    }
}

static void sit(struct roster_service *service, struct entry *entry, struct host *host)
{
    struct roster_cell like = cell_for(entry->task, host);
    struct roster_cell *cell = cell_get(service, &like);

    entry->seat = seat_get(host, cell);
    list_add_last(&entry->seat->tasks, &entry->link);
    cell->count++;
    host_count(host, cell->phase, 1);
}

/* Its host stays, for the next that sits there. */
static void rise(struct entry *entry)
{
    struct seat *seat = entry->seat;
    struct roster_cell *cell;

    must(seat != NULL);
    cell = seat->cell;
    list_remove(&entry->link);
    entry->seat = NULL;
    host_count(seat->host, cell->phase, -1);
    if (list_empty(&seat->tasks))
        seat_free(seat);
    if (--cell->count == 0)
        cell_free(cell);
}

/* ---- entries ---- */

static int64_t settles_at(const struct task_record *task)
{
    if (service_task_phase(task) != PHASE_UNPROVEN)
        return WHEN_NEVER;
    if (task->health_deciders.count > 0)
        return task->task->health_status == ECS_HEALTH_STATUS_HEALTHY ? 0 : WHEN_NEVER;
    return task->running_at + SERVICE_TASK_SETTLES_MS;
}

static int64_t due_at(const struct task_record *task)
{
    int64_t settles_ms = settles_at(task);
    bool guarded = task_wants_to_run(task) && task->protected_until > 0;

    return guarded && task->protected_until < settles_ms ? task->protected_until : settles_ms;
}

static void leave(struct roster *roster, struct roster_service *service, struct entry *entry)
{
    struct host *host = entry->seat == NULL ? NULL : entry->seat->host;

    if (entry->is_due)
        heap_remove(&service->due, &entry->due);
    entry->is_due = false;
    if (host == NULL) {
        list_remove(&entry->link);
        return;
    }
    rise(entry);
    host_drop(roster, service, host);
}

static void enter(struct roster *roster, struct roster_service *service, struct entry *entry)
{
    int64_t due_ms = due_at(entry->task);

    if (task_is_stopped(entry->task)) {
        list_add_last(&service->ended, &entry->link);
        return;
    }
    sit(service, entry, host_get(roster, service, entry->task));
    entry->is_due = due_ms != WHEN_NEVER;
    if (entry->is_due)
        heap_add(&service->due, &entry->due, due_ms);
}

/* The same to every decision: only its record is another. */
static bool stays(const struct entry *entry, const struct task_record *task)
{
    struct roster_cell like;

    if (entry->seat == NULL || task_is_stopped(task) || due_at(entry->task) != due_at(task) ||
        !str_eq(entry->task->container_instance_id, task->container_instance_id))
        return false;
    like = cell_for(task, entry->seat->host);
    return cell_compare(entry->seat->cell, &like) == 0;
}

static struct entry *entry_new(struct roster_service *service, struct str id)
{
    struct entry *entry = must_calloc(sizeof(*entry) + id.len);

    memcpy(entry->id, id.ptr, id.len);
    entry->id_len = id.len;
    (void)map_put(&service->entries, (struct str){entry->id, id.len}, entry);
    return entry;
}

static void entry_set(struct roster *roster, struct roster_service *service, const struct task_record *task)
{
    struct entry *entry = map_get(&service->entries, task->task_id);

    if (entry == NULL) {
        entry = entry_new(service, task->task_id);
    } else if (stays(entry, task)) {
        entry->task = task;
        return;
    } else {
        leave(roster, service, entry);
    }
    entry->task = task;
    enter(roster, service, entry);
}

static void entry_remove(struct roster *roster, struct roster_service *service, struct str id)
{
    struct entry *entry = map_remove(&service->entries, id);

    if (entry == NULL)
        return;
    leave(roster, service, entry);
    free(entry);
}

/* ---- services ---- */

static struct roster_service *service_get(struct roster *roster, struct str key)
{
    struct roster_service *service = map_get(&roster->services, key);

    if (service != NULL)
        return service;
    service = must_calloc(sizeof(*service) + key.len);
    memcpy(service->key, key.ptr, key.len);
    service->key_len = key.len;
    list_init(&service->cells);
    list_init(&service->ended);
    (void)map_put(&roster->services, (struct str){service->key, key.len}, service);
    return service;
}

static void service_drop(struct roster *roster, struct roster_service *service)
{
    if (service->entries.count > 0)
        return;
    must(map_remove(&roster->services, (struct str){service->key, service->key_len}) == service);
    map_free(&service->entries);
    map_free(&service->hosts);
    heap_free(&service->due);
    free(service);
}

/* ---- the view ---- */

static void *make(void)
{
    return must_calloc(sizeof(struct roster));
}

static bool belongs(const struct task_record *task)
{
    return task != NULL && task->service_name.ptr != NULL && !task->judged;
}

static void changed(void *derived, struct str table_key, const void *before, const void *after)
{
    const struct task_record *task = belongs(after) ? after : before;
    struct roster *roster = derived;
    struct roster_service *service;
    auto_buf key = {.ptr = NULL};

    (void)table_key;
    if (!belongs(task))
        return;
    SERVICE_KEY_ADD(&key, task);
    must(!key.overflowed);
    service = service_get(roster, buf_str(&key));
    if (belongs(after))
        entry_set(roster, service, after);
    else
        entry_remove(roster, service, task->task_id);
    service_drop(roster, service);
}

/* The same tasks in the cells where they belong now. */
static void seat_anew(struct host *host)
{
    struct list entries;

    list_init(&entries);
    while (!list_empty(&host->seats)) {
        struct seat *seat = list_item(host->seats.next, struct seat, link);
        struct entry *entry = list_item(seat->tasks.next, struct entry, link);

        rise(entry);
        list_add_last(&entries, &entry->link);
    }
    while (!list_empty(&entries))
        sit(host->service, list_item(list_take_first(&entries), struct entry, link), host);
}

static void instance_changed(void *derived, struct str key, const void *before, const void *after)
{
    bool draining = after != NULL && !container_instance_is_active(after);
    struct roster *roster = derived;
    struct machine *machine;

    if (draining == (before != NULL && !container_instance_is_active(before)))
        return;
    machine = machine_get(roster, key);
    machine->draining = draining;
    for (struct list *link = machine->hosts.next; link != &machine->hosts; link = link->next)
        seat_anew(list_item(link, struct host, link));
    machine_drop(roster, machine);
}

static void end(void *derived)
{
    struct roster *roster = derived;
    struct roster_service *service;
    struct machine *machine;
    struct entry *entry;

    for (size_t at = 0; (service = map_next(&roster->services, &at)) != NULL;) {
        for (size_t k = 0; (entry = map_next(&service->entries, &k)) != NULL;) {
            leave(roster, service, entry);
            free(entry);
        }
        map_free(&service->entries);
        map_free(&service->hosts);
        heap_free(&service->due);
        free(service);
    }
    for (size_t at = 0; (machine = map_next(&roster->machines, &at)) != NULL;)
        free(machine);
    map_free(&roster->services);
    map_free(&roster->machines);
    free(roster);
}

static const struct derived_spec derived_roster = {.table = &task_table,
                                                   .make = make,
                                                   .changed = changed,
                                                   .end = end,
                                                   .other_table = &container_instance_table,
                                                   .other_changed = instance_changed};

/* ---- questions ---- */

static const struct roster_service *roster_of(const struct transaction *tx, const struct service_record *service)
{
    const struct roster *roster = transaction_derived(tx, &derived_roster);

    return map_get(&roster->services, SERVICE_KEY(tx->arena, service));
}

static struct roster_cells list_cells(const struct roster_service *service, struct arena *arena)
{
    struct roster_cells cells = {NULL, 0};
    size_t count = 0;

    if (service == NULL)
        return cells;
    for (const struct list *link = service->cells.next; link != &service->cells; link = link->next)
        count++;
    cells.items = arena_array(arena, const struct roster_cell *, count);
    for (struct list *link = service->cells.next; link != &service->cells; link = link->next)
        cells.items[cells.count++] = list_item(link, struct roster_cell, link);
    return cells;
}

struct roster_cells roster_cells_of(const struct transaction *tx, const struct service_record *service)
{
    return list_cells(roster_of(tx, service), tx->arena);
}

const struct task_record *roster_cell_first(const struct roster_cell *cell)
{
    const struct seat *seat = heap_item(heap_first(&cell->seats), struct seat, node);

    return list_item(seat->tasks.prev, struct entry, link)->task;
}

const struct task_record *roster_ended(const struct transaction *tx, const struct service_record *service)
{
    const struct roster_service *roster = roster_of(tx, service);

    return roster == NULL || list_empty(&roster->ended) ? NULL
                                                        : list_item(roster->ended.next, struct entry, link)->task;
}

const struct task_record *roster_next_due(const struct transaction *tx, const struct service_record *service,
                                          int64_t *ret_when_ms)
{
    const struct roster_service *roster = roster_of(tx, service);
    struct heap_node *first = roster == NULL ? NULL : heap_first(&roster->due);

    *ret_when_ms = first == NULL ? WHEN_NEVER : first->when_ms;
    return first == NULL ? NULL : heap_item(first, struct entry, due)->task;
}

bool roster_has_tasks(const struct transaction *tx, const struct service_record *service, struct str id)
{
    const struct roster_service *roster = roster_of(tx, service);

    if (roster == NULL)
        return false;
    for (struct list *link = roster->cells.next; link != &roster->cells; link = link->next)
        if (id.ptr == NULL || str_eq(list_item(link, struct roster_cell, link)->group, id))
            return true;
    return false;
}

/* ---- checking ---- */

/* Also that the cell has as many tasks as it says, each with the instance's count. */
static bool cell_adds_up(const struct roster_cell *cell)
{
    size_t count = 0;

    for (size_t i = 0; i < cell->seats.count; i++) {
        const struct seat *seat = heap_item(cell->seats.places[i].node, struct seat, node);

        if (cell->seats.places[i].when_ms != -seat->host->hopeful || list_empty(&seat->tasks))
            return false;
        for (const struct list *link = seat->tasks.next; link != &seat->tasks; link = link->next)
            count++;
    }
    return count == cell->count;
}

static bool says_the_same(const struct roster_service *kept, const struct roster_service *fresh, struct arena *arena)
{
    struct roster_cells a = list_cells(kept, arena);
    struct roster_cells b = list_cells(fresh, arena);

    if (kept == NULL || a.count != b.count || kept->entries.count != fresh->entries.count ||
        kept->hosts.count != fresh->hosts.count || kept->due.count != fresh->due.count)
        return false;
    for (size_t i = 0; i < a.count; i++)
        if (cell_compare(a.items[i], b.items[i]) != 0 || a.items[i]->count != b.items[i]->count ||
            !cell_adds_up(a.items[i]))
            return false;
    return true;
}

bool roster_is_right(const struct transaction *tx)
{
    const struct roster *kept = transaction_derived(tx, &derived_roster);
    struct roster *fresh = make();
    struct walk tasks = transaction_walk(tx, &task_table, NULL, STR(""));
    struct walk instances = transaction_walk(tx, &container_instance_table, NULL, STR(""));
    const struct roster_service *service;
    const void *record;
    bool right = true;

    while ((record = walk_next(&tasks)) != NULL)
        changed(fresh, tasks.at, NULL, record);
    while ((record = walk_next(&instances)) != NULL)
        instance_changed(fresh, instances.at, NULL, record);
    right = kept->services.count == fresh->services.count && kept->machines.count == fresh->machines.count;
    for (size_t at = 0; right && (service = map_next(&fresh->services, &at)) != NULL;)
        right =
            says_the_same(map_get(&kept->services, (struct str){service->key, service->key_len}), service, tx->arena);
    end(fresh);
    return right;
}
