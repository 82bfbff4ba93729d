/* `berth exec TASK COMMAND...`: a command in a container of a task, on this terminal, as `aws ecs execute-command` with
 * its plugin does it, by the same API and the same data channel (node/session/data_channel.h); but the exit status is
 * the command's.
 *
 * Without a terminal it works, too: what is piped in is typed at the command's terminal, and its end is Ctrl-D. So the
 * command sees a terminal in any case, which shows again what it is given and acts upon control characters: not for
 * binary data. */
#include "base/must.h"
#include "base/when.h"
#include "main/api_call.h"
#include "main/verbs.h"
#include "model/gen/ecs.h"
#include "node/session/data_channel.h"
#include "node/session/inbox.h"
#include "os/clock.h"
#include "os/entropy.h"
#include "wire/session_json.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>

#define END_OF_INPUT "\x04"

struct exec_options {
    const char *data, *listen, *cluster, *container;
};

struct client {
    struct data_channel channel;
    struct websockets *sockets;
    uint64_t socket;
    struct inbox inbox;
    struct arena arena;
    int signals;      /* a signalfd: SIGWINCH, and what ends us */
    int ended_by;     /* that signal; 0: none */
    bool ready;       /* hands are shaken */
    bool input_ended; /* ours */
    bool at_begin;    /* of a line of input: where Ctrl-D is the end */
    bool is_closed;   /* by the other end */
    struct session_closed closed;
};

/* ---- the channel ---- */

static void send_out(void *context, struct str bytes)
{
    struct client *client = context;

    (void)websocket_send(client->sockets, client->socket, /* text= */ false, bytes);
}

static void show(struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t put = write(STDOUT_FILENO, bytes.ptr, bytes.len);

        if (put < 0 && errno != EINTR)
            return;
        bytes = str_from(bytes, put < 0 ? 0 : (size_t)put);
    }
}

static void say_size(struct client *client)
{
    auto_buf text = {.limit = SESSION_JSON_MAX};
    struct session_size size;
    struct winsize window;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_row == 0 || window.ws_col == 0)
        return;
    size = (struct session_size){.rows = window.ws_row, .columns = window.ws_col};
    session_size_write(&size, &text);
    if (data_channel_has_room(&client->channel))
        data_channel_send(&client->channel, CHANNEL_PAYLOAD_SIZE, buf_str(&text), clock_monotonic_ms());
}

static bool take(void *context, uint32_t payload_type, struct str payload)
{
    struct client *client = context;
    auto_buf response = {.limit = SESSION_JSON_MAX};
    struct fail f;

    if (payload_type == CHANNEL_PAYLOAD_HANDSHAKE_REQUEST) {
        if (!session_handshake_request_read(payload, &f)) {
            client->is_closed = true;
            client->closed.output = arena_str(&client->arena, str_of(f.message));
            return true;
        }
        session_handshake_response_write(BERTH_VERSION, &response);
        data_channel_send(&client->channel, CHANNEL_PAYLOAD_HANDSHAKE_RESPONSE, buf_str(&response),
                          clock_monotonic_ms());
    } else if (payload_type == CHANNEL_PAYLOAD_HANDSHAKE_COMPLETE) {
        client->ready = true;
        say_size(client);
    } else if (payload_type == CHANNEL_PAYLOAD_OUTPUT || payload_type == CHANNEL_PAYLOAD_STDERR) {
        show(payload);
    }
    return true;
}

static void closed(void *context, struct str payload)
{
    struct client *client = context;
    struct fail f;

    client->is_closed = true;
    if (!session_closed_read(payload, &client->arena, &client->closed, &f))
        client->closed.output = str_of("the channel was closed");
}

/* ---- input ---- */

static void send_input(struct client *client, struct str bytes)
{
    data_channel_send(&client->channel, CHANNEL_PAYLOAD_OUTPUT, bytes, clock_monotonic_ms());
    client->at_begin = bytes.ptr[bytes.len - 1] == '\n';
}

/* In the middle of a line the first Ctrl-D ends the line only. */
static void read_input(struct client *client)
{
    char piece[CHANNEL_PIECE];
    ssize_t got = read(STDIN_FILENO, piece, sizeof(piece));

    if (got > 0) {
        send_input(client, (struct str){piece, (size_t)got});
    } else if (got == 0 || errno != EINTR) {
        client->input_ended = true;
        send_input(client, client->at_begin ? STR(END_OF_INPUT) : STR(END_OF_INPUT END_OF_INPUT));
    }
}

