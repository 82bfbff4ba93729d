/* Bodies and texts in their outer forms: chunked, gzipped, base64, percent-encoded. */
#include <zlib.h>

#include "wire/base64.h"
#include "wire/form.h"
#include "wire/percent.h"
#include "wire/sigv4_canonical.h"
#include "wire/utf8.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* What an S3 client does to its body: chunks of a size, each signed after the one before. */
struct chunker {
    struct sigv4_claim claim;
    struct sigv4_key key;
    struct sigv4_hex before;
    struct buf body;
    struct arena arena;
};

static void chunker_start(struct chunker *chunker, const char *payload)
{
    *chunker = (struct chunker){.claim = {.date = STR("20260101"),
                                          .region = STR("eu-west-1"),
                                          .service = STR("s3"),
                                          .when_ms = 1767225600000,
                                          .payload = SIGV4_PAYLOAD_CHUNKED,
                                          .payload_hash = str_of(payload)}};
    arena_init(&chunker->arena, ARENA_LIMIT_DEFAULT);
    sigv4_derive_key(&chunker->claim, STR("secret"), &chunker->key);
    chunker->before = sigv4_hash(STR("the request's own"));
    chunker->claim.signature = arena_str(&chunker->arena, sigv4_hex_str(&chunker->before));
}

static void chunker_sign(struct chunker *chunker, const char *what, const char *middle, struct str bytes)
{
    struct sigv4_hex hash = sigv4_hash(bytes);
    struct str scope = sigv4_scope(&chunker->claim, &chunker->arena);
    struct str text = arena_printf(&chunker->arena, "AWS4-HMAC-SHA256-%s\n20260101T000000Z\n%.*s\n%.64s\n%s%.64s", what,
                                   STR_ARG(scope), chunker->before.digits, middle, hash.digits);

    chunker->before = sigv4_signature(&chunker->key, text);
}

static void chunker_add(struct chunker *chunker, const char *text)
{
    struct sigv4_hex empty = sigv4_hash(STR(""));
    struct str middle = arena_printf(&chunker->arena, "%.64s\n", empty.digits);

    chunker_sign(chunker, "PAYLOAD", middle.ptr, str_of(text));
    buf_printf(&chunker->body, "%zx;chunk-signature=%.64s\r\n%s%s", strlen(text), chunker->before.digits, text,
               *text == '\0' ? "" : "\r\n");
}

static bool chunker_decode(struct chunker *chunker, struct buf *ret_body, struct str *ret_trailers, struct fail *f)
{
    return sigv4_dechunk(&chunker->claim, &chunker->key, buf_str(&chunker->body), ret_body, ret_trailers, f);
}

static void chunker_end(struct chunker *chunker)
{
    buf_free(&chunker->body);
    arena_free(&chunker->arena);
}

