#include "wire/channel_message.h"

#include "base/must.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct channel_message sample = {
    .type = CHANNEL_MESSAGE_INPUT,
    .schema_version = 1,
    .created_ms = 1700000000123,
    .sequence = 258,
    .flags = 1,
    .id = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    .payload_type = CHANNEL_PAYLOAD_SIZE,
    .payload = STR_INIT("abc"),
};

/* The digest is that of FIPS 180-4, appendix "SHA-256 of abc". */
static void writes_what_is_documented(void **state)
{
    static const unsigned char digest[4] = {0xba, 0x78, 0x16, 0xbf};
    auto_buf out = {.ptr = NULL};

    (void)state;
    channel_message_write(&sample, &out);
    assert_int_equal(out.len, 123);
    assert_memory_equal(out.ptr,
                        "\0\0\0\x74"
                        "input_stream_data               "
                        "\0\0\0\x01",
                        40);
    assert_memory_equal(out.ptr + 48,
                        "\0\0\0\0\0\0\x01\x02"
                        "\0\0\0\0\0\0\0\x01",
                        16);
    assert_memory_equal(out.ptr + 64, "\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\0\x01\x02\x03\x04\x05\x06\x07", 16);
    assert_memory_equal(out.ptr + 80, digest, sizeof(digest));
    assert_memory_equal(out.ptr + 112,
                        "\0\0\0\x03\0\0\0\x03"
                        "abc",
                        11);
}

static void reads_what_it_wrote(void **state)
{
    auto_buf out = {.ptr = NULL};
    struct channel_message message;
    char text[CHANNEL_MESSAGE_UUID_TEXT + 1];
    struct fail f;

    (void)state;
    channel_message_write(&sample, &out);
    assert_true(channel_message_read(buf_str(&out), &message, &f));
    assert_int_equal(message.type, CHANNEL_MESSAGE_INPUT);
    assert_int_equal(message.created_ms, sample.created_ms);
    assert_int_equal(message.sequence, 258);
    assert_int_equal(message.flags, 1);
    assert_int_equal(message.payload_type, CHANNEL_PAYLOAD_SIZE);
    assert_true(str_is(message.payload, "abc"));
    channel_message_id_text(message.id, text);
    assert_string_equal(text, "00010203-0405-0607-0809-0a0b0c0d0e0f");
}

static void passes_over_types_it_does_not_know(void **state)
{
    auto_buf out = {.ptr = NULL};
    struct channel_message message;
    struct fail f;

    (void)state;
    channel_message_write(&sample, &out);
    memcpy(out.ptr + 4, "agent_job\0\0\0\0\0\0\0\0", 17);
    assert_true(channel_message_read(buf_str(&out), &message, &f));
    assert_int_equal(message.type, CHANNEL_MESSAGE_UNKNOWN);
}

/* A byte changed, or the end cut off. */
static void refuses_broken_ones(void **state)
{
    static const struct {
        size_t at;
        char byte;
    } rows[] = {{3, 0}, {3, 0x78}, {0, 1}, {80, 0}, {119, 2}, {119, 4}, {116, 1}, {120, 'x'}};
    auto_buf good = {.ptr = NULL};
    struct channel_message message;
    struct fail f;

    (void)state;
    channel_message_write(&sample, &good);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        auto_buf bad = {.ptr = NULL};

        buf_add(&bad, buf_str(&good));
        must(bad.ptr != NULL);
        bad.ptr[rows[i].at] = rows[i].byte;
        assert_false(channel_message_read(buf_str(&bad), &message, &f));
        assert_int_equal(f.code, FAIL_INPUT);
    }
    for (size_t len = 0; len < good.len; len++)
        assert_false(channel_message_read(str_to(buf_str(&good), len), &message, &f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_what_is_documented),
        cmocka_unit_test(reads_what_it_wrote),
        cmocka_unit_test(passes_over_types_it_does_not_know),
        cmocka_unit_test(refuses_broken_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