/* ---- the loop ---- */

static bool hear(struct client *client, struct fail *f)
{
    struct buf bytes;
    bool good = true;

    while (good && inbox_take(&client->inbox, &bytes)) {
        good = data_channel_receive(&client->channel, buf_str(&bytes), clock_monotonic_ms(), f);
        buf_free(&bytes);
    }
    return good;
}

static void read_signal(struct client *client)
{
    struct signalfd_siginfo signal;

    if (read(client->signals, &signal, sizeof(signal)) != (ssize_t)sizeof(signal))
        return;
    if (signal.ssi_signo != SIGWINCH)
        client->ended_by = (int)signal.ssi_signo;
    else if (client->ready)
        say_size(client);
}

static void wait(struct client *client)
{
    bool reads = client->ready && !client->input_ended && data_channel_has_room(&client->channel);
    int64_t due_ms = data_channel_due_ms(&client->channel);
    struct pollfd ready[] = {{.fd = client->inbox.wake, .events = POLLIN},
                             {.fd = reads ? STDIN_FILENO : -1, .events = POLLIN},
                             {.fd = client->signals, .events = POLLIN}};

    if (poll(ready, COUNT_OF(ready), due_ms == WHEN_NEVER ? -1 : clock_left_ms(due_ms)) < 0)
        return;
    if (ready[0].revents != 0)
        inbox_calm(&client->inbox);
    if (ready[1].revents != 0)
        read_input(client);
    if (ready[2].revents != 0)
        read_signal(client);
}

static bool lead(struct client *client, struct fail *f)
{
    while (!client->is_closed && client->ended_by == 0) {
        bool gone = inbox_is_gone(&client->inbox);

        if (!hear(client, f))
            return false;
        if (gone && !client->is_closed)
            return fail(f, FAIL_CONFLICT, "the connection to the server is lost");
        data_channel_tick(&client->channel, clock_monotonic_ms());
        if (!client->is_closed)
            wait(client);
    }
    return true;
}

/* ---- the terminal ---- */

struct raw_terminal {
    bool raw;
    struct termios before;
};

static void raw_terminal_begin(struct raw_terminal *terminal)
{
    struct termios raw;

    terminal->raw = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &terminal->before) == 0;
    if (!terminal->raw)
        return;
    raw = terminal->before;
    cfmakeraw(&raw);
    (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
}

static void raw_terminal_end(const struct raw_terminal *terminal)
{
    if (terminal->raw)
        (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal->before);
}

