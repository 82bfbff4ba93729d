/* Binary messages of a websocket on their way to the one thread that takes them. What does not fit is dropped: the ends
 * of a data channel send again what nobody acknowledged. */
#pragma once

#include "base/buf.h"
#include "base/list.h"
#include "os/websocket.h"

#include <pthread.h>

enum { INBOX_BYTES_MAX = 4 << 20 };

struct inbox {
    int wake;             /* an eventfd: readable when there is something to look at */
    pthread_mutex_t lock; /* protects what follows */
    struct list items;
    size_t bytes;
    bool gone; /* no callback of the websocket comes any more */
};

void inbox_init(struct inbox *inbox);
/* No websocket may know it any more. */
void inbox_free(struct inbox *inbox);

/* For the websocket whose messages come here. */
struct websocket_options inbox_websocket_options(struct inbox *inbox);
/* There was no websocket after all. */
void inbox_set_gone(struct inbox *inbox);

/* Forgets that it was woken; before looking. */
void inbox_calm(struct inbox *inbox);
/* The oldest message, moved into *ret_bytes, the caller's to free; false: there is none. */
bool inbox_take(struct inbox *inbox, struct buf *ret_bytes);
bool inbox_is_gone(struct inbox *inbox);
/* Any thread: look again. */
void inbox_wake(struct inbox *inbox);
/* After websocket_close, or when the other side has closed: the last callback has been. */
void inbox_wait_until_gone(struct inbox *inbox);
