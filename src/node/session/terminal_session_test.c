#include "node/session/terminal_session.h"

#include "base/must.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* An agent's session and the client's end of its channel; what one sends the other is given at once. */
struct world {
    struct terminal_session session;
    struct data_channel client;
    int64_t now_ms;
    bool begun, terminated, lost; /* lost: nothing reaches the client */
    struct buf input;             /* of the command */
    struct buf output;            /* that the client was shown */
    struct session_size size;
    struct arena arena;
    struct session_closed closed; /* what the client was told */
    bool is_closed;
    unsigned handshakes_complete;
};

static void agent_send(void *context, struct str bytes)
{
    struct world *world = context;
    struct fail f;

    if (!world->lost)
        assert_true(data_channel_receive(&world->client, bytes, world->now_ms, &f));
}

static void client_send(void *context, struct str bytes)
{
    struct world *world = context;
    struct fail f;

    assert_true(terminal_session_receive(&world->session, bytes, world->now_ms, &f));
}

static bool client_take(void *context, uint32_t payload_type, struct str payload)
{
    struct world *world = context;
    struct fail f;

    if (payload_type == CHANNEL_PAYLOAD_HANDSHAKE_REQUEST)
        assert_true(session_handshake_request_read(payload, &f));
    else if (payload_type == CHANNEL_PAYLOAD_HANDSHAKE_COMPLETE)
        world->handshakes_complete++;
    else
        buf_add(&world->output, payload);
    return true;
}

static void client_closed(void *context, struct str payload)
{
    struct world *world = context;
    struct fail f;

    assert_true(session_closed_read(payload, &world->arena, &world->closed, &f));
    world->is_closed = true;
}

static void begin(void *context)
{
    struct world *world = context;

    world->begun = true;
}

static bool input(void *context, struct str bytes)
{
    struct world *world = context;

    buf_add(&world->input, bytes);
    return true;
}

static void size(void *context, const struct session_size *size)
{
    struct world *world = context;

    world->size = *size;
}

static void terminate(void *context)
{
    struct world *world = context;

    world->terminated = true;
}

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    const struct terminal_session_options options = {.session_id = STR("ecs-execute-command-0123456789abcdef0"),
                                                     .context = world,
                                                     .send = agent_send,
                                                     .begin = begin,
                                                     .input = input,
                                                     .size = size,
                                                     .terminate = terminate};
    const struct data_channel_options client = {.sends = CHANNEL_MESSAGE_INPUT,
                                                .receives = CHANNEL_MESSAGE_OUTPUT,
                                                .context = world,
                                                .send = client_send,
                                                .take = client_take,
                                                .closed = client_closed};

    must(world != NULL);
    arena_init(&world->arena, ARENA_LIMIT_DEFAULT);
    data_channel_init(&world->client, &client);
    terminal_session_init(&world->session, &options, world->now_ms);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    terminal_session_free(&world->session);
    data_channel_free(&world->client);
    buf_free(&world->input);
    buf_free(&world->output);
    arena_free(&world->arena);
    free(world);
    return 0;
}

static void client_says(struct world *world, enum channel_payload_type type, struct str payload)
{
    data_channel_send(&world->client, type, payload, world->now_ms);
}

static void shake_hands(struct world *world)
{
    auto_buf response = {.ptr = NULL};

    data_channel_say(&world->client, CHANNEL_MESSAGE_START, STR(""), world->now_ms);
    session_handshake_response_write("1.2.0.0", &response);
    client_says(world, CHANNEL_PAYLOAD_HANDSHAKE_RESPONSE, buf_str(&response));
    assert_int_equal(world->session.state, SESSION_RUNNING);
}

static void a_session_from_its_begin_to_its_end(void **state)
{
    struct world *world = *state;

    assert_int_equal(terminal_session_room(&world->session), 0);
    assert_false(world->begun);
    shake_hands(world);
    assert_true(world->begun);
    assert_int_equal(world->handshakes_complete, 1);
    client_says(world, CHANNEL_PAYLOAD_SIZE, STR("{\"cols\":132,\"rows\":43}"));
    assert_int_equal(world->size.columns, 132);
    assert_int_equal(world->size.rows, 43);
    client_says(world, CHANNEL_PAYLOAD_OUTPUT, STR("ls\r"));
    assert_true(str_is(buf_str(&world->input), "ls\r"));
    terminal_session_output(&world->session, STR("a b"), world->now_ms);
    terminal_session_exited(&world->session, 3, world->now_ms);
    assert_true(str_is(buf_str(&world->output), "a b"));
    assert_true(world->is_closed);
    assert_true(world->closed.has_exit_code);
    assert_int_equal(world->closed.exit_code, 3);
    assert_true(str_is(world->closed.output, ""));
    assert_int_equal(world->session.state, SESSION_CLOSED);
}