/* Before there are other threads, which would take them. Those that end us wait until the terminal is as before. */
static int watch_signals(void)
{
    static const int numbers[] = {SIGWINCH, SIGHUP, SIGINT, SIGTERM};
    sigset_t signals;

    (void)sigemptyset(&signals);
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        (void)sigaddset(&signals, numbers[i]);
    must(sigprocmask(SIG_BLOCK, &signals, NULL) == 0);
    return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* ---- the session ---- */

static bool dial(struct client *client, const char *url, struct str token, struct fail *f)
{
    const struct websocket_options options = inbox_websocket_options(&client->inbox);
    const struct websocket_target target = {.url = url};
    auto_buf text = {.limit = SESSION_JSON_MAX};
    const char *id = entropy_uuid(&client->arena).ptr;

    session_open_write(token, id, id, &text);
    if (!websocket_connect(client->sockets, &target, &options, &client->socket, f)) {
        inbox_set_gone(&client->inbox);
        return false;
    }
    return websocket_send(client->sockets, client->socket, /* text= */ true, buf_str(&text)) ||
           fail(f, FAIL_CONFLICT, "the server has closed the channel");
}

static bool talk(struct client *client, const char *url, struct str token, struct fail *f)
{
    struct raw_terminal terminal;
    bool good;

    if (!dial(client, url, token, f))
        return false;
    raw_terminal_begin(&terminal);
    good = lead(client, f);
    raw_terminal_end(&terminal);
    return good;
}

static bool run_session(struct client *client, const json_t *session, struct fail *f)
{
    const char *url = json_string_value(json_object_get(session, "streamUrl"));
    const char *token = json_string_value(json_object_get(session, "tokenValue"));
    struct data_channel_options options = {.sends = CHANNEL_MESSAGE_INPUT,
                                           .receives = CHANNEL_MESSAGE_OUTPUT,
                                           .context = client,
                                           .send = send_out,
                                           .take = take,
                                           .closed = closed};
    const struct clock wall = clock_wall();
    bool good;

    if (url == NULL || token == NULL)
        return fail(f, FAIL_INPUT, "the server's answer has no session");
    client->signals = watch_signals();
    if (!websockets_start(&client->sockets, f))
        return false;
    entropy_fill(&options.seed, sizeof(options.seed));
    options.epoch_ms = clock_now_ms(&wall) - clock_monotonic_ms();
    data_channel_init(&client->channel, &options);
    inbox_init(&client->inbox);
    client->at_begin = true;
    good = talk(client, url, str_of(token), f);
    websockets_stop(client->sockets);
    inbox_free(&client->inbox);
    data_channel_free(&client->channel);
    close_fd_at(&client->signals);
    return good;
}

/* ---- the command ---- */

/* A word that command_words reads as it is. */
static void add_word(const char *word, struct buf *command)
{
    if (command->len > 0)
        buf_add_char(command, ' ');
    buf_add_char(command, '\'');
    for (; *word != '\0'; word++) {
        if (*word == '\'')
            buf_add_cstr(command, "'\"'\"'");
        else
            buf_add_char(command, *word);
    }
    buf_add_char(command, '\'');
}

static bool execute(struct installation *in, const struct exec_options *options, const char *task,
                    const char *const *words, json_t **ret_answer, struct fail *f)
{
    auto_buf command = {.ptr = NULL};
    struct ecs_execute_command_request request = {
        .cluster = str_of(options->cluster), .container = str_of(options->container), .task = str_of(task)};

    for (; *words != NULL; words++)
        add_word(*words, &command);
    if (command.len == 0)
        buf_add_cstr(&command, "/bin/sh");
    request.command = buf_str(&command);
    SET(&request, interactive, true);
    return api_call(in, &ecs_execute_command_operation, &request, ret_answer, f);
}

static int status_of(const struct client *client)
{
    static const struct str error = STR_INIT(SESSION_CLOSED_ERROR);
    struct str why = client->closed.output;

    if (why.len > 0)
        why = str_trim(str_starts(why, error) ? str_from(why, error.len) : why);
    if (why.len > 0)
        (void)fprintf(stderr, "berth exec: %.*s\n", STR_ARG(why));
    if (client->ended_by != 0)
        return 128 + client->ended_by;
    return client->closed.has_exit_code ? client->closed.exit_code : EXIT_FAILED;
}

int verb_exec(const struct verb *verb, int argc, char **argv)
{
    struct exec_options options = {.data = DATA_DIR_DEFAULT};
    const struct option_spec rows[] = {
        {"cluster", OPTION_TEXT, "NAME", "the task's cluster (default)", &options.cluster},
        {"container", OPTION_TEXT, "NAME", "one of several in the task", &options.container},
        {"data", OPTION_TEXT, "DIR", "the installation (" DATA_DIR_DEFAULT ")", &options.data},
        {"listen", OPTION_TEXT, "ADDRESS:PORT", "where its server answers, if not where `berth up` put it",
         &options.listen},
        {0},
    };
    auto_installation in = {.data = NULL};
    struct client client = {.ready = false};
    json_t *answer = NULL;
    struct fail f;
    bool good;
    int first;
    int status;

    if (!options_parse(verb, rows, argc, argv, &first, &status))
        return status;
    if (first == argc) {
        (void)fprintf(stderr, "berth exec needs a task.\nTry 'berth exec --help'.\n");
        return EXIT_USAGE;
    }
    in.data = options.data;
    in.listen = options.listen;
    arena_init(&client.arena, (size_t)1 << 20);
    good = installation_open(&in, &f) &&
           execute(&in, &options, argv[first],
                   (const char *const *)argv + first + (first + 1 < argc && strcmp(argv[first + 1], "--") == 0 ? 2 : 1),
                   &answer, &f) &&
           run_session(&client, json_object_get(answer, "session"), &f);
    status = good ? status_of(&client) : verb_failed(verb, &f);
    json_decref(answer);
    arena_free(&client.arena);
    return status;
}
