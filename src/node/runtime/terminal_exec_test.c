/* Commands on a terminal of their own in a running container.
 *
 *     terminal_exec_test          by our own launcher
 *     terminal_exec_test crun     by the OCI runtime of this name */
#include "node/runtime/runtime_testing.h"
#include "node/runtime/terminal_exec.h"

#include <poll.h>
#include <sys/ioctl.h>

static void delete (const char *id)
{
    struct fail f;

    must_do(runtime_delete(fixture->runtime, id, &f), &f);
}

/* Reads the command's terminal until it has shown that text. */
static void expect_shown(const struct terminal_exec *exec, struct buf *shown, const char *text)
{
    struct pollfd ready = {.fd = exec->terminal, .events = POLLIN};
    char piece[1024];

    while (str_search(buf_str(shown), str_of(text)) == shown->len) {
        ssize_t got;

        assert_int_equal(poll(&ready, 1, FIXTURE_TIMEOUT_MS), 1);
        got = read(exec->terminal, piece, sizeof(piece));
        assert_true(got > 0);
        buf_add(shown, (struct str){piece, (size_t)got});
    }
}

static void type(const struct terminal_exec *exec, const char *text)
{
    assert_int_equal(write(exec->terminal, text, strlen(text)), (ssize_t)strlen(text));
}

static void a_command_has_a_terminal_of_the_container(void **state)
{
    const char *const argv[] = {"sh", "-c", "tty; id -u; echo $TERM; read line; stty size; echo got $line; exit 5",
                                NULL};
    struct fixture_paths paths;
    struct container_spec spec = fixture_spec(fixture, &paths, "a", "exec sleep 1000");
    const struct winsize size = {.ws_row = 33, .ws_col = 77};
    auto_buf shown = {.ptr = NULL};
    struct terminal_exec exec;
    struct fail f;
    int code;

    (void)state;
    spec.user = "1234";
    start(&spec);
    must_do(runtime_exec_terminal(fixture->runtime, "a", argv, 3, &exec, &f), &f);
    assert_int_equal(ioctl(exec.terminal, TIOCSWINSZ, &size), 0);
    expect_shown(&exec, &shown, "/dev/pts/0\r\n0\r\nxterm-256color\r\n");
    type(&exec, "x\r");
    expect_shown(&exec, &shown, "33 77\r\ngot x\r\n");
    must_do(terminal_exec_ended(&exec, "sh", &code, &f), &f);
    assert_int_equal(code, 5);
    terminal_exec_close(&exec);
    delete ("a");
}

static void a_terminal_that_is_let_go_takes_its_session_along(void **state)
{
    const char *const argv[] = {"sh", "-c", "nohup sleep 4242 & sleep 4243 & echo $$; exec sleep 4244", NULL};
    struct fixture_paths paths;
    struct container_spec spec = fixture_spec(fixture, &paths, "a", "exec sleep 1000");
    auto_buf shown = {.ptr = NULL};
    auto_buf procs = {.ptr = NULL};
    struct runtime_exec_options options = {.argc = 3, .timeout_ms = FIXTURE_TIMEOUT_MS, .output = &procs};
    const char *const look[] = {"sh", "-c", "grep -l 'sleep.[4]24' /proc/[0-9]*/cmdline | wc -l", NULL};
    struct terminal_exec exec;
    struct fail f;
    int code;

    (void)state;
    start(&spec);
    must_do(runtime_exec_terminal(fixture->runtime, "a", argv, 3, &exec, &f), &f);
    expect_shown(&exec, &shown, "\r\n");
    terminal_exec_close(&exec);
    options.argv = look;
    do { /* the supervisor needs a moment */
        buf_clear(&procs);
        must_do(runtime_exec(fixture->runtime, "a", &options, &code, &f), &f);
    } while (!str_is(str_trim(buf_str(&procs)), "0"));
    delete ("a");
}

static void a_terminal_for_no_program_says_so(void **state)
{
    const char *const argv[] = {"nosuch", NULL};
    struct fixture_paths paths;
    struct container_spec spec = fixture_spec(fixture, &paths, "a", "exec sleep 1000");
    struct terminal_exec exec;
    struct fail f;
    int code;

    (void)state;
    start(&spec);
    must_do(runtime_exec_terminal(fixture->runtime, "a", argv, 1, &exec, &f), &f);
    assert_false(terminal_exec_ended(&exec, argv[0], &code, &f));
    assert_int_equal(f.code, FAIL_NOT_FOUND);
    terminal_exec_close(&exec);
    delete ("a");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(a_command_has_a_terminal_of_the_container),
        TEST(a_terminal_that_is_let_go_takes_its_session_along),
        TEST(a_terminal_for_no_program_says_so),
    };

    return RUN(tests, argc, argv);
}
