#include "plane/ec2/host.h"

static void host_key(const void *record, struct buf *key)
{
    key_add(key, ((const struct host_record *)record)->host_id);
}

/* How much of what a host has may be promised, in percent: a task's size is a ceiling that few reach, and a laptop has
 * two cores. */
enum { CPU_PROMISED_PERCENT = 1600, MEMORY_PROMISED_PERCENT = 400 };

static int64_t cpu_left(const struct host_record *host)
{
    return (int64_t)host->cpu_units * CPU_PROMISED_PERCENT / 100 - host->cpu_promised;
}

static int64_t memory_left(const struct host_record *host)
{
    return (int64_t)host->memory_mib * MEMORY_PROMISED_PERCENT / 100 - host->memory_promised;
}

/* Connected hosts, the one with the most memory left first. */
static void host_room_key(const void *record, struct buf *key)
{
    if (host_is_connected(record) && memory_left(record) > 0)
        key_add_number(key, INT64_C(1000000000000000) - memory_left(record));
}

const struct table_spec host_table = {
    .name = "host", .shape = &host_record_shape, .key = host_key, .indexes = {{"room", host_room_key}}};

static void promise(struct transaction *tx, const struct host_record *before, int32_t cpu_units, int32_t memory_mib)
{
    struct host_record host = *before;

    SET(&host, cpu_promised, host.cpu_promised + cpu_units);
    SET(&host, memory_promised, host.memory_promised + memory_mib);
    (void)transaction_put(tx, &host_table, &host);
}

static bool has_room(const struct host_record *host, int32_t cpu_units, int32_t memory_mib)
{
    return cpu_left(host) >= cpu_units && memory_left(host) >= memory_mib;
}

/* Nobody can tell what a host has left that is away; until it is lost it may come back with room. */
static bool is_room_expected(const struct transaction *tx, int32_t cpu_units, int32_t memory_mib)
{
    struct walk walk = transaction_walk(tx, &host_table, NULL, STR(""));
    const struct host_record *host;

    if (transaction_count(tx, &host_table) == 0)
        return true;
    while ((host = walk_next(&walk)) != NULL)
        if (!host_is_connected(host) && !host_is_lost(host, tx->now_ms) && has_room(host, cpu_units, memory_mib))
            return true;
    return false;
}

enum host_room host_reserve(struct transaction *tx, int32_t cpu_units, int32_t memory_mib,
                            const struct host_record **ret_host)
{
    return host_reserve_of(tx, (struct str){NULL, 0}, cpu_units, memory_mib, ret_host);
}

/* What a host of an older release does not say. */
static bool is_of(const struct host_record *host, struct str architecture)
{
    return architecture.ptr == NULL || host->architecture.ptr == NULL || str_eq(host->architecture, architecture);
}

enum host_room host_reserve_of(struct transaction *tx, struct str architecture, int32_t cpu_units, int32_t memory_mib,
                               const struct host_record **ret_host)
{
    struct walk walk = transaction_walk(tx, &host_table, "room", STR(""));
    const struct host_record *host;

    while ((host = walk_next(&walk)) != NULL && memory_left(host) >= memory_mib)
        if (is_of(host, architecture) && has_room(host, cpu_units, memory_mib)) {
            promise(tx, host, cpu_units, memory_mib);
            *ret_host = host;
            return HOST_ROOM_FOUND;
        }
    return is_room_expected(tx, cpu_units, memory_mib) ? HOST_ROOM_LATER : HOST_ROOM_NONE;
}

struct str host_room_explain(const struct transaction *tx, int32_t cpu_units, int32_t memory_mib)
{
    struct walk walk = transaction_walk(tx, &host_table, "room", STR(""));
    const struct host_record *roomiest = walk_next(&walk);

    if (roomiest == NULL)
        return STR("No host is connected that has memory left.");
    return arena_printf(tx->arena,
                        "%d CPU units and %d MiB are asked for; the host with the most memory left, %.*s, has %lld CPU "
                        "units and %lld MiB.",
                        cpu_units, memory_mib, STR_ARG(roomiest->host_id), (long long)cpu_left(roomiest),
                        (long long)memory_left(roomiest));
}

bool host_has_grown(const struct host_record *before, const struct host_record *after)
{
    if (!host_is_connected(after))
        return false;
    return before == NULL || !host_is_connected(before) || cpu_left(after) > cpu_left(before) ||
           memory_left(after) > memory_left(before);
}

bool host_reserve_on(struct transaction *tx, struct str host_id, int32_t cpu_units, int32_t memory_mib)
{
    const struct host_record *host = transaction_get(tx, &host_table, host_id);

    if (host == NULL || !host_is_connected(host) || !has_room(host, cpu_units, memory_mib))
        return false;
    promise(tx, host, cpu_units, memory_mib);
    return true;
}

void host_release(struct transaction *tx, struct str host_id, int32_t cpu_units, int32_t memory_mib)
{
    const struct host_record *host = transaction_get(tx, &host_table, host_id);

    if (host != NULL)
        promise(tx, host, -cpu_units, -memory_mib);
}

void host_connected(struct transaction *tx, const struct host_hello *hello)
{
    const struct host_record *before = transaction_get(tx, &host_table, hello->host_id);
    struct host_record host = before == NULL ? (struct host_record){.host_id = hello->host_id} : *before;

    host.name = hello->name;
    host.version = hello->version;
    host.architecture = hello->architecture;
    host.status = HOST_STATUS_CONNECTED;
    SET(&host, cpu_units, hello->cpu_units);
    SET(&host, memory_mib, hello->memory_mib);
    SET(&host, connected_at, tx->now_ms);
    (void)transaction_put(tx, &host_table, &host);
}

void host_disconnected(struct transaction *tx, struct str host_id)
{
    const struct host_record *before = transaction_get(tx, &host_table, host_id);
    struct host_record host;

    if (before == NULL || before->status == HOST_STATUS_DISCONNECTED)
        return;
    host = *before;
    host.status = HOST_STATUS_DISCONNECTED;
    SET(&host, disconnected_at, tx->now_ms);
    (void)transaction_put(tx, &host_table, &host);
}

void host_disconnected_all(struct transaction *tx)
{
    struct walk walk = transaction_walk(tx, &host_table, NULL, STR(""));
    const struct host_record *host;

    while ((host = walk_next(&walk)) != NULL)
        host_disconnected(tx, host->host_id);
}

bool host_is_lost(const struct host_record *host, int64_t now_ms)
{
    return host->status == HOST_STATUS_DISCONNECTED && now_ms >= host->disconnected_at + HOST_LOST_MS;
}