static void signed_chunks_are_verified_and_joined(void **state)
{
    struct chunker chunker;
    struct str trailers;
    struct fail f;

    (void)state;
    chunker_start(&chunker, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
    chunker_add(&chunker, "hello ");
    chunker_add(&chunker, "world");
    chunker_add(&chunker, "");
    buf_add_cstr(&chunker.body, "\r\n");
    for (size_t i = 0; i <= chunker.body.len; i++) { /* each byte changed; at the end none */
        auto_buf plain = {0};
        bool good;

        if (i < chunker.body.len)
            chunker.body.ptr[i] ^= 1;
        good = chunker_decode(&chunker, &plain, &trailers, &f);
        if (i < chunker.body.len)
            chunker.body.ptr[i] ^= 1;
        if (i == chunker.body.len)
            assert_true(good && str_is(buf_str(&plain), "hello world") && trailers.len == 0);
        else if (good)
            fail_msg("accepted with another byte %zu of %.*s", i, STR_ARG(buf_str(&chunker.body)));
    }
    chunker_end(&chunker);
}

static void torn_chunks_are_refused(void **state)
{
    struct chunker chunker;
    struct str trailers;
    struct fail f;
    size_t len;

    (void)state;
    chunker_start(&chunker, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
    chunker_add(&chunker, "hello");
    chunker_add(&chunker, "");
    len = chunker.body.len;
    for (chunker.body.len = 0; chunker.body.len < len; chunker.body.len++) {
        auto_buf plain = {0};

        if (chunker_decode(&chunker, &plain, &trailers, &f))
            fail_msg("accepted when torn after %zu of %zu bytes", chunker.body.len, len);
    }
    chunker_end(&chunker);
}

static void signed_trailers_are_verified(void **state)
{
    static const char *const checksums[] = {"x-amz-checksum-crc32:AAAAAA==", "x-amz-checksum-crc32:BBBBBB=="};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(checksums); i++) {
        struct chunker chunker;
        struct str trailers;
        auto_buf plain = {0};
        struct fail f;

        chunker_start(&chunker, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER");
        chunker_add(&chunker, "hello");
        chunker_add(&chunker, "");
        chunker_sign(&chunker, "TRAILER", "", STR("x-amz-checksum-crc32:AAAAAA==\n"));
        buf_printf(&chunker.body, "%s\r\nx-amz-trailer-signature:%.64s\r\n\r\n", checksums[i], chunker.before.digits);
        assert_int_equal(chunker_decode(&chunker, &plain, &trailers, &f), i == 0);
        if (i == 0)
            assert_true(str_is(trailers, checksums[0]));
        chunker_end(&chunker);
    }
}

static void unsigned_chunks_carry_their_trailer(void **state)
{
    static const struct {
        const char *body;
        const char *plain; /* NULL: refused */
        const char *trailers;
    } rows[] = {
        {"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", "hello", "x-amz-checksum-crc32:NhCmhg=="},
        {"0\r\n\r\n", "", ""},
        {"5\r\nhello\r\n0\r\n", "hello", ""},
        {"5\r\nhello0\r\n\r\n", NULL, NULL},
        {"6\r\nhello\r\n0\r\n\r\n", NULL, NULL},
        {"ffffffff\r\nhello\r\n0\r\n\r\n", NULL, NULL},
        {"fffffffffffffffff\r\nhello\r\n0\r\n\r\n", NULL, NULL},
        {"-1\r\nhello\r\n0\r\n\r\n", NULL, NULL},
        {"5\r\nhello\r\n", NULL, NULL},
        {"", NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct chunker chunker;
        struct str trailers;
        auto_buf plain = {0};
        struct fail f;

        chunker_start(&chunker, "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
        buf_add_cstr(&chunker.body, rows[i].body);
        assert_int_equal(chunker_decode(&chunker, &plain, &trailers, &f), rows[i].plain != NULL);
        if (rows[i].plain != NULL)
            assert_true(str_is(buf_str(&plain), rows[i].plain) && str_is(trailers, rows[i].trailers));
        chunker_end(&chunker);
    }
}

static size_t gzip(const char *text, size_t len, unsigned char *out, size_t size)
{
    z_stream stream = {
        .next_in = (Bytef *)(uintptr_t)text, .avail_in = (uInt)len, .next_out = out, .avail_out = (uInt)size};

    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    (void)deflateEnd(&stream);
    return stream.total_out;
}

static void gzip_is_undone_up_to_a_limit(void **state)
{
    static char text[100000];
    struct http_header header = {STR("Content-Encoding"), STR("gzip")};
    struct wire_request request = {.headers = &header, .header_count = 1};
    unsigned char packed[2000];
    struct arena arena;
    struct str body;
    struct fail f;

    (void)state;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    memset(text, 'x', sizeof(text));
    request.body = (struct str){(const char *)packed, gzip(text, sizeof(text), packed, sizeof(packed))};
    assert_true(wire_inflate(&request, sizeof(text), &arena, &body, &f));
    assert_true(str_eq(body, (struct str){text, sizeof(text)}));
    assert_false(wire_inflate(&request, sizeof(text) - 1, &arena, &body, &f));
    assert_string_equal(f.type, "RequestEntityTooLarge");
    request.body.len -= 1;
    assert_false(wire_inflate(&request, sizeof(text), &arena, &body, &f));
    assert_string_equal(f.type, "MalformedInput");
    header.value = STR("br");
    assert_false(wire_inflate(&request, sizeof(text), &arena, &body, &f));
    assert_int_equal(f.status, 415);
    request.header_count = 0;
    assert_true(wire_inflate(&request, 1, &arena, &body, &f));
    assert_true(str_eq(body, request.body));
    arena_free(&arena);
}

static void base64_is_read_strictly_but_for_padding(void **state)
{
    static const struct {
        const char *text;
        const char *raw; /* NULL: refused */
    } rows[] = {
        {"", ""},        {"TQ==", "M"},   {"TQ", "M"},          {"TWE=", "Ma"},
        {"TWE", "Ma"},   {"TWFu", "Man"}, {"TWFuTQ==", "ManM"}, {"T", NULL},
        {"TQ=", NULL},   {"TQ===", NULL}, {"=", NULL},          {"T=Q=", NULL},
        {"TW Fu", NULL}, {"TWF\n", NULL}, {"-_-_", NULL},       {"TWFu====", NULL},
    };
    struct arena arena;

    (void)state;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct str raw;

        if (base64_decode(str_of(rows[i].text), &arena, &raw) != (rows[i].raw != NULL))
            fail_msg("%s", rows[i].text);
        if (rows[i].raw != NULL)
            assert_true(str_is(raw, rows[i].raw));
    }
    for (size_t len = 0; len < 10000; len = len * 2 + 1) {
        char *bytes = arena_alloc(&arena, len);
        auto_buf text = {0};
        struct str raw;

        memset(bytes, (int)len, len);
        base64_encode((struct str){bytes, len}, &text);
        assert_true(base64_decode(buf_str(&text), &arena, &raw));
        assert_true(str_eq(raw, (struct str){bytes, len}));
    }
    arena_free(&arena);
}

static void percent_escapes_are_read_and_written(void **state)
{
    static const struct {
        const char *text;
        const char *raw; /* NULL: refused */
        const char *again;
    } rows[] = {
        {"a+b", "a b", "a%20b"},
        {"a%2Bb%2f", "a+b/", "a%2Bb%2F"},
        {"%7E-._~", "~-._~", "~-._~"},
        {"%C3%A9", "\xc3\xa9", "%C3%A9"},
        {"", "", ""},
        {"%", NULL, NULL},
        {"%4", NULL, NULL},
        {"%4g", NULL, NULL},
        {"%00", NULL, NULL},
        {"%ff", NULL, NULL},
        {"%ed%a0%80", NULL, NULL},
        {"%c0%af", NULL, NULL},
    };
    struct arena arena;

    (void)state;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        auto_buf again = {0};
        struct str raw;

        assert_int_equal(percent_decode(str_of(rows[i].text), true, &arena, &raw), rows[i].raw != NULL);
        if (rows[i].raw == NULL)
            continue;
        assert_true(str_is(raw, rows[i].raw));
        percent_encode(raw, false, &again);
        assert_true(str_is(buf_str(&again), rows[i].again));
    }
    arena_free(&arena);
}

static void forms_keep_order_and_empties(void **state)
{
    struct arena arena;
    struct form form;
    struct fail f;

    (void)state;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    assert_true(form_decode(STR("b=1&a&&b=2&=x&c=d=e"), &arena, &form, &f));
    assert_int_equal(form.count, 5);
    assert_true(str_is(form_get(&form, "b"), "1"));
    assert_true(str_is(form_get(&form, "a"), "") && form_get(&form, "a").ptr != NULL);
    assert_true(str_is(form_get(&form, ""), "x"));
    assert_true(str_is(form_get(&form, "c"), "d=e"));
    assert_null(form_get(&form, "z").ptr);
    assert_true(form_decode((struct str){NULL, 0}, &arena, &form, &f));
    assert_int_equal(form.count, 0);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signed_chunks_are_verified_and_joined),
        cmocka_unit_test(torn_chunks_are_refused),
        cmocka_unit_test(signed_trailers_are_verified),
        cmocka_unit_test(unsigned_chunks_carry_their_trailer),
        cmocka_unit_test(gzip_is_undone_up_to_a_limit),
        cmocka_unit_test(base64_is_read_strictly_but_for_padding),
        cmocka_unit_test(percent_escapes_are_read_and_written),
        cmocka_unit_test(forms_keep_order_and_empties),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
