/* Log streams: making, deleting, listing. */
#include "base/map.h"
#include "base/must.h"
#include "plane/logs/operations.h"

#include <stdlib.h>

enum {
    DESCRIBE_LIMIT_DEFAULT = 50,
    STREAMS_SORTED_MAX = 100000, /* of one group in one answer: they stand in memory while they are put in order */
};

bool logs_create_log_stream(struct call *call, const struct logs_create_log_stream_request *in, void *out)
{
    const struct log_group_record *group;

    (void)out;
    if (!log_group_find(call, in->log_group_name, (struct str){NULL, 0}, &group, call->fail))
        return false;
    if (transaction_get(call->tx, &log_stream_table,
                        KEY(call->arena, group->account_id, group->region, in->log_group_name, in->log_stream_name)) !=
        NULL)
        return fail_api(call->fail, LOGS_ERROR_RESOURCE_ALREADY_EXISTS_EXCEPTION,
                        "The specified log stream already exists");
    (void)log_stream_ensure(call->tx, group, in->log_stream_name);
    return true;
}

bool logs_delete_log_stream(struct call *call, const struct logs_delete_log_stream_request *in, void *out)
{
    struct log_stream_key *key = arena_new(call->arena, struct log_stream_key);
    const struct log_group_record *group;
    const struct log_stream_record *stream;

    (void)out;
    if (!log_group_find(call, in->log_group_name, (struct str){NULL, 0}, &group, call->fail) ||
        !log_stream_find(call, group, in->log_stream_name, &stream, call->fail))
        return false;
    if (group->log_group->deletion_protection_enabled)
        return fail_api(call->fail, LOGS_ERROR_VALIDATION_EXCEPTION,
                        "Cannot delete log stream of a log group with deletion protection enabled. Disable deletion "
                        "protection first.");
    *key = log_stream_store_key(call->arena, group, stream);
    call->carry = key;
    transaction_delete(call->tx, &log_stream_table,
                       KEY(call->arena, group->account_id, group->region, in->log_group_name, in->log_stream_name));
    return true;
}

bool delete_log_stream_finish(const struct call *call, const struct ports *ports,
                              const struct logs_delete_log_stream_request *in, void *out)
{
    (void)in;
    (void)out;
    return ports->logs->delete_stream(ports->logs->context, call->carry, call->fail);
}

/* ---- DescribeLogStreams ----
 *
 * In the order of names the page is cut while walking. Any other order needs all of the group's streams: the handler
 * lists them, the finish half, which sees their events, puts them in order and cuts the page. */

struct entry {
    struct str name;
    struct str store_name;
    int64_t created_ms;
    struct log_stats stats;
};

struct listing {
    struct log_group_key group;
    struct str group_arn;
    struct entry *entries;
    size_t count;
    size_t limit;
    bool by_time, descending;
    struct str after; /* the token's order key; absent: from the start */
};

static void list_one(struct call *call, struct listing *listing, const struct log_stream_record *stream)
{
    struct str name = arena_str(call->arena, stream->log_stream->log_stream_name);

    listing->entries[listing->count++] = (struct entry){.name = name,
                                                        .store_name = KEY(call->arena, name, stream->store_id),
                                                        .created_ms = stream->log_stream->creation_time};
}

static struct walk begin_walk(const struct call *call, const struct log_group_record *group, struct str name_prefix)
{
    struct str all = KEY_PREFIX(call->arena, group->account_id, group->region, group->log_group->log_group_name);

    return transaction_walk(call->tx, &log_stream_table, NULL,
                            arena_printf(call->arena, "%.*s%.*s", STR_ARG(all), STR_ARG(name_prefix)));
}

static void list_page(struct call *call, struct listing *listing, struct walk walk, struct str *ret_next_token)
{
    const struct log_stream_record *stream;

    if (listing->after.ptr != NULL)
        walk.at = listing->after;
    listing->entries = arena_array(call->arena, struct entry, listing->limit);
    while (listing->count < listing->limit && (stream = walk_next(&walk)) != NULL)
        list_one(call, listing, stream);
    if (listing->count == listing->limit) {
        struct str last = walk.at;

        if (walk_next(&walk) != NULL)
            *ret_next_token = page_token(call->arena, last);
    }
}

static bool list_all(struct call *call, struct listing *listing, struct walk walk)
{
    struct walk counting = walk;
    const struct log_stream_record *stream;
    size_t count = 0;

    while (walk_next(&counting) != NULL)
        count++;
    if (count > STREAMS_SORTED_MAX)
        return fail_api(call->fail, LOGS_ERROR_LIMIT_EXCEEDED_EXCEPTION,
                        "The log group has more than %d log streams to put in order; list them ascending by name, or "
                        "with a logStreamNamePrefix",
                        STREAMS_SORTED_MAX);
    listing->entries = arena_array(call->arena, struct entry, count + 1);
    while ((stream = walk_next(&walk)) != NULL)
        list_one(call, listing, stream);
    return true;
}

bool logs_describe_log_streams(struct call *call, const struct logs_describe_log_streams_request *in,
                               struct logs_describe_log_streams_response *out)
{
    struct listing *listing = arena_new(call->arena, struct listing);
    const struct log_group_record *group;

