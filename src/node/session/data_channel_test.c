#include "node/session/data_channel.h"

#include "base/must.h"
#include "base/when.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Two ends, each with what it has sent and what it was given. */
struct end {
    struct data_channel channel;
    struct buf sent[CHANNEL_WINDOW + 8];
    size_t sent_count;
    struct buf taken;
    size_t room; /* bytes that it still takes */
    bool closed;
};

static void send_to_list(void *context, struct str bytes)
{
    struct end *end = context;

    must(end->sent_count < COUNT_OF(end->sent));
    buf_add(&end->sent[end->sent_count++], bytes);
}

static bool take(void *context, uint32_t payload_type, struct str payload)
{
    struct end *end = context;

    assert_int_equal(payload_type, CHANNEL_PAYLOAD_OUTPUT);
    if (payload.len > end->room)
        return false;
    end->room -= payload.len;
    buf_add(&end->taken, payload);
    return true;
}

static void closed(void *context, struct str payload)
{
    struct end *end = context;

    (void)payload;
    end->closed = true;
}

static void end_init(struct end *end, bool agent)
{
    const struct data_channel_options options = {.sends = agent ? CHANNEL_MESSAGE_OUTPUT : CHANNEL_MESSAGE_INPUT,
                                                 .receives = agent ? CHANNEL_MESSAGE_INPUT : CHANNEL_MESSAGE_OUTPUT,
                                                 .seed = 7,
                                                 .context = end,
                                                 .send = send_to_list,
                                                 .take = take,
                                                 .closed = closed};

    memset(end, 0, sizeof(*end));
    end->room = SIZE_MAX;
    data_channel_init(&end->channel, &options);
}

static void end_clear(struct end *end)
{
    for (size_t i = 0; i < end->sent_count; i++)
        buf_free(&end->sent[i]);
    memset(end->sent, 0, sizeof(end->sent));
    end->sent_count = 0;
}

static void end_free(struct end *end)
{
    end_clear(end);
    buf_free(&end->taken);
    data_channel_free(&end->channel);
}

static void say(struct end *end, const char *text, int64_t now_ms)
{
    data_channel_send(&end->channel, CHANNEL_PAYLOAD_OUTPUT, str_of(text), now_ms);
}

static void give(struct end *to, const struct end *from, size_t i, int64_t now_ms)
{
    struct fail f;

    assert_true(data_channel_receive(&to->channel, buf_str(&from->sent[i]), now_ms, &f));
}

static void a_stream_arrives_and_is_acknowledged(void **state)
{
    struct end agent;
    struct end client;

    (void)state;
    end_init(&agent, /* agent= */ true);
    end_init(&client, /* agent= */ false);
    say(&agent, "one ", 0);
    say(&agent, "two", 0);
    give(&client, &agent, 0, 10);
    give(&client, &agent, 1, 10);
    assert_true(str_is(buf_str(&client.taken), "one two"));
    assert_int_equal(client.sent_count, 2);
    assert_false(data_channel_all_heard(&agent.channel));
    give(&agent, &client, 1, 20); /* in any order */
    give(&agent, &client, 0, 20);
    give(&agent, &client, 0, 20);
    assert_true(data_channel_all_heard(&agent.channel));
    assert_int_equal(data_channel_due_ms(&agent.channel), WHEN_NEVER);
    end_free(&agent);
    end_free(&client);
}

static void order_is_restored_and_copies_are_dropped(void **state)
{
    struct end agent;
    struct end client;

    (void)state;
    end_init(&agent, /* agent= */ true);
    end_init(&client, /* agent= */ false);
    say(&agent, "a", 0);
    say(&agent, "b", 0);
    say(&agent, "c", 0);
    give(&client, &agent, 2, 1);
    give(&client, &agent, 1, 1);
    assert_int_equal(client.taken.len, 0);
    give(&client, &agent, 0, 1);
    assert_true(str_is(buf_str(&client.taken), "abc"));
    give(&client, &agent, 0, 2);
    give(&client, &agent, 2, 2);
    assert_true(str_is(buf_str(&client.taken), "abc"));
    assert_int_equal(client.sent_count, 5); /* copies are acknowledged too */
    end_free(&agent);
    end_free(&client);
}

static void what_is_not_heard_is_sent_again(void **state)
{
    struct end agent;
    int64_t now_ms = 1000;

    (void)state;
    end_init(&agent, /* agent= */ true);
    say(&agent, "a", now_ms);
    say(&agent, "b", now_ms);
    assert_int_equal(data_channel_due_ms(&agent.channel), now_ms + CHANNEL_RESEND_MS_FIRST);
    data_channel_tick(&agent.channel, now_ms + CHANNEL_RESEND_MS_FIRST - 1);
    assert_int_equal(agent.sent_count, 2);
    now_ms += CHANNEL_RESEND_MS_FIRST;
    data_channel_tick(&agent.channel, now_ms);
    assert_int_equal(agent.sent_count, 3);
    assert_true(str_eq(buf_str(&agent.sent[2]), buf_str(&agent.sent[0])));
    assert_int_equal(data_channel_due_ms(&agent.channel), now_ms + CHANNEL_RESEND_MS_FIRST);
    end_free(&agent);
}

