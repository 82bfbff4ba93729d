#include "node/session/inbox.h"

#include "base/must.h"
#include "wire/channel_message.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct item {
    struct list link;
    struct buf bytes;
};

void inbox_init(struct inbox *inbox)
{
    *inbox = (struct inbox){.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    must(inbox->wake >= 0);
    list_init(&inbox->items);
    must(pthread_mutex_init(&inbox->lock, NULL) == 0);
}

void inbox_free(struct inbox *inbox)
{
    struct buf bytes;

    while (inbox_take(inbox, &bytes))
        buf_free(&bytes);
    (void)pthread_mutex_destroy(&inbox->lock);
    close_fd_at(&inbox->wake);
}

void inbox_wake(struct inbox *inbox)
{
    uint64_t one = 1;

    (void)!write(inbox->wake, &one, sizeof(one));
}

void inbox_calm(struct inbox *inbox)
{
    uint64_t count;

    (void)!read(inbox->wake, &count, sizeof(count));
}

static void message(void *context, uint64_t id, bool text, struct str bytes)
{
    struct inbox *inbox = context;
    struct item *item;

    (void)id;
    if (text)
        return;
    (void)pthread_mutex_lock(&inbox->lock);
    if (inbox->bytes + bytes.len <= INBOX_BYTES_MAX) {
        item = calloc(1, sizeof(*item));
        must(item != NULL);
        buf_add(&item->bytes, bytes);
        list_add_last(&inbox->items, &item->link);
        inbox->bytes += bytes.len;
    }
    (void)pthread_mutex_unlock(&inbox->lock);
    inbox_wake(inbox);
}

/* Woken under the lock: whoever sees `gone` may free the inbox. */
void inbox_set_gone(struct inbox *inbox)
{
    (void)pthread_mutex_lock(&inbox->lock);
    inbox->gone = true;
    inbox_wake(inbox);
    (void)pthread_mutex_unlock(&inbox->lock);
}

static void closed(void *context, uint64_t id, uint16_t code, struct str reason)
{
    (void)id;
    (void)code;
    (void)reason;
    inbox_set_gone(context);
}

struct websocket_options inbox_websocket_options(struct inbox *inbox)
{
    return (struct websocket_options){.context = inbox,
                                      .message = message,
                                      .closed = closed,
                                      .message_bytes_max = CHANNEL_MESSAGE_MAX,
                                      .queue_bytes_max = INBOX_BYTES_MAX};
}

bool inbox_take(struct inbox *inbox, struct buf *ret_bytes)
{
    struct item *item = NULL;

    (void)pthread_mutex_lock(&inbox->lock);
    if (!list_empty(&inbox->items)) {
        item = list_item(list_take_first(&inbox->items), struct item, link);
        inbox->bytes -= item->bytes.len;
    }
    (void)pthread_mutex_unlock(&inbox->lock);
    if (item == NULL)
        return false;
    *ret_bytes = item->bytes;
    free(item);
    return true;
}

bool inbox_is_gone(struct inbox *inbox)
{
    bool gone;

    (void)pthread_mutex_lock(&inbox->lock);
    gone = inbox->gone;
    (void)pthread_mutex_unlock(&inbox->lock);
    return gone;
}

void inbox_wait_until_gone(struct inbox *inbox)
{
    while (!inbox_is_gone(inbox)) {
        struct pollfd ready = {.fd = inbox->wake, .events = POLLIN};

        if (poll(&ready, 1, -1) > 0)
            inbox_calm(inbox);
    }
}
