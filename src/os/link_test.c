#include "os/link.h"

#include "base/must.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* What one end of a link heard. */
struct heard {
    pthread_mutex_t lock;
    pthread_cond_t news;
    char text[4096];
    size_t len;
    unsigned messages;
    bool closed;
};

static void message(void *context, struct link *link, struct str bytes)
{
    struct heard *heard = context;

    (void)link;
    (void)pthread_mutex_lock(&heard->lock);
    must(heard->len + bytes.len <= sizeof(heard->text));
    memcpy(heard->text + heard->len, bytes.ptr, bytes.len);
    heard->len += bytes.len;
    heard->messages++;
    (void)pthread_cond_signal(&heard->news);
    (void)pthread_mutex_unlock(&heard->lock);
}

static void closed(void *context, struct link *link)
{
    struct heard *heard = context;

    (void)pthread_mutex_lock(&heard->lock);
    heard->closed = true;
    link_free(link);
    (void)pthread_cond_signal(&heard->news);
    (void)pthread_mutex_unlock(&heard->lock);
}

static struct heard *heard_new(void)
{
    struct heard *heard = calloc(1, sizeof(*heard));

    must(heard != NULL);
    must(pthread_mutex_init(&heard->lock, NULL) == 0);
    must(pthread_cond_init(&heard->news, NULL) == 0);
    return heard;
}

/* Waits until that many messages came, or the end. */
static void wait_for(struct heard *heard, unsigned messages)
{
    (void)pthread_mutex_lock(&heard->lock);
    while (!heard->closed && heard->messages < messages)
        (void)pthread_cond_wait(&heard->news, &heard->lock);
    (void)pthread_mutex_unlock(&heard->lock);
}

static void heard_end(struct heard *heard)
{
    wait_for(heard, UINT32_MAX);
    (void)pthread_cond_destroy(&heard->news);
    (void)pthread_mutex_destroy(&heard->lock);
    free(heard);
}

/* A link on one end of a pair of sockets; the test holds the other. */
static struct link *link_new(struct heard *heard, unsigned silence_ms_max, struct str early, int *ret_other)
{
    const struct link_handler handler = {
        .context = heard, .silence_ms_max = silence_ms_max, .message = message, .closed = closed};
    int pair[2];

    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    *ret_other = pair[1];
    return link_start((struct http_socket){.fd = pair[0]}, early, &handler, NULL);
}

static void messages_come_whole_and_in_order(void **state)
{
    static const char bytes[] = "\0\0\0\3abc\0\0\0\0\0\0\0\2de";
    struct heard *heard = heard_new();
    int other;

    (void)state;
    (void)link_new(heard, 0, (struct str){bytes, 2}, &other); /* two bytes came with the upgrade */
    for (size_t i = 2; i < sizeof(bytes) - 1; i++)
        must(write(other, bytes + i, 1) == 1);
    wait_for(heard, 3);
    assert_int_equal(heard->messages, 3);
    assert_memory_equal(heard->text, "abcde", 5);
    (void)close(other);
    heard_end(heard);
}

static void what_is_sent_arrives_with_its_length(void **state)
{
    struct heard *heard = heard_new();
    char bytes[7];
    struct link *link;
    int other;

    (void)state;
    link = link_new(heard, 0, STR(""), &other);
    (void)pthread_mutex_lock(&heard->lock); /* keeps `closed` from freeing what is being sent with */
    assert_true(link_send(link, STR("abc")));
    (void)pthread_mutex_unlock(&heard->lock);
    assert_int_equal(recv(other, bytes, sizeof(bytes), MSG_WAITALL), 7);
    assert_memory_equal(bytes, "\0\0\0\3abc", 7);
    (void)close(other);
    heard_end(heard);
}

static void an_absurd_length_ends_the_link(void **state)
{
    uint32_t len = htonl(LINK_MESSAGE_MAX + 1);
    struct heard *heard = heard_new();
    int other;

    (void)state;
    (void)link_new(heard, 0, STR(""), &other);
    must(write(other, &len, sizeof(len)) == sizeof(len));
    wait_for(heard, 1);
    assert_int_equal(heard->messages, 0);
    assert_true(heard->closed);
    (void)close(other);
    heard_end(heard);
}

static void silence_ends_the_link(void **state)
{
    struct heard *heard = heard_new();
    int other;

    (void)state;
    (void)link_new(heard, 20, STR(""), &other);
    wait_for(heard, 1);
    assert_true(heard->closed);
    (void)close(other);
    heard_end(heard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_come_whole_and_in_order),
        cmocka_unit_test(what_is_sent_arrives_with_its_length),
        cmocka_unit_test(an_absurd_length_ends_the_link),
        cmocka_unit_test(silence_ends_the_link),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
