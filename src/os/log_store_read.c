/* Queries of the log store: one stream forwards and backwards, a group's streams merged by time, statistics.
 *
 * A token is a position between events, so it stays good while events come and go: "f/" and 56 digits and "/s" reads on
 * from there, "b/..." reads what is before it, "n/..." is a filter's.
 *
 * The merge keeps a heap of streams by the position of their next event. A stream costs nothing until the merge
 * reaches the time of its first event, and there is one open query at a time: the stream on top is read until another
 * one's event is due, then it goes back into the heap with the position it stopped at. Groups of thousands of dead
 * streams, one a task, are what this is for. */
#include "base/buf.h"
#include "base/must.h"
#include "os/log_store_private.h"

#include <stdio.h>

enum {
    ID_PAD_DIGITS = 16, /* an eventId of AWS has 56 digits */
    NUMBER_DIGITS = 20, /* enough for any uint64_t */
    ID_DIGITS = ID_PAD_DIGITS + 2 * NUMBER_DIGITS,
};

/* -- Positions and tokens. */

static int compare(struct log_position a, struct log_position b)
{
    if (a.timestamp_ms != b.timestamp_ms)
        return a.timestamp_ms < b.timestamp_ms ? -1 : 1;
    return (a.ordinal > b.ordinal) - (a.ordinal < b.ordinal);
}

static struct log_position later(struct log_position a, struct log_position b)
{
    return compare(a, b) < 0 ? b : a;
}

static struct log_position earlier(struct log_position a, struct log_position b)
{
    return compare(a, b) < 0 ? a : b;
}

static struct log_position position_of(const struct log_event *event)
{
    return (struct log_position){event->timestamp_ms, event->ordinal};
}

static struct log_position position_behind(const struct log_event *event)
{
    return (struct log_position){event->timestamp_ms, event->ordinal + 1};
}

static struct log_position range_start(int64_t start_ms)
{
    return (struct log_position){start_ms <= 0 ? INT64_MIN : start_ms, 0};
}

static struct log_position range_end(int64_t end_ms)
{
    return (struct log_position){end_ms, end_ms == INT64_MAX ? INT64_MAX : 0};
}

/* The sign bit is turned so that digits sort as times do. */
static struct str position_digits(struct arena *arena, struct log_position at)
{
    return arena_printf(arena, "%0*d%0*llu%0*llu", ID_PAD_DIGITS, 0, NUMBER_DIGITS,
                        (unsigned long long)((uint64_t)at.timestamp_ms ^ ((uint64_t)1 << 63)), NUMBER_DIGITS,
                        (unsigned long long)at.ordinal);
}

struct str log_event_id(struct arena *arena, const struct log_event *event)
{
    return position_digits(arena, position_of(event));
}

static struct str token_of(struct arena *arena, char kind, struct log_position at)
{
    return arena_printf(arena, "%c/%s/s", kind, position_digits(arena, at).ptr);
}

static bool token_read(struct str token, struct log_position *ret_at, char *ret_kind)
{
    uint64_t time;
    uint64_t ordinal;
    struct str digits;

    if (token.len != ID_DIGITS + 4 || token.ptr[1] != '/' || !str_ends(token, STR("/s")))
        return false;
    digits = str_from(token, 2 + ID_PAD_DIGITS);
    if (!str_to_uint64(str_to(digits, NUMBER_DIGITS), &time) ||
        !str_to_uint64(str_to(str_from(digits, NUMBER_DIGITS), NUMBER_DIGITS), &ordinal) || ordinal > INT64_MAX)
        return false;
    *ret_at = (struct log_position){(int64_t)(time ^ ((uint64_t)1 << 63)), ordinal};
    *ret_kind = token.ptr[0];
    return true;
}

static bool token_fail(struct fail *f)
{
    return fail(f, FAIL_INPUT, "The specified nextToken is invalid.");
}

/* -- Collecting a page. */

struct collector {
    struct arena *arena;
    struct buf events; /* of struct log_event */
    size_t count;
    size_t limit;
    size_t bytes;
    size_t bytes_max;
    bool full;          /* limit or bytes_max reached: the last event offered was not taken */
    bool out_of_memory; /* the arena or buffer is at its end */
};