static void the_end_waits_for_the_last_output(void **state)
{
    struct world *world = *state;

    shake_hands(world);
    world->lost = true;
    terminal_session_output(&world->session, STR("last"), world->now_ms);
    terminal_session_exited(&world->session, 0, world->now_ms);
    assert_int_equal(world->session.state, SESSION_ENDING);
    assert_false(world->is_closed);
    world->lost = false;
    world->now_ms = terminal_session_due_ms(&world->session);
    terminal_session_tick(&world->session, world->now_ms);
    assert_true(str_is(buf_str(&world->output), "last"));
    assert_true(world->is_closed);
}

static void but_not_for_ever(void **state)
{
    struct world *world = *state;

    shake_hands(world);
    world->lost = true;
    terminal_session_output(&world->session, STR("last"), world->now_ms);
    terminal_session_exited(&world->session, 0, world->now_ms);
    terminal_session_tick(&world->session, world->now_ms + SESSION_FAREWELL_MS);
    assert_int_equal(world->session.state, SESSION_CLOSED);
    assert_int_equal(terminal_session_due_ms(&world->session), WHEN_NEVER);
}

static void without_a_client_it_ends(void **state)
{
    struct world *world = *state;

    assert_int_equal(terminal_session_due_ms(&world->session), SESSION_WAIT_MS);
    terminal_session_tick(&world->session, SESSION_WAIT_MS);
    assert_false(world->begun);
    terminal_session_tick(&world->session, SESSION_WAIT_MS + SESSION_FAREWELL_MS);
    assert_int_equal(world->session.state, SESSION_CLOSED);
}

static void an_idle_session_ends(void **state)
{
    struct world *world = *state;

    shake_hands(world);
    world->now_ms += SESSION_IDLE_MS - 1;
    client_says(world, CHANNEL_PAYLOAD_OUTPUT, STR("x"));
    terminal_session_tick(&world->session, world->now_ms + SESSION_IDLE_MS - 1);
    assert_int_equal(world->session.state, SESSION_RUNNING);
    assert_false(world->terminated);
    world->now_ms += SESSION_IDLE_MS;
    terminal_session_tick(&world->session, world->now_ms);
    assert_true(world->terminated);
    assert_true(world->is_closed);
    assert_true(str_is(world->closed.output, "Your session timed out due to inactivity."));
}

static void the_client_can_end_it(void **state)
{
    struct world *world = *state;

    shake_hands(world);
    client_says(world, CHANNEL_PAYLOAD_FLAG, STR("\0\0\0\2"));
    assert_true(world->terminated);
    assert_int_equal(world->session.state, SESSION_RUNNING);
    data_channel_say(&world->client, CHANNEL_MESSAGE_CLOSED, STR("{}"), world->now_ms);
    assert_int_equal(world->session.state, SESSION_CLOSED);
}

static void a_client_that_cannot_is_told(void **state)
{
    struct world *world = *state;

    data_channel_say(&world->client, CHANNEL_MESSAGE_START, STR(""), world->now_ms);
    client_says(world, CHANNEL_PAYLOAD_HANDSHAKE_RESPONSE,
                STR("{\"ProcessedClientActions\":[{\"ActionStatus\":2,\"Error\":\"no such type\"}]}"));
    assert_false(world->begun);
    assert_true(world->is_closed);
    assert_true(str_is(world->closed.output, "the client cannot do it: no such type"));
    assert_false(world->closed.has_exit_code);
}

static void a_command_that_cannot_begin_says_why(void **state)
{
    struct world *world = *state;

    shake_hands(world);
    terminal_session_fail(&world->session, "exec: \"x\": executable file not found in $PATH", world->now_ms);
    terminal_session_exited(&world->session, 0, world->now_ms);
    assert_true(world->is_closed);
    assert_true(str_starts(world->closed.output, STR("exec: \"x\"")));
    assert_false(world->closed.has_exit_code);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_session_from_its_begin_to_its_end),
        TEST(the_end_waits_for_the_last_output),
        TEST(but_not_for_ever),
        TEST(without_a_client_it_ends),
        TEST(an_idle_session_ends),
        TEST(the_client_can_end_it),
        TEST(a_client_that_cannot_is_told),
        TEST(a_command_that_cannot_begin_says_why),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
