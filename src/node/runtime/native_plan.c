/* Owns the flat form: one walk over the members serves both directions, so that they cannot disagree. */
#include "node/runtime/native_plan.h"

enum { ITEMS_MAX = 1 << 16 };

#define MAGIC   UINT64_C(0x316e616c70747262) /* "brtplan1" */
#define NO_TEXT UINT64_MAX

struct flat {
    struct buf *out; /* NULL: reading */
    struct str in;
    struct arena *arena;
    bool broken;
};

static void number(struct flat *flat, uint64_t *value)
{
    if (flat->out != NULL) {
        buf_add(flat->out, (struct str){(const char *)value, sizeof(*value)});
        return;
    }
    *value = 0;
    if (flat->in.len == 0 || flat->broken)
        return; /* written before this member was */
    if (flat->in.len < sizeof(*value)) {
        flat->broken = true;
        return;
    }
    memcpy(value, flat->in.ptr, sizeof(*value));
    flat->in = str_from(flat->in, sizeof(*value));
}

/* A NUL stands behind the bytes, which len does not count. */
static void bytes(struct flat *flat, struct str *text)
{
    uint64_t len = text->ptr == NULL ? NO_TEXT : text->len;
    bool there = flat->out != NULL || flat->in.len > 0;

    number(flat, &len);
    if (flat->out != NULL) {
        if (text->ptr != NULL) {
            buf_add(flat->out, *text);
            buf_add_char(flat->out, '\0');
        }
        return;
    }
    *text = (struct str){NULL, 0};
    if (flat->broken || !there || len == NO_TEXT)
        return;
    if (len >= flat->in.len || flat->in.ptr[len] != '\0') {
        flat->broken = true;
        return;
    }
    *text = str_to(flat->in, len);
    flat->in = str_from(flat->in, len + 1);
}

static void text(struct flat *flat, const char **value)
{
    struct str string = flat->out == NULL ? (struct str){NULL, 0} : str_of(*value);

    bytes(flat, &string);
    if (flat->out == NULL)
        *value = string.ptr;
}

/* One that is always there: of an item in a list. */
static void item_text(struct flat *flat, const char **value)
{
    text(flat, value);
    if (*value == NULL)
        flat->broken = true;
}

/* The items to walk over: those there are, or room for as many as were written. */
static void *items(struct flat *flat, void *there, size_t *count, size_t size)
{
    uint64_t wanted = *count;
    void *room = there;

    number(flat, &wanted);
    if (flat->out != NULL)
        return there;
    *count = 0;
    if (wanted > ITEMS_MAX || wanted > flat->in.len / sizeof(uint64_t))
        flat->broken = true;
    else
        room = arena_try(flat->arena, (wanted + 1) * size); /* a list of texts ends in NULL */
    if (room == NULL)
        flat->broken = true;
    if (!flat->broken)
        *count = wanted;
    return room;
}

static void texts(struct flat *flat, struct native_list *list)
{
    list->items = items(flat, list->items, &list->count, sizeof(*list->items));
    for (size_t i = 0; i < list->count; i++)
        item_text(flat, &list->items[i]);
}

static void mounts(struct flat *flat, struct native_plan *plan)
{
    plan->mounts = items(flat, plan->mounts, &plan->mount_count, sizeof(*plan->mounts));
    for (size_t i = 0; i < plan->mount_count; i++) {
        item_text(flat, &plan->mounts[i].type);
        item_text(flat, &plan->mounts[i].source);
        item_text(flat, &plan->mounts[i].target);
        item_text(flat, &plan->mounts[i].options);
    }
}

static void rlimits(struct flat *flat, struct native_plan *plan)
{
    plan->rlimits = items(flat, plan->rlimits, &plan->rlimit_count, sizeof(*plan->rlimits));
    for (size_t i = 0; i < plan->rlimit_count; i++) {
        uint64_t resource = (uint64_t)plan->rlimits[i].resource;

        number(flat, &resource);
        plan->rlimits[i].resource = (int)resource;
        number(flat, &plan->rlimits[i].limit.rlim_cur);
        number(flat, &plan->rlimits[i].limit.rlim_max);
    }
}