static struct log_event read_event(sqlite3_stmt *row, struct str stream)
{
    return (struct log_event){.timestamp_ms = sqlite3_column_int64(row, 0),
                              .ordinal = (uint64_t)sqlite3_column_int64(row, 1),
                              .ingestion_ms = sqlite3_column_int64(row, 2),
                              .message = log_column_str(row, 3),
                              .stream = stream};
}

/* Takes the event, its message copied; false when the page is full. The stream's name must be in the arena. */
static bool collect(struct collector *page, struct log_event event)
{
    size_t bytes = event.message.len + LOG_EVENT_OVERHEAD_BYTES;
    char *copy;

    if (page->count == page->limit || (page->count > 0 && bytes > page->bytes_max - page->bytes)) {
        page->full = true;
        return false;
    }
    copy = arena_try(page->arena, event.message.len + 1);
    if (copy == NULL) {
        page->out_of_memory = true;
        return false;
    }
    memcpy(copy, event.message.ptr, event.message.len);
    event.message.ptr = copy;
    buf_add(&page->events, (struct str){(const char *)&event, sizeof(event)});
    page->out_of_memory = page->events.overflowed;
    page->bytes = bytes > page->bytes_max - page->bytes ? page->bytes_max : page->bytes + bytes;
    page->count++;
    return !page->out_of_memory;
}

/* The events in the arena, in reverse order when asked; NULL when they do not fit. */
static struct log_event *collected(const struct collector *page, bool reverse)
{
    const struct log_event *from = (const struct log_event *)(const void *)page->events.ptr;
    struct log_event *events = arena_try(page->arena, (page->count + 1) * sizeof(*events));

    if (events == NULL || page->out_of_memory)
        return NULL;
    for (size_t i = 0; i < page->count; i++)
        events[i] = from[reverse ? page->count - 1 - i : i];
    return events;
}

static bool page_fail(struct fail *f)
{
    return fail(f, FAIL_LIMIT, "log store: the page does not fit into memory; ask for fewer events");
}

/* -- One stream. */

struct range {
    struct log_position start; /* inclusive */
    struct log_position end;   /* exclusive */
};

static sqlite3_stmt *open_range(const struct database_connection *reader, enum log_statement which, int64_t stream,
                                struct range range)
{
    sqlite3_stmt *rows = database_statement(reader, which);

    must(sqlite3_bind_int64(rows, 1, stream) == SQLITE_OK);
    must(sqlite3_bind_int64(rows, 2, range.start.timestamp_ms) == SQLITE_OK);
    must(sqlite3_bind_int64(rows, 3, (int64_t)range.start.ordinal) == SQLITE_OK);
    must(sqlite3_bind_int64(rows, 4, range.end.timestamp_ms) == SQLITE_OK);
    must(sqlite3_bind_int64(rows, 5, (int64_t)range.end.ordinal) == SQLITE_OK);
    return rows;
}

/* What a get asks for, its token understood. */
struct course {
    struct range range;
    bool forward;
    bool from_token;
    struct log_position token;
};

static bool plan_course(const struct log_get *query, struct course *ret_course, struct fail *f)
{
    struct course course = {.range = {range_start(query->start_ms), range_end(query->end_ms)},
                            .forward = query->from_head,
                            .from_token = query->token.ptr != NULL};
    char kind = 'f';

    if (course.from_token) {
        if (!token_read(query->token, &course.token, &kind) || (kind != 'f' && kind != 'b'))
            return token_fail(f);
        course.forward = kind == 'f';
        if (course.forward)
            course.range.start = later(course.range.start, course.token);
        else
            course.range.end = earlier(course.range.end, course.token);
    }
    *ret_course = course;
    return true;
}

static bool read_stream(const struct database_connection *reader, const struct log_get *query,
                        const struct course *course, struct collector *page, struct fail *f)
{
    struct str name = arena_str(page->arena, query->stream.stream);
    sqlite3_stmt *row;
    sqlite3_stmt *rows;
    int answer;

    if (!log_stream_row(reader, &query->stream, &row, f))
        return false;
    if (row == NULL)
        return true;
    rows = open_range(reader, course->forward ? LOG_EVENTS_UP : LOG_EVENTS_DOWN, sqlite3_column_int64(row, 0),
                      course->range);
    (void)sqlite3_reset(row);
    while ((answer = sqlite3_step(rows)) == SQLITE_ROW)
        if (!collect(page, read_event(rows, name)))
            break;
    return answer == SQLITE_ROW || answer == SQLITE_DONE || database_fail(reader, "read events", f);
}