static void what_there_is_no_room_for_comes_again(void **state)
{
    struct end agent;
    struct end client;

    (void)state;
    end_init(&agent, /* agent= */ true);
    end_init(&client, /* agent= */ false);
    client.room = 0;
    say(&agent, "a", 0);
    give(&client, &agent, 0, 1);
    assert_int_equal(client.sent_count, 0);
    client.room = 1;
    give(&client, &agent, 0, 2);
    assert_int_equal(client.sent_count, 1);
    assert_true(str_is(buf_str(&client.taken), "a"));
    end_free(&agent);
    end_free(&client);
}

static void while_nobody_listens_it_waits(void **state)
{
    struct end agent;
    struct end server;

    (void)state;
    end_init(&agent, /* agent= */ true);
    end_init(&server, /* agent= */ false);
    data_channel_say(&server.channel, CHANNEL_MESSAGE_PAUSE, STR(""), 0);
    data_channel_say(&server.channel, CHANNEL_MESSAGE_START, STR(""), 0);
    data_channel_say(&server.channel, CHANNEL_MESSAGE_CLOSED, STR("{}"), 0);
    give(&agent, &server, 0, 0);
    say(&agent, "a", 0);
    say(&agent, "b", 0);
    data_channel_tick(&agent.channel, MINUTE_MS);
    assert_int_equal(agent.sent_count, 0);
    give(&agent, &server, 1, MINUTE_MS);
    assert_int_equal(agent.sent_count, 2);
    give(&agent, &server, 2, MINUTE_MS);
    assert_true(agent.closed);
    end_free(&agent);
    end_free(&server);
}

/* The client has had "one " and "two", and its acknowledgements were lost with its connection: it says nothing of them
 * any more, as session-manager-plugin does. */
static void an_acknowledgement_that_was_lost_is_not_waited_for(void **state)
{
    struct end agent;
    struct end server;

    (void)state;
    end_init(&agent, /* agent= */ true);
    end_init(&server, /* agent= */ false);
    data_channel_say(&server.channel, CHANNEL_MESSAGE_PAUSE, STR(""), 0);
    data_channel_say(&server.channel, CHANNEL_MESSAGE_START, STR(""), 0);
    say(&agent, "one ", 0);
    say(&agent, "two ", 0);
    give(&agent, &server, 0, 10);
    say(&agent, "three", 10); /* into the pause */
    assert_int_equal(agent.sent_count, 2);
    give(&agent, &server, 1, 20);
    assert_int_equal(agent.sent_count, 5);
    end_clear(&server);
    give(&server, &agent, 2, 30); /* all that the server does here is to write acknowledgements */
    give(&server, &agent, 3, 30);
    give(&server, &agent, 4, 30);
    assert_true(str_is(buf_str(&server.taken), "one two three"));
    give(&agent, &server, 2, 40);
    assert_true(data_channel_all_heard(&agent.channel));
    end_free(&agent);
    end_free(&server);
}

/* Without a break in between, one that is missing is missing. */
static void what_is_acknowledged_out_of_order_says_nothing_of_others(void **state)
{
    struct end agent;
    struct end client;

    (void)state;
    end_init(&agent, /* agent= */ true);
    end_init(&client, /* agent= */ false);
    say(&agent, "one ", 0);
    say(&agent, "two", 0);
    give(&client, &agent, 1, 10);
    give(&agent, &client, 0, 20);
    assert_false(data_channel_all_heard(&agent.channel));
    assert_int_equal(agent.channel.unheard_count, 2);
    end_free(&agent);
    end_free(&client);
}

static void the_window_is_bounded(void **state)
{
    struct end agent;
    size_t count = 0;

    (void)state;
    end_init(&agent, /* agent= */ true);
    for (; data_channel_has_room(&agent.channel); count++)
        say(&agent, "x", 0);
    assert_int_equal(count, CHANNEL_WINDOW);
    end_free(&agent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_arrives_and_is_acknowledged),
        cmocka_unit_test(order_is_restored_and_copies_are_dropped),
        cmocka_unit_test(what_is_not_heard_is_sent_again),
        cmocka_unit_test(what_there_is_no_room_for_comes_again),
        cmocka_unit_test(while_nobody_listens_it_waits),
        cmocka_unit_test(an_acknowledgement_that_was_lost_is_not_waited_for),
        cmocka_unit_test(what_is_acknowledged_out_of_order_says_nothing_of_others),
        cmocka_unit_test(the_window_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
