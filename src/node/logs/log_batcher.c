#include "node/logs/log_batcher.h"

#include "base/must.h"
#include "base/when.h"
#include "node/logs/utf8.h"

/* U+FFFD has three bytes and stands for one. */
#define REPAIRED_BYTES_MAX (3 * LINE_BYTES_MAX)

/* -- Batches. */

static struct log_batch *batch_new(void)
{
    struct log_batch *batch = calloc(1, sizeof(*batch));

    if (batch == NULL)
        return NULL;
    list_init(&batch->link);
    batch->text = malloc(LOG_BATCH_BYTES_MAX); /* costs only the pages that get used */
    if (batch->text == NULL) {
        free(batch);
        return NULL;
    }
    return batch;
}

void log_batch_free(struct log_batch *batch)
{
    if (batch == NULL)
        return;
    free(batch->events);
    free(batch->text);
    free(batch);
}

static bool fits(const struct log_batch *batch, int64_t when_ms, size_t len)
{
    int64_t first_ms = when_ms < batch->first_ms ? when_ms : batch->first_ms;
    int64_t last_ms = when_ms > batch->last_ms ? when_ms : batch->last_ms;
    int64_t span_ms;

    if (batch->count == 0)
        return true;
    return batch->count < LOG_BATCH_EVENTS_MAX &&
           len + LOG_BATCH_OVERHEAD_BYTES <= LOG_BATCH_BYTES_MAX - batch->bytes &&
           !__builtin_sub_overflow(last_ms, first_ms, &span_ms) && span_ms <= DAY_MS;
}

static bool make_room(struct log_batch *batch)
{
    size_t capacity = batch->capacity == 0 ? 16 : batch->capacity * 2;
    struct line *grown;

    if (batch->count < batch->capacity)
        return true;
    grown = realloc(batch->events, capacity * sizeof(*grown));
    if (grown == NULL)
        return false;
    batch->events = grown;
    batch->capacity = capacity;
    return true;
}

/* The message must fit. False without memory. */
static bool batch_add(struct log_batch *batch, int64_t when_ms, struct str message)
{
    char *copy = batch->text + batch->text_len;

    if (!make_room(batch))
        return false;
    memcpy(copy, message.ptr, message.len);
    batch->text_len += message.len;
    if (batch->count == 0)
        batch->first_ms = batch->last_ms = when_ms;
    batch->first_ms = when_ms < batch->first_ms ? when_ms : batch->first_ms;
    batch->last_ms = when_ms > batch->last_ms ? when_ms : batch->last_ms;
    batch->events[batch->count++] = (struct line){when_ms, {copy, message.len}};
    batch->bytes += message.len + LOG_BATCH_OVERHEAD_BYTES;
    return true;
}

/* By time; at the same time in the order of adding, which is the order of their texts. */
static int compare(const void *left, const void *right)
{
    const struct line *a = left;
    const struct line *b = right;

    if (a->when_ms != b->when_ms)
        return a->when_ms < b->when_ms ? -1 : 1;
    return (a->text.ptr > b->text.ptr) - (a->text.ptr < b->text.ptr);
}

/* -- The batcher. */

void log_batcher_init(struct log_batcher *batcher, int64_t flush_interval_ms, size_t events_max, int64_t now_ms)
{
    *batcher = (struct log_batcher){.flush_interval_ms = flush_interval_ms,
                                    .next_flush_ms = now_ms + flush_interval_ms,
                                    .events_max = events_max,
                                    .repaired = {.limit = REPAIRED_BYTES_MAX}};
    list_init(&batcher->sealed);
}

void log_batcher_free(struct log_batcher *batcher)
{
    while (!list_empty(&batcher->sealed))
        log_batch_free(list_item(list_take_first(&batcher->sealed), struct log_batch, link));
    log_batch_free(batcher->open);
    batcher->open = NULL;
    buf_free(&batcher->repaired);
}

static void add_event(struct log_batcher *batcher, int64_t when_ms, struct str message)
{
    if (batcher->open != NULL && !fits(batcher->open, when_ms, message.len)) {
        list_add_last(&batcher->sealed, &batcher->open->link);
        batcher->open = NULL;
    }
    if (batcher->open == NULL)
        batcher->open = batch_new();
    if (batcher->open == NULL || !batch_add(batcher->open, when_ms, message)) {
        batcher->lost_events++;
        return;
    }
    batcher->events++;
    batcher->bytes += message.len + LOG_BATCH_OVERHEAD_BYTES;
}

bool log_batcher_add(struct log_batcher *batcher, int64_t when_ms, struct str message)
{
    struct str rest;

    must(message.len <= LINE_BYTES_MAX);
    if (batcher->events >= batcher->events_max || batcher->bytes >= LOG_BATCHER_BYTES_MAX)
        return false;
    buf_clear(&batcher->repaired);
    utf8_repair(message, &batcher->repaired);
    if (batcher->repaired.overflowed) {
        batcher->lost_events++;
        return true;
    }
    for (rest = buf_str(&batcher->repaired); rest.len > 0;) {
        size_t len = utf8_cut(rest, LOG_BATCH_MESSAGE_BYTES_MAX);

        add_event(batcher, when_ms, str_to(rest, len));
        rest = str_from(rest, len);
    }
    return true;
}

static struct log_batch *next_batch(struct log_batcher *batcher, int64_t now_ms, bool force)
{
    struct log_batch *batch;

    if (!list_empty(&batcher->sealed))
        return list_item(list_take_first(&batcher->sealed), struct log_batch, link);
    if (!force && now_ms < batcher->next_flush_ms)
        return NULL;
    batcher->next_flush_ms = now_ms + batcher->flush_interval_ms;
    batch = batcher->open;
    batcher->open = NULL;
    return batch;
}

bool log_batcher_take(struct log_batcher *batcher, int64_t now_ms, bool force, struct log_batch **ret_batch)
{
    struct log_batch *batch = next_batch(batcher, now_ms, force);

    if (batch == NULL || batch->count == 0) {
        log_batch_free(batch);
        return false;
    }
    batcher->events -= batch->count;
    batcher->bytes -= batch->bytes;
    qsort(batch->events, batch->count, sizeof(*batch->events), compare);
    *ret_batch = batch;
    return true;
}

int64_t log_batcher_due_ms(const struct log_batcher *batcher)
{
    if (!list_empty(&batcher->sealed))
        return 0;
    return batcher->open == NULL ? WHEN_NEVER : batcher->next_flush_ms;
}
