#include "edge/event_feed.h"

#include "base/buf.h"
#include "base/list.h"
#include "base/must.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

enum { KEPT_MAX = 4096, KEPT_BYTES_MAX = 16 << 20 };

struct kept {
    char *text;
    size_t len;
};

struct event_feed {
    pthread_mutex_t lock; /* protects what follows; an exchange is woken under it */
    struct kept kept[KEPT_MAX];
    uint64_t first, next; /* numbers of the oldest that is kept and of the one to come; kept[number % KEPT_MAX] */
    size_t bytes;
    struct list readers;
    bool ending;
};

struct reader {
    struct list link;
    struct event_feed *feed;
    struct http_exchange *exchange;
    uint64_t at; /* of the event that it gets next */
    bool follow;
    struct buf out; /* the message being read; the reader's own */
    size_t sent;
};

/* ---- what is kept ---- */

static void forget_oldest(struct event_feed *feed)
{
    struct kept *oldest = &feed->kept[feed->first % KEPT_MAX];

    feed->bytes -= oldest->len;
    free(oldest->text);
    *oldest = (struct kept){NULL, 0};
    feed->first++;
}

static void keep(struct event_feed *feed, struct str json)
{
    struct kept kept = {malloc(json.len + 1), json.len};

    must(kept.text != NULL);
    memcpy(kept.text, json.ptr, json.len);
    while (feed->next > feed->first &&
           (feed->next - feed->first == KEPT_MAX || feed->bytes + json.len > KEPT_BYTES_MAX))
        forget_oldest(feed);
    feed->kept[feed->next++ % KEPT_MAX] = kept;
    feed->bytes += kept.len;
}

/* Lock held. */
static void wake_all(struct event_feed *feed)
{
    list_each(link, after, &feed->readers) http_exchange_wake(list_item(link, struct reader, link)->exchange);
}

void event_feed_add(struct event_feed *feed, struct str json)
{
    (void)pthread_mutex_lock(&feed->lock);
    keep(feed, json);
    wake_all(feed);
    (void)pthread_mutex_unlock(&feed->lock);
}

void event_feed_end(struct event_feed *feed)
{
    (void)pthread_mutex_lock(&feed->lock);
    feed->ending = true;
    wake_all(feed);
    (void)pthread_mutex_unlock(&feed->lock);
}

/* ---- readers ---- */

enum { END = -1, BREAK_OFF = -2, NONE_YET = 0, SOME = 1 };

/* The next event as a message. Lock held. */
static int take_next(struct reader *reader)
{
    struct event_feed *feed = reader->feed;
    const struct kept *kept;

    if (reader->at < feed->first)
        return BREAK_OFF;
    if (reader->at == feed->next)
        return reader->follow && !feed->ending ? NONE_YET : END;
    kept = &feed->kept[reader->at % KEPT_MAX];
    buf_clear(&reader->out);
    reader->sent = 0;
    buf_printf(&reader->out, "id: %" PRIu64 "\ndata: ", reader->at);
    buf_add(&reader->out, (struct str){kept->text, kept->len});
    buf_add_cstr(&reader->out, "\n\n");
    reader->at++;
    return SOME;
}

static ssize_t read_events(void *context, char *at, size_t size)
{
    struct reader *reader = context;
    size_t len;
    int outcome = SOME;

    if (reader->sent == reader->out.len) {
        (void)pthread_mutex_lock(&reader->feed->lock);
        outcome = take_next(reader);
        (void)pthread_mutex_unlock(&reader->feed->lock);
    }
    if (outcome != SOME)
        return outcome;
    len = reader->out.len - reader->sent < size ? reader->out.len - reader->sent : size;
    memcpy(at, reader->out.ptr + reader->sent, len);
    reader->sent += len;
    return (ssize_t)len;
}

void event_feed_reply(struct event_feed *feed, struct http_exchange *exchange, bool follow)
{
    static const struct http_header headers[] = {{STR_INIT("Content-Type"), STR_INIT("text/event-stream")},
                                                 {STR_INIT("Cache-Control"), STR_INIT("no-store")}};
    struct reader *reader = arena_new(exchange->arena, struct reader);
    struct http_reply reply = {.status = 200,
                               .headers = headers,
                               .header_count = COUNT_OF(headers),
                               .kind = HTTP_BODY_STREAM,
                               .read = read_events,
                               .context = reader};

    *reader = (struct reader){.feed = feed, .exchange = exchange, .follow = follow};
    exchange->user = reader;
    (void)pthread_mutex_lock(&feed->lock);
    reader->at = feed->first;
    list_add_last(&feed->readers, &reader->link);
    (void)pthread_mutex_unlock(&feed->lock);
    http_exchange_reply(exchange, &reply);
}

void event_feed_ended(struct event_feed *feed, struct http_exchange *exchange)
{
    struct reader *reader = exchange->user;

    if (reader == NULL) /* refused */
        return;
    (void)pthread_mutex_lock(&feed->lock);
    list_remove(&reader->link);
    (void)pthread_mutex_unlock(&feed->lock);
    buf_free(&reader->out);
}

struct event_feed *event_feed_new(void)
{
    struct event_feed *feed = calloc(1, sizeof(*feed));

    must(feed != NULL);
    list_init(&feed->readers);
    must(pthread_mutex_init(&feed->lock, NULL) == 0);
    return feed;
}

void event_feed_free(struct event_feed *feed)
{
    while (feed->first < feed->next)
        forget_oldest(feed);
    (void)pthread_mutex_destroy(&feed->lock);
    free(feed);
}
