#include "node/agent/agent_attachments.h"

#include "base/log.h"
#include "base/must.h"
#include "base/when.h"
#include "node/agent/agent_eni.h"
#include "os/clock.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

enum { DRAIN_BYTES = 16384 };

struct expected {
    struct list link;
    char task_arn[512], attachment_arn[512], mac[32];
    int64_t until_ms; /* monotonic */
};

struct agent_attachments {
    struct agent_reports *reports;
    int links_fd, wake_fd; /* what the kernel tells of interfaces; a wish, or the end */
    pthread_t thread;

    pthread_mutex_t lock; /* protects what follows */
    struct list expected;
    bool stopping;
};

/* lock held. */
static bool is_settled(struct agent_attachments *attachments, const struct expected *expected)
{
    uint32_t index;
    struct fail f;

    if (agent_eni_find(str_of(expected->mac), &index, &f)) {
        agent_reports_attached(attachments->reports, str_of(expected->task_arn), str_of(expected->attachment_arn));
        return true;
    }
    if (clock_monotonic_ms() < expected->until_ms)
        return false;
    log_warning("the interface of task %s has not come: %s", expected->task_arn, f.message);
    return true;
}

/* Returns when the next one's time is over; lock held. */
static int64_t look(struct agent_attachments *attachments)
{
    int64_t next_ms = WHEN_NEVER;

    list_each(at, after, &attachments->expected)
    {
        struct expected *expected = list_item(at, struct expected, link);

        if (!is_settled(attachments, expected)) {
            next_ms = expected->until_ms < next_ms ? expected->until_ms : next_ms;
            continue;
        }
        list_remove(&expected->link);
        free(expected);
    }
    return next_ms;
}

static void drain(int fd)
{
    char bytes[DRAIN_BYTES];

    while (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0 || errno == ENOBUFS)
        continue;
}

static void *attachments_main(void *context)
{
    struct agent_attachments *attachments = context;
    struct pollfd fds[] = {{.fd = attachments->links_fd, .events = POLLIN},
                           {.fd = attachments->wake_fd, .events = POLLIN}};
    bool stopping = false;

    while (!stopping) {
        eventfd_t ignored;
        int64_t next_ms;

        (void)pthread_mutex_lock(&attachments->lock);
        next_ms = look(attachments);
        stopping = attachments->stopping;
        (void)pthread_mutex_unlock(&attachments->lock);
        if (!stopping)
            (void)poll(fds, COUNT_OF(fds), next_ms == WHEN_NEVER ? -1 : clock_left_ms(next_ms));
        drain(attachments->links_fd);
        (void)eventfd_read(attachments->wake_fd, &ignored);
    }
    return NULL;
}

static void wake(struct agent_attachments *attachments)
{
    (void)eventfd_write(attachments->wake_fd, 1);
}

void agent_attachments_expect(struct agent_attachments *attachments, struct str task_arn, struct str attachment_arn,
                              struct str mac, int64_t wait_ms)
{
    struct expected *expected = calloc(1, sizeof(*expected));
    int64_t now_ms = clock_monotonic_ms();

    must(expected != NULL);
    if (!str_to_buffer(task_arn, expected->task_arn, sizeof(expected->task_arn)) ||
        !str_to_buffer(attachment_arn, expected->attachment_arn, sizeof(expected->attachment_arn)) ||
        !str_to_buffer(mac, expected->mac, sizeof(expected->mac))) {
        log_error("an attachment of task %.*s cannot be read", STR_ARG(task_arn));
        free(expected);
        return;
    }
    expected->until_ms = wait_ms < WHEN_NEVER - now_ms ? now_ms + wait_ms : WHEN_NEVER;
    (void)pthread_mutex_lock(&attachments->lock);
    list_each(at, after, &attachments->expected)
    {
        struct expected *before = list_item(at, struct expected, link);

        if (strcmp(before->attachment_arn, expected->attachment_arn) != 0)
            continue;
        list_remove(&before->link);
        free(before);
    }
    list_add_last(&attachments->expected, &expected->link);
    (void)pthread_mutex_unlock(&attachments->lock);
    wake(attachments);
}

static bool open_links(int *ret_fd, struct fail *f)
{
    const struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
    auto_fd fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
        return fail(f, FAIL_SYSTEM, "watch interfaces: %s", strerror(errno));
    *ret_fd = take_fd(&fd);
    return true;
}

bool agent_attachments_start(struct agent_reports *reports, struct agent_attachments **ret_attachments, struct fail *f)
{
    struct agent_attachments *attachments = calloc(1, sizeof(*attachments));

    must(attachments != NULL);
    attachments->reports = reports;
    list_init(&attachments->expected);
    must(pthread_mutex_init(&attachments->lock, NULL) == 0);
    attachments->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (attachments->wake_fd < 0 || !open_links(&attachments->links_fd, f)) {
        free(attachments);
        return false;
    }
    must(pthread_create(&attachments->thread, NULL, attachments_main, attachments) == 0);
    *ret_attachments = attachments;
    return true;
}

void agent_attachments_stop(struct agent_attachments *attachments)
{
    (void)pthread_mutex_lock(&attachments->lock);
    attachments->stopping = true;
    (void)pthread_mutex_unlock(&attachments->lock);
    wake(attachments);
    (void)pthread_join(attachments->thread, NULL);
    while (!list_empty(&attachments->expected))
        free(list_item(list_take_first(&attachments->expected), struct expected, link));
    close_fd_at(&attachments->links_fd);
    close_fd_at(&attachments->wake_fd);
    free(attachments);
}