static void devices(struct flat *flat, struct native_plan *plan)
{
    plan->devices = items(flat, plan->devices, &plan->device_count, sizeof(*plan->devices));
    for (size_t i = 0; i < plan->device_count; i++) {
        struct plan_device *device = &plan->devices[i];
        uint64_t numbers[] = {(uint64_t)device->type, device->major, device->minor};

        item_text(flat, &device->path);
        item_text(flat, &device->host_path);
        for (size_t k = 0; k < COUNT_OF(numbers); k++)
            number(flat, &numbers[k]);
        device->type = (char)numbers[0];
        device->major = (unsigned)numbers[1];
        device->minor = (unsigned)numbers[2];
    }
}

static void sysctls(struct flat *flat, struct native_plan *plan)
{
    plan->sysctls = items(flat, plan->sysctls, &plan->sysctl_count, sizeof(*plan->sysctls));
    for (size_t i = 0; i < plan->sysctl_count; i++) {
        item_text(flat, &plan->sysctls[i].name);
        item_text(flat, &plan->sysctls[i].value);
    }
}

static void who(struct flat *flat, struct native_plan *plan)
{
    number(flat, &plan->uid);
    number(flat, &plan->gid);
    plan->groups = items(flat, plan->groups, &plan->group_count, sizeof(*plan->groups));
    for (size_t i = 0; i < plan->group_count; i++)
        number(flat, &plan->groups[i]);
    number(flat, &plan->host_uid_first);
    number(flat, &plan->capabilities);
}

static void walk(struct flat *flat, struct native_plan *plan)
{
    text(flat, &plan->id);
    text(flat, &plan->directory);
    text(flat, &plan->exits_path);
    text(flat, &plan->log_path);
    number(flat, &plan->log_max_bytes);
    text(flat, &plan->cgroup);
    texts(flat, &plan->cgroup_procs);
    text(flat, &plan->mount_point);
    texts(flat, &plan->argv);
    texts(flat, &plan->env);
    text(flat, &plan->working_directory);
    text(flat, &plan->hostname);
    number(flat, &plan->flags);
    who(flat, plan);
    mounts(flat, plan);
    rlimits(flat, plan);
    devices(flat, plan);
    sysctls(flat, plan);
    bytes(flat, &plan->filter);
}

void native_plan_write(const struct native_plan *plan, struct buf *out)
{
    struct native_plan copy = *plan;
    struct flat flat = {.out = out};
    uint64_t magic = MAGIC;

    number(&flat, &magic);
    walk(&flat, &copy);
}

/* What everything else relies on: these texts are never NULL. */
static bool is_complete(const struct native_plan *plan)
{
    const char *const needed[] = {plan->id,     plan->directory,   plan->exits_path,        plan->log_path,
                                  plan->cgroup, plan->mount_point, plan->working_directory, plan->hostname};
    bool complete = plan->argv.count > 0 && plan->filter.len % sizeof(uint64_t) == 0;

    for (size_t i = 0; i < COUNT_OF(needed); i++)
        complete = complete && needed[i] != NULL;
    return complete;
}

bool native_plan_read(struct str flat_form, struct arena *arena, struct native_plan *ret_plan, struct fail *f)
{
    struct native_plan plan = {0};
    struct flat flat = {.in = flat_form, .arena = arena};
    uint64_t magic;

    number(&flat, &magic);
    if (magic == MAGIC)
        walk(&flat, &plan);
    if (magic != MAGIC || flat.broken || !is_complete(&plan))
        return fail(f, FAIL_INPUT, "the plan of the container is damaged");
    *ret_plan = plan;
    return true;
}