static void give_tokens(const struct course *course, struct arena *arena, struct log_page *page)
{
    /* An empty page points both ways from where it looked. */
    struct log_position front = course->from_token ? course->token : course->range.start;
    struct log_position back = front;

    if (page->count > 0) {
        front = position_of(&page->events[0]);
        back = position_behind(&page->events[page->count - 1]);
    }
    page->backward_token = token_of(arena, 'b', front);
    page->forward_token = token_of(arena, 'f', back);
}

bool log_store_get(struct log_store *store, const struct log_get *query, struct arena *arena, struct log_page *ret_page,
                   struct fail *f)
{
    struct collector page = {.arena = arena, .limit = query->limit, .bytes_max = query->bytes_max};
    struct database_connection *reader;
    struct log_page answer;
    struct course course = {0};
    bool good;

    if (!plan_course(query, &course, f) || !log_reader_take(store, &reader, f))
        return false;
    good = read_stream(reader, query, &course, &page, f);
    log_reader_return(store, reader);
    if (good) {
        answer = (struct log_page){.events = collected(&page, !course.forward), .count = page.count};
        good = answer.events != NULL || page_fail(f);
    }
    buf_free(&page.events);
    if (!good)
        return false;
    give_tokens(&course, arena, &answer);
    *ret_page = answer;
    return true;
}

/* -- Merged streams. */

struct source {
    struct log_position next; /* its next event is not before this */
    int64_t id;
    struct str name; /* in the merge's scratch arena */
    struct str kept; /* the same in the page's arena, from its first event on */
};

struct merge {
    struct source *heap; /* the smallest `next` first */
    size_t count;
    size_t scanned;
    size_t scanned_bytes;
    struct log_position reached; /* everything before this was looked at */
};

static bool source_before(const struct source *a, const struct source *b)
{
    int order = compare(a->next, b->next);

    return order < 0 || (order == 0 && a->id < b->id);
}

static void sink(struct merge *merge, size_t at)
{
    for (;;) {
        size_t child = 2 * at + 1;
        struct source swap;

        if (child >= merge->count)
            return;
        if (child + 1 < merge->count && source_before(&merge->heap[child + 1], &merge->heap[child]))
            child++;
        if (!source_before(&merge->heap[child], &merge->heap[at]))
            return;
        swap = merge->heap[at];
        merge->heap[at] = merge->heap[child];
        merge->heap[child] = swap;
        at = child;
    }
}

static void drop_top(struct merge *merge)
{
    merge->heap[0] = merge->heap[--merge->count];
    sink(merge, 0);
}

static bool wanted(const struct log_filter *query, struct str name)
{
    if (query->stream_count == 0)
        return query->stream_prefix.ptr == NULL || str_starts(name, query->stream_prefix);
    for (size_t i = 0; i < query->stream_count; i++)
        if (str_eq(query->streams[i], name))
            return true;
    return false;
}

/* Those of the group's streams that are asked for and have events in the range. */
static bool find_sources(const struct database_connection *reader, const struct log_filter *query, struct range range,
                         struct arena *scratch, struct buf *sources, struct fail *f)
{
    sqlite3_stmt *rows = database_statement(reader, LOG_GROUP_STREAMS);
    int answer;

    log_bind_group(rows, &query->group);
    must(sqlite3_bind_int64(rows, 4, range.start.timestamp_ms) == SQLITE_OK);
    must(sqlite3_bind_int64(rows, 5, range.end.timestamp_ms) == SQLITE_OK);
    while ((answer = sqlite3_step(rows)) == SQLITE_ROW) {
        struct source source = {.id = sqlite3_column_int64(rows, 0), .name = log_column_str(rows, 1)};
        struct log_position first = {sqlite3_column_int64(rows, 2), 0};
        char *name;

        if (!wanted(query, source.name))
            continue;
        name = arena_try(scratch, source.name.len + 1);
        if (name == NULL)
            return page_fail(f);
        memcpy(name, source.name.ptr, source.name.len);
        source.name.ptr = name;
        source.next = later(first, range.start);
        buf_add(sources, (struct str){(const char *)&source, sizeof(source)});
    }
    if (sources->overflowed)
        return page_fail(f);
    return answer == SQLITE_DONE || database_fail(reader, "find streams", f);
}

