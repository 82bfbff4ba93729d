#include "node/instance/instance_init.h"

#include "base/attributes.h"
#include "base/buf.h"
#include "base/fail.h"
#include "node/instance/user_data.h"
#include "os/files.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define USER_DATA      "/var/lib/cloud/user-data"
#define USER_DATA_DONE "/var/lib/cloud/user-data.done"
#define USER_DATA_LOG  "/var/log/cloud-init-output.log"
#define SCRIPT         "/var/lib/cloud/user-data.sh"
#define AGENT_CONFIG   "/etc/ecs/ecs.config"
#define AGENT_LOG      "/var/log/ecs/ecs-agent.log"

enum {
    SHUTDOWN_S = 10,
    AGENT_PAUSE_S = 1,
    WRONG_USAGE = 2,
    DO_NOT_RESTART = 5,
    CONFIG_BYTES_MAX = 1 << 16,
    VARIABLES_MAX = 256
};

struct init {
    const char *program;
    pid_t user_data; /* 0: not running */
    pid_t agent;     /* 0: not running */
    int console;     /* the user data's output, a pipe; -1 */
    bool agent_ended_for_good;
    time_t agent_due; /* when it is started again; 0: now */
};

static void say(const char *format, ...) printf_like(1, 2);
static void say(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vprintf(format, args);
    va_end(args);
    (void)fflush(stdout);
}

/* ---- starting programs ---- */

static void default_signals(void)
{
    sigset_t none;

    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static pid_t start(const char *const *argv, const char *const *env, int out)
{
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    default_signals();
    (void)setsid();
    (void)chdir("/");
    (void)dup2(out, 1);
    (void)dup2(out, 2);
    (void)execve(argv[0], (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)env);
    _exit(127);
}

/* ---- user data ---- */

/* The console and the log get the same: a pipe that we read. */
static pid_t start_script(struct init *init, struct str text)
{
    const char *argv[] = {SCRIPT, NULL};
    struct fail f;
    int ends[2];
    pid_t pid;

    if (!file_replace(SCRIPT, text, 0700, &f)) {
        say("user data: %s\n", f.message);
        return 0;
    }
    if (chmod(SCRIPT, 0700) != 0 || pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        say("user data: %s\n", strerror(errno));
        return 0;
    }
    (void)fcntl(ends[1], F_SETFL, 0);
    pid = start(argv, (const char *const *)(uintptr_t)environ, ends[1]);
    (void)close(ends[1]);
    init->console = ends[0];
    return pid < 0 ? 0 : pid;
}

static void begin_user_data(struct init *init)
{
    auto_buf text = {.limit = 1 << 20};
    enum user_data_kind kind;
    struct fail f;

    if (access(USER_DATA_DONE, F_OK) == 0 || !file_read(USER_DATA, &text, &f))
        return;
    kind = user_data_kind(buf_str(&text));
    if (user_data_refusal(kind) != NULL)
        say("%s\n", user_data_refusal(kind));
    if (kind == USER_DATA_SCRIPT)
        init->user_data = start_script(init, buf_str(&text));
    if (!file_replace(USER_DATA_DONE, STR(""), 0600, &f))
        say("%s\n", f.message);
}

/* What it wrote by now. */
static void drain(struct init *init)
{
    auto_fd log = -1;
    char bytes[4096];
    ssize_t got;

    if (init->console < 0)
        return;
    log = open(USER_DATA_LOG, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    while ((got = read(init->console, bytes, sizeof(bytes))) > 0) {
        (void)fwrite(bytes, 1, (size_t)got, stdout);
        if (log >= 0 && write(log, bytes, (size_t)got) != got)
            say("%s: %s\n", USER_DATA_LOG, strerror(errno));
    }
    (void)fflush(stdout);
    if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        (void)close(init->console);
        init->console = -1;
    }
}

/* ---- the agent ---- */

/* The lines NAME=VALUE of the file, without quotes around the value (on the ECS-optimized image Docker's --env-file
 * reads them), and behind them our environment, of which the first of a name counts. `text` is cut up. */
static void variables(char *text, const char **env)
{
    size_t count = 0;

    for (char *line = text; line != NULL && *line != '\0' && count < VARIABLES_MAX - 1;) {
        char *end = strchr(line, '\n');

        if (end != NULL)
            *end = '\0';
        while (*line == ' ')
            line++;
        if (*line != '#' && strchr(line, '=') != NULL)
            env[count++] = line;
        line = end == NULL ? NULL : end + 1;
    }
    for (char **own = environ; *own != NULL && count < VARIABLES_MAX - 1; own++)
        env[count++] = *own;
    env[count] = NULL;
}

static void start_agent(struct init *init)
{
    const char *argv[] = {init->program, "agent", NULL};
    const char *env[VARIABLES_MAX];
    auto_buf text = {.limit = CONFIG_BYTES_MAX};
    auto_fd log = open(AGENT_LOG, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    struct fail f;

    if (!file_read(AGENT_CONFIG, &text, &f) && f.code != FAIL_NOT_FOUND)
        say("%s\n", f.message);
    buf_add_char(&text, '\0');
    variables(text.ptr, env);
    init->agent = start(argv, env, log < 0 ? 1 : log);
    if (init->agent < 0)
        init->agent = 0;
}

static void agent_ended(struct init *init, int status)
{
    init->agent = 0;
    init->agent_due = time(NULL) + AGENT_PAUSE_S;
    if (WIFEXITED(status) && (WEXITSTATUS(status) == DO_NOT_RESTART || WEXITSTATUS(status) == WRONG_USAGE)) {
        init->agent_ended_for_good = true;
        say("the ECS agent ended with %d and is not started again; see %s\n", WEXITSTATUS(status), AGENT_LOG);
    }
}

/* ---- all processes ---- */

static void reap(struct init *init)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == init->user_data) {
            init->user_data = 0;
            drain(init);
            say("user data ended with %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
        } else if (pid == init->agent) {
            agent_ended(init, status);
        }
    }
}

static bool all_ended(void)
{
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    return kill(-1, 0) != 0 && errno == ESRCH;
}

static int shut_down(void)
{
    const struct timespec pause = {.tv_nsec = 20000000};
    time_t end = time(NULL) + SHUTDOWN_S;

    say("shutting down\n");
    (void)kill(-1, SIGTERM);
    while (!all_ended() && time(NULL) < end)
        (void)nanosleep(&pause, NULL);
    (void)kill(-1, SIGKILL);
    sync();
    return 0;
}

/* Until a signal, or for a moment: what user data writes is read then. */
static int wait_signal(const sigset_t *signals, const struct init *init)
{
    const struct timespec moment = {.tv_nsec = init->console >= 0 ? 100000000 : 0,
                                    .tv_sec = init->console >= 0 ? 0 : 1};

    return sigtimedwait(signals, NULL, &moment);
}

int instance_init_run(const char *program)
{
    struct init init = {.program = program, .console = -1};
    sigset_t signals;

    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGPWR);
    (void)sigaddset(&signals, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &signals, NULL);
    say("berth instance-init\n");
    begin_user_data(&init);
    for (;;) {
        int signal;

        if (init.user_data == 0 && init.agent == 0 && !init.agent_ended_for_good && time(NULL) >= init.agent_due)
            start_agent(&init);
        signal = wait_signal(&signals, &init);
        drain(&init);
        if (signal == SIGTERM || signal == SIGINT || signal == SIGPWR)
            return shut_down();
        reap(&init);
    }
}