    call->carry = listing;
    listing->limit = PAGE_LIMIT(in, DESCRIBE_LIMIT_DEFAULT);
    listing->by_time = in->order_by == LOGS_ORDER_BY_LAST_EVENT_TIME;
    listing->descending = in->descending;
    if (listing->by_time && in->log_stream_name_prefix.ptr != NULL)
        return fail_api(call->fail, LOGS_ERROR_INVALID_PARAMETER_EXCEPTION,
                        "Cannot order by LastEventTime with a logStreamNamePrefix.");
    if (!log_group_find(call, in->log_group_name, in->log_group_identifier, &group, call->fail) ||
        !page_begin(call->arena, in->next_token, LOGS_ERROR_INVALID_PARAMETER_EXCEPTION, &listing->after, call->fail))
        return false;
    listing->group = log_group_store_key(call->arena, group);
    listing->group_arn = arena_str(call->arena, group->log_group->log_group_arn);
    if (listing->by_time || listing->descending)
        return list_all(call, listing, begin_walk(call, group, in->log_stream_name_prefix));
    list_page(call, listing, begin_walk(call, group, in->log_stream_name_prefix), &out->next_token);
    return true;
}

/* What entries are ordered by: the name, or the time of the last event and then the name. */
static struct str order_key(struct arena *arena, const struct listing *listing, const struct entry *entry)
{
    if (!listing->by_time)
        return entry->name;
    return arena_printf(arena, "%020lld%.*s", entry->stats.has_events ? (long long)entry->stats.last_event_ms + 1 : 0LL,
                        STR_ARG(entry->name));
}

static int by_name(const void *left, const void *right)
{
    return str_compare(((const struct entry *)left)->name, ((const struct entry *)right)->name);
}

/* Streams without events come before all others. */
static int by_time(const void *left, const void *right)
{
    const struct entry *a = left;
    const struct entry *b = right;
    int64_t when_a = a->stats.has_events ? a->stats.last_event_ms : -1;
    int64_t when_b = b->stats.has_events ? b->stats.last_event_ms : -1;

    return when_a != when_b ? (when_a < when_b ? -1 : 1) : by_name(left, right);
}

static bool add_all_stats(const struct call *call, const struct log_port *logs, struct listing *listing)
{
    const struct log_stream_stats *known;
    struct map by_store_name = {0};
    size_t count;

    if (!logs->group_streams(logs->context, &listing->group, call->arena, &known, &count, call->fail))
        return false;
    for (size_t i = 0; i < count; i++)
        (void)map_put(&by_store_name, known[i].stream, (void *)(uintptr_t)&known[i]);
    for (size_t i = 0; i < listing->count; i++) {
        const struct log_stream_stats *found = map_get(&by_store_name, listing->entries[i].store_name);

        if (found != NULL)
            listing->entries[i].stats = found->stats;
    }
    map_free(&by_store_name);
    return true;
}

/* Puts all entries in order and leaves those of the page. */
static void cut_page(const struct call *call, struct listing *listing, struct str *ret_next_token)
{
    struct entry *page = arena_array(call->arena, struct entry, listing->limit);
    size_t count = 0;
    size_t at = 0;

    qsort(listing->entries, listing->count, sizeof(*listing->entries), listing->by_time ? by_time : by_name);
    for (; at < listing->count && count < listing->limit; at++) {
        const struct entry *entry = &listing->entries[listing->descending ? listing->count - 1 - at : at];
        int order =
            listing->after.ptr == NULL ? 1 : str_compare(order_key(call->arena, listing, entry), listing->after);

        if (listing->after.ptr == NULL || (listing->descending ? order < 0 : order > 0))
            page[count++] = *entry;
    }
    if (at < listing->count)
        *ret_next_token = page_token(call->arena, order_key(call->arena, listing, &page[count - 1]));
    listing->entries = page;
    listing->count = count;
}

static struct logs_log_stream describe_one(const struct call *call, const struct listing *listing,
                                           const struct entry *entry)
{
    struct logs_log_stream stream = {.log_stream_name = entry->name};

    stream.arn = arena_printf(call->arena, "%.*s:log-stream:%.*s", STR_ARG(listing->group_arn), STR_ARG(entry->name));
    SET(&stream, creation_time, entry->created_ms);
    SET(&stream, stored_bytes, 0); /* "this value is always zero" (API reference, LogStream) */
    if (entry->stats.has_events) {
        SET(&stream, first_event_timestamp, entry->stats.first_event_ms);
        SET(&stream, last_event_timestamp, entry->stats.last_event_ms);
    }
    if (entry->stats.last_ingestion_ms != 0)
        SET(&stream, last_ingestion_time, entry->stats.last_ingestion_ms);
    return stream;
}

bool describe_log_streams_finish(const struct call *call, const struct ports *ports,
                                 const struct logs_describe_log_streams_request *in,
                                 struct logs_describe_log_streams_response *out)
{
    const struct log_port *logs = ports->logs;
    struct listing *listing = call->carry;

    (void)in;
    if (listing->by_time && !add_all_stats(call, logs, listing))
        return false;
    if (listing->by_time || listing->descending)
        cut_page(call, listing, &out->next_token);
    out->log_streams.items = arena_array(call->arena, struct logs_log_stream, listing->count + 1);
    for (size_t i = 0; i < listing->count; i++) {
        struct entry *entry = &listing->entries[i];
        struct log_stream_key key = {listing->group, entry->store_name};

        if (!listing->by_time && !logs->stream_stats(logs->context, &key, &entry->stats, call->fail))
            return false;
        out->log_streams.items[out->log_streams.count++] = describe_one(call, listing, entry);
    }
    return true;
}