static bool keep_name(struct source *source, struct collector *page)
{
    char *name;

    if (source->kept.ptr != NULL)
        return true;
    name = arena_try(page->arena, source->name.len + 1);
    if (name == NULL) {
        page->out_of_memory = true;
        return false;
    }
    memcpy(name, source->name.ptr, source->name.len);
    source->kept = (struct str){name, source->name.len};
    return true;
}

/* The smallest `next` below the top: until then the top has the turn. */
static struct log_position rival(const struct merge *merge, struct log_position end)
{
    struct log_position next = end;

    for (size_t i = 1; i < 3 && i < merge->count; i++)
        next = earlier(next, merge->heap[i].next);
    return next;
}

enum turn { TURN_OVER, TURN_EXHAUSTED, TURN_STOP };

/* Looks at one event of the top stream. */
static enum turn look_at(struct merge *merge, const struct log_filter *query, struct collector *page,
                         struct log_event event)
{
    struct source *top = &merge->heap[0];
    bool good = query->match == NULL || query->match(query->context, event.message);

    if (good) {
        if (!keep_name(top, page))
            return TURN_STOP;
        event.stream = top->kept;
        if (!collect(page, event))
            return TURN_STOP;
    }
    merge->reached = position_behind(&event);
    merge->scanned++;
    merge->scanned_bytes += event.message.len;
    if (query->scan_bytes_max > 0 && merge->scanned_bytes >= query->scan_bytes_max)
        return TURN_STOP;
    return merge->scanned == query->scan_max || page->count == page->limit ? TURN_STOP : TURN_OVER;
}

/* Reads the top stream until another one is due, the stream ends or the page is full. */
static bool take_turn(const struct database_connection *reader, const struct log_filter *query, struct range range,
                      struct merge *merge, struct collector *page, enum turn *ret_turn, struct fail *f)
{
    struct source *top = &merge->heap[0];
    struct log_position until = rival(merge, range.end);
    sqlite3_stmt *rows = open_range(reader, LOG_EVENTS_UP, top->id, (struct range){top->next, range.end});
    enum turn turn = TURN_OVER;
    int answer;

    while (turn == TURN_OVER && (answer = sqlite3_step(rows)) == SQLITE_ROW) {
        struct log_event event = read_event(rows, top->name);

        if (compare(position_of(&event), until) > 0) {
            top->next = position_of(&event);
            break;
        }
        turn = look_at(merge, query, page, event);
    }
    if (turn == TURN_OVER && answer == SQLITE_DONE)
        turn = TURN_EXHAUSTED;
    else if (turn == TURN_OVER && answer != SQLITE_ROW)
        return database_fail(reader, "read events", f);
    *ret_turn = turn;
    return true;
}

/* Until everything was looked at (an empty heap), or the page or the scan is full. */
static bool merge_sources(const struct database_connection *reader, const struct log_filter *query, struct range range,
                          struct merge *merge, struct collector *page, struct fail *f)
{
    enum turn turn = TURN_OVER;

    for (size_t i = merge->count; i-- > 0;)
        sink(merge, i);
    while (merge->count > 0 && turn != TURN_STOP) {
        if (!take_turn(reader, query, range, merge, page, &turn, f))
            return false;
        if (turn == TURN_EXHAUSTED)
            drop_top(merge);
        else
            sink(merge, 0);
    }
    return true;
}

static bool filter_group(const struct database_connection *reader, const struct log_filter *query, struct range range,
                         struct collector *page, struct merge *merge, struct fail *f)
{
    auto_buf sources = {.limit = BUF_LIMIT_DEFAULT};
    struct arena scratch;
    bool good;

    arena_init(&scratch, ARENA_LIMIT_DEFAULT);
    good = find_sources(reader, query, range, &scratch, &sources, f);
    if (good) {
        merge->heap = (struct source *)(void *)sources.ptr;
        merge->count = sources.len / sizeof(struct source);
        good = merge_sources(reader, query, range, merge, page, f);
        merge->heap = NULL;
    }
    arena_free(&scratch);
    return good;
}

bool log_store_filter(struct log_store *store, const struct log_filter *query, struct arena *arena,
                      struct log_filter_page *ret_page, struct fail *f)
{
    struct range range = {range_start(query->start_ms), range_end(query->end_ms)};
    struct collector page = {.arena = arena, .limit = query->limit, .bytes_max = query->bytes_max};
    struct database_connection *reader;
    struct log_filter_page answer;
    struct log_position token;
    struct merge merge;
    char kind;
    bool good;

