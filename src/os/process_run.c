/* Owns one run of a program from start to end: feeds its input, keeps its output within bounds, ends it when its time
 * is over. */
#include "base/must.h"
#include "os/clock.h"
#include "os/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>

enum {
    PIECE_BYTES = 16 << 10,
    PIECES_MAX = 5, /* a turn: more than a pipe's 64 KiB, so that a turn empties it, yet a torrent cannot hold us */
};

/* Our ends of the pipes; -1 once closed. */
struct run {
    struct process process;
    struct str input; /* what is still to be written */
    struct buf *out;
    struct buf *err;
    int in_fd;
    int out_fd;
    int err_fd;
};

static bool open_pipe(int *ret_read, int *ret_write, struct fail *f)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0)
        return fail(f, FAIL_SYSTEM, "pipe: %s", strerror(errno));
    *ret_read = ends[0];
    *ret_write = ends[1];
    return true;
}

static void set_nonblocking(int fd)
{
    if (fd >= 0)
        (void)fcntl(fd, F_SETFL, O_NONBLOCK); /* cannot fail on a pipe of ours */
}

static void close_end(int *fd)
{
    if (*fd >= 0)
        (void)close(take_fd(fd));
}

static bool start(struct run *run, const struct process_options *options, struct fail *f)
{
    struct process_options full = *options;
    struct process_fd fds[PROCESS_FDS_MAX];
    auto_fd child_in = -1;
    auto_fd child_out = -1;
    auto_fd child_err = -1;

    must(options->fd_count + 3 <= PROCESS_FDS_MAX);
    if (options->fd_count > 0)
        memcpy(fds, options->fds, options->fd_count * sizeof(fds[0]));
    if (run->input.ptr != NULL && !open_pipe(&child_in, &run->in_fd, f))
        return false;
    if (run->out != NULL && !open_pipe(&run->out_fd, &child_out, f))
        return false;
    if (run->err != NULL && run->err != run->out && !open_pipe(&run->err_fd, &child_err, f))
        return false;
    if (child_in >= 0)
        fds[full.fd_count++] = (struct process_fd){.from = child_in, .to = STDIN_FILENO};
    if (child_out >= 0)
        fds[full.fd_count++] = (struct process_fd){.from = child_out, .to = STDOUT_FILENO};
    if (run->err != NULL)
        fds[full.fd_count++] = (struct process_fd){.from = child_err >= 0 ? child_err : child_out, .to = STDERR_FILENO};
    full.fds = fds;
    full.own_group = true;
    set_nonblocking(run->in_fd);
    set_nonblocking(run->out_fd);
    set_nonblocking(run->err_fd);
    return process_start(&full, &run->process, f);
}

/* A program that ends without reading its input is no failure; and SIGPIPE must not end us. */
static ssize_t write_quietly(int fd, struct str bytes)
{
    sigset_t pipe_only;
    sigset_t before;
    const struct timespec at_once = {0};
    ssize_t written;
    int error;

    (void)sigemptyset(&pipe_only);
    (void)sigaddset(&pipe_only, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
    written = write(fd, bytes.ptr, bytes.len);
    error = errno;
    if (written < 0 && error == EPIPE)
        (void)sigtimedwait(&pipe_only, NULL, &at_once);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return written;
}

static void feed(struct run *run)
{
    ssize_t written = write_quietly(run->in_fd, run->input);

    if (written > 0)
        run->input = str_from(run->input, (size_t)written);
    else if (written < 0 && errno != EAGAIN && errno != EINTR)
        run->input.len = 0;
    if (run->input.len == 0)
        close_end(&run->in_fd);
}

/* Adds what fits and marks what did not. */
static void keep(struct buf *out, struct str bytes)
{
    size_t limit = out->limit == 0 ? BUF_LIMIT_DEFAULT : out->limit;
    size_t room = limit - out->len;

    if (!out->overflowed && bytes.len > room) {
        buf_add(out, str_to(bytes, room));
        out->overflowed = true;
    }
    buf_add(out, bytes);
}

/* Takes what is in the pipe now. */
static void drain(int *fd, struct buf *out)
{
    char piece[PIECE_BYTES];
    ssize_t len;

    for (int i = 0; i < PIECES_MAX && *fd >= 0; i++) {
        len = read(*fd, piece, sizeof(piece));
        if (len > 0) {
            keep(out, (struct str){piece, (size_t)len});
            continue;
        }
        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0 && errno == EAGAIN)
            return;
        close_end(fd);
    }
}

/* Serves the pipes until the process has ended; false when the time is over. */
static bool serve(struct run *run, int64_t deadline_ms)
{
    enum { END, IN, OUT, ERR, FDS };

    if (run->in_fd >= 0 && run->input.len == 0)
        close_end(&run->in_fd);
    for (;;) {
        int left_ms = clock_left_ms(deadline_ms);
        struct pollfd fds[FDS] = {[END] = {.fd = run->process.pidfd, .events = POLLIN},
                                  [IN] = {.fd = run->in_fd, .events = POLLOUT},
                                  [OUT] = {.fd = run->out_fd, .events = POLLIN},
                                  [ERR] = {.fd = run->err_fd, .events = POLLIN}};

        if (left_ms == 0)
            return false;
        if (poll(fds, FDS, left_ms) < 0)
            continue; /* EINTR */
        if (fds[IN].revents != 0)
            feed(run);
        drain(&run->out_fd, run->out);
        drain(&run->err_fd, run->err);
        if (fds[END].revents != 0)
            return true;
    }
}

bool process_run(const struct process_options *options, const struct process_run_options *options_run,
                 struct process_exit *ret_exit, struct fail *f)
{
    struct run run = {.process = {.pidfd = -1},
                      .input = options_run->input,
                      .out = options_run->out,
                      .err = options_run->err,
                      .in_fd = -1,
                      .out_fd = -1,
                      .err_fd = -1};
    bool ended = false;
    bool started;

    must(options_run->timeout_ms > 0);
    started = start(&run, options, f);
    if (started)
        ended = serve(&run, clock_monotonic_ms() + options_run->timeout_ms);
    close_end(&run.in_fd);
    close_end(&run.out_fd);
    close_end(&run.err_fd);
    if (!started)
        return false;
    if (ended)
        return process_wait(&run.process, -1, ret_exit, f);
    process_end(&run.process);
    return fail(f, FAIL_LIMIT, "%s: not done within %d ms; killed", options->argv[0], options_run->timeout_ms);
}