    if (query->token.ptr != NULL) {
        if (!token_read(query->token, &token, &kind) || kind != 'n')
            return token_fail(f);
        range.start = later(range.start, token);
    }
    merge = (struct merge){.reached = range.start};
    if (!log_reader_take(store, &reader, f))
        return false;
    good = filter_group(reader, query, range, &page, &merge, f);
    log_reader_return(store, reader);
    if (good) {
        answer = (struct log_filter_page){.events = collected(&page, false), .count = page.count};
        good = answer.events != NULL || page_fail(f);
    }
    buf_free(&page.events);
    if (!good)
        return false;
    if (merge.count > 0)
        answer.next_token = token_of(arena, 'n', merge.reached);
    *ret_page = answer;
    return true;
}

/* -- Statistics. */

static struct log_stats read_stats(sqlite3_stmt *row, int first_column)
{
    return (struct log_stats){.has_events = sqlite3_column_type(row, first_column) != SQLITE_NULL,
                              .first_event_ms = sqlite3_column_int64(row, first_column),
                              .last_event_ms = sqlite3_column_int64(row, first_column + 1),
                              .last_ingestion_ms = sqlite3_column_int64(row, first_column + 2),
                              .stored_bytes = (uint64_t)sqlite3_column_int64(row, first_column + 3)};
}

bool log_store_stream_stats(struct log_store *store, const struct log_stream_key *stream, struct log_stats *ret_stats,
                            struct fail *f)
{
    struct database_connection *reader;
    struct log_stats stats = {0};
    sqlite3_stmt *row;
    bool good;

    if (!log_reader_take(store, &reader, f))
        return false;
    good = log_stream_row(reader, stream, &row, f);
    if (good && row != NULL)
        stats = read_stats(row, 1);
    log_reader_return(store, reader);
    if (!good)
        return false;
    *ret_stats = stats;
    return true;
}

static bool list_streams(const struct database_connection *reader, const struct log_group_key *group,
                         struct arena *arena, struct buf *streams, struct fail *f)
{
    sqlite3_stmt *rows = database_statement(reader, LOG_GROUP_STATS);
    int answer;

    log_bind_group(rows, group);
    while ((answer = sqlite3_step(rows)) == SQLITE_ROW) {
        struct log_stream_stats stream = {.stream = log_column_str(rows, 0), .stats = read_stats(rows, 1)};
        char *name = arena_try(arena, stream.stream.len + 1);

        if (name == NULL)
            return page_fail(f);
        memcpy(name, stream.stream.ptr, stream.stream.len);
        stream.stream.ptr = name;
        buf_add(streams, (struct str){(const char *)&stream, sizeof(stream)});
    }
    return answer == SQLITE_DONE || database_fail(reader, "list streams", f);
}

bool log_store_group_streams(struct log_store *store, const struct log_group_key *group, struct arena *arena,
                             const struct log_stream_stats **ret_streams, size_t *ret_count, struct fail *f)
{
    auto_buf streams = {.limit = BUF_LIMIT_DEFAULT};
    struct database_connection *reader;
    char *copy;
    bool good;

    if (!log_reader_take(store, &reader, f))
        return false;
    good = list_streams(reader, group, arena, &streams, f);
    log_reader_return(store, reader);
    if (!good)
        return false;
    copy = arena_try(arena, streams.len);
    if (streams.overflowed || copy == NULL)
        return page_fail(f);
    if (streams.len > 0)
        memcpy(copy, streams.ptr, streams.len);
    *ret_streams = (const struct log_stream_stats *)(const void *)copy;
    *ret_count = streams.len / sizeof(struct log_stream_stats);
    return true;
}

bool log_store_group_bytes(struct log_store *store, const struct log_group_key *group, uint64_t *ret_bytes,
                           struct fail *f)
{
    struct database_connection *reader;
    sqlite3_stmt *sum;
    uint64_t bytes = 0;
    bool good;

    if (!log_reader_take(store, &reader, f))
        return false;
    sum = database_statement(reader, LOG_GROUP_BYTES);
    log_bind_group(sum, group);
    good = sqlite3_step(sum) == SQLITE_ROW || database_fail(reader, "sum bytes", f);
    if (good)
        bytes = (uint64_t)sqlite3_column_int64(sum, 0);
    log_reader_return(store, reader);
    if (!good)
        return false;
    *ret_bytes = bytes;
    return true;
}
