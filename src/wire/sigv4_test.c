/* Signatures made by botocore, the aws CLI and the JavaScript SDK, and by ourselves. */
#include "wire/sigv4.h"

#include "base/must.h"
#include "base/when.h"
#include "wire/http_text.h"
#include "wire/sigv4_canonical.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SECRET STR("berth/wire+test=secret")

/* One request on its way through parse, derive and verify. */
struct check {
    struct http_text http;
    struct arena arena;
    struct sigv4_claim claim;
    struct fail f;
    bool present;
};

static bool check_at(struct check *check, int64_t late_ms)
{
    struct sigv4_key key;

    if (!sigv4_parse(&check->http.request, &check->arena, &check->present, &check->claim, &check->f))
        return false;
    assert_true(check->present);
    sigv4_derive_key(&check->claim, SECRET, &key);
    return sigv4_verify(&check->claim, &check->http.request, &key, check->claim.when_ms + late_ms, &check->arena,
                        &check->f);
}

static void load(struct check *check, const char *name)
{
    *check = (struct check){0};
    arena_init(&check->arena, ARENA_LIMIT_DEFAULT);
    assert_true(
        http_text_parse(http_text_file(arena_printf(&check->arena, "%s.http", name).ptr, &check->arena), &check->http));
}

static const char *const captures[] = {
    "boto-ecs-run-task",
    "boto-ec2-describe-vpcs",
    "boto-eks-tag-resource",
    "boto-eks-untag-resource",
    "boto-eks-describe-cluster",
    "boto-efs-describe-file-systems",
    "boto-s3-put-object",
    "boto-s3-presigned",
    "boto-sts-presigned",
    "cli-s3-put-object",
    "cli-sts-get-caller-identity",
    "js-ecs-run-task",
    "js-eks-tag-resource",
    "js-eks-untag-resource",
    "js-efs-describe-file-systems",
    "js-s3-put-object",
    "js-cloudwatch-describe-alarms",
};

static void what_the_clients_sign_is_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(captures); i++) {
        struct check check;

        load(&check, captures[i]);
        if (!check_at(&check, 1000))
            fail_msg("%s: %s", captures[i], check.f.message);
        assert_true(str_is(check.claim.access_key, "AKIABERTHWIRETEST000"));
        assert_true(str_is(check.claim.region, "eu-west-1"));
        assert_int_equal(check.claim.presigned, strstr(captures[i], "presigned") != NULL);
        arena_free(&check.arena);
    }
}

static void refuse(struct check *check, const char *what)
{
    if (check_at(check, 1000))
        fail_msg("accepted with another %s", what);
    assert_string_equal(check->f.type, "SignatureDoesNotMatch");
}

/* Every part that is signed, changed in one place. */
static void what_was_changed_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(captures); i++) {
        struct check check;
        struct wire_request *request = &check.http.request;
        struct wire_request good;

        load(&check, captures[i]);
        good = *request;
        request->method = STR("PATCH");
        refuse(&check, "method");
        *request = good;
        request->path = arena_printf(&check.arena, "%.*sx", STR_ARG(good.path));
        refuse(&check, "path");
        *request = good;
        request->query = arena_printf(&check.arena, "%.*s&x=1", STR_ARG(good.query));
        refuse(&check, "query");
        *request = good;
        if (strcmp(captures[i], "boto-s3-presigned") != 0) {
            request->body = arena_printf(&check.arena, "%.*s ", STR_ARG(good.body));
            if (check_at(&check, 1000))
                fail_msg("%s: accepted with another body", captures[i]);
        }
        arena_free(&check.arena);
    }
}

static void a_changed_header_is_refused_if_signed(void **state)
{
    struct check check;
    size_t changed = 0;

    (void)state;
    load(&check, "js-ecs-run-task");
    for (size_t i = 0; i < check.http.request.header_count; i++) {
        struct http_header *header = &check.http.headers[i];
        struct http_header good = *header;

        if (str_eq_nocase(good.name, STR("authorization")) || str_eq_nocase(good.name, STR("connection")))
            continue;
        header->value = str_eq_nocase(good.name, STR("x-amz-date"))
                            ? STR("20200101T000000Z")
                            : arena_printf(&check.arena, "%.*sa", STR_ARG(good.value));
        if (str_eq_nocase(good.name, STR("x-amz-content-sha256")))
            header->value = STR("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        refuse(&check, header->name.ptr);
        *header = good;
        changed++;
    }
    assert_true(changed >= 9);
    assert_true(check_at(&check, 0));
    arena_free(&check.arena);
}

static void the_clock_may_differ_by_five_minutes(void **state)
{
    static const struct {
        const char *capture;
        int64_t late_ms;
        const char *message; /* NULL: accepted */
    } rows[] = {
        {"boto-ecs-run-task", 5 * MINUTE_MS, NULL},
        {"boto-ecs-run-task", -5 * MINUTE_MS, NULL},
        {"boto-ecs-run-task", 5 * MINUTE_MS + 1000, "Signature expired: "},
        {"boto-ecs-run-task", -5 * MINUTE_MS - 1000, "Signature not yet current: "},
        {"boto-sts-presigned", 15 * MINUTE_MS - 1, NULL}, /* though X-Amz-Expires is 60 s */
        {"boto-sts-presigned", 15 * MINUTE_MS, "Request has expired."},
        {"boto-s3-presigned", 600 * SECOND_MS - 1, NULL},
        {"boto-s3-presigned", 600 * SECOND_MS, "Request has expired."},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct check check;

        load(&check, rows[i].capture);
        assert_int_equal(check_at(&check, rows[i].late_ms), rows[i].message == NULL);
        if (rows[i].message != NULL) {
            assert_string_equal(check.f.type,
                                strstr(rows[i].capture, "presigned") ? "RequestExpired" : "SignatureExpired");
            assert_non_null(strstr(check.f.message, rows[i].message));
        }
        arena_free(&check.arena);
    }
}

static void the_text_of_an_old_signature_is_that_of_aws(void **state)
{
    struct check check;
    struct http_header headers[] = {
        {STR("Host"), STR("localhost")},
        {STR("X-Amz-Date"), STR("20260101T000000Z")},
        {STR("Authorization"),
         STR("AWS4-HMAC-SHA256 Credential=K/20260101/eu-west-1/ecs/aws4_request,SignedHeaders=host,"
             "Signature=0000000000000000000000000000000000000000000000000000000000000000")}};

    (void)state;
    load(&check, "boto-ecs-run-task");
    check.http.request.headers = headers;
    check.http.request.header_count = COUNT_OF(headers);
    assert_false(check_at(&check, 6 * MINUTE_MS));
    assert_string_equal(
        check.f.message,
        "Signature expired: 20260101T000000Z is now earlier than 20260101T000100Z (20260101T000600Z - 5 "
        "min.)");
    arena_free(&check.arena);
}

static void malformed_claims_are_named(void **state)
{
#define GOOD_SIGNATURE "Signature=0000000000000000000000000000000000000000000000000000000000000000"
    static const struct {
        const char *authorization;
        const char *type;
        const char *message;
    } rows[] = {
        {"AWS4-HMAC-SHA256 SignedHeaders=host, " GOOD_SIGNATURE, "IncompleteSignature",
         "requires 'Credential' parameter."},
        {"AWS4-HMAC-SHA256 Credential=K/20260101/r/s/aws4_request, SignedHeaders=host", "IncompleteSignature",
         "requires 'Signature' parameter."},
        {"AWS4-HMAC-SHA256", "IncompleteSignature", "requires 'SignedHeaders' parameter."},
        {"AWS4-HMAC-SHA256 Credential=K/20260101/s/aws4_request, SignedHeaders=host, " GOOD_SIGNATURE,
         "IncompleteSignature", "exactly 5 slash-delimited elements"},
        {"AWS4-HMAC-SHA256 Credential=K/20260101/r/s/aws4_request/x, SignedHeaders=host, " GOOD_SIGNATURE,
         "IncompleteSignature", "exactly 5 slash-delimited elements"},
        {"AWS4-HMAC-SHA256 Credential=K/20260101/r/s/aws5, SignedHeaders=host, " GOOD_SIGNATURE,
         "SignatureDoesNotMatch", "valid terminator"},
        {"AWS4-HMAC-SHA256 Credential=K/20260101/r/s/aws4_request, SignedHeaders=host, Signature=00",
         "SignatureDoesNotMatch", "64"},
        {"AWS4-ECDSA-P256-SHA256 Credential=K/20260101/r/s/aws4_request", "IncompleteSignature", "Unsupported AWS"},
        {"AWS AKIA:signature", "IncompleteSignature", "Unsupported AWS"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct check check;
        struct http_header headers[] = {{STR("X-Amz-Date"), STR("20260101T000000Z")},
                                        {STR("Authorization"), str_of(rows[i].authorization)}};

        load(&check, "boto-ecs-run-task");
        check.http.request.headers = headers;
        check.http.request.header_count = COUNT_OF(headers);
        assert_false(check_at(&check, 0));
        assert_string_equal(check.f.type, rows[i].type);
        if (strstr(check.f.message, rows[i].message) == NULL)
            fail_msg("row %zu: %s", i, check.f.message);
        arena_free(&check.arena);
    }
}

static void a_request_without_signature_is_not_a_claim(void **state)
{
    struct check check;
    struct http_header basic = {STR("Authorization"), STR("Basic QVdTOnA=")};

    (void)state;
    load(&check, "boto-ecs-run-task");
    check.present = true;
    check.http.request.headers = &basic;
    check.http.request.header_count = 1;
    assert_true(sigv4_parse(&check.http.request, &check.arena, &check.present, &check.claim, &check.f));
    assert_false(check.present);
    arena_free(&check.arena);
}

/* What headers, path and query look like in canonical form; expected texts worked out by hand from the specification.
 */
static void canonical_forms(void **state)
{
    static const struct {
        const char *service, *path, *query, *value;
        const char *canonical; /* path, query and value of x-test */
    } rows[] = {
        {"ecs", "", NULL, "", "/\n\nhost:h\nx-test:\n"},
        {"ecs", "/", "", "  a   b\t c ", "/\n\nhost:h\nx-test:a b c\n"},
        {"eks", "/tags/a%3Ab", NULL, "x", "/tags/a%253Ab\n\nhost:h\nx-test:x\n"},
        {"s3", "/tags/a%3ab+c", NULL, "x", "/tags/a%3Ab%2Bc\n\nhost:h\nx-test:x\n"},
        {"eks", "/a/./b/../c//d/", NULL, "x", "/a/c/d/\n\nhost:h\nx-test:x\n"},
        {"s3", "/a/./b/../c//d/", NULL, "x", "/a/./b/../c//d/\n\nhost:h\nx-test:x\n"},
        {"eks", "/../..", NULL, "x", "/\n\nhost:h\nx-test:x\n"},
        {"ecs", "/", "b=2&a=%2f&b=1&A&c=x+y%20z&%7e=~", "x", "/\nA=&a=%2F&b=1&b=2&c=x%20y%20z&~=~\nhost:h\nx-test:x\n"},
        {"ecs", "/", "a=1&X-Amz-Signature=abc&a-b=2", "x", "/\na=1&a-b=2\nhost:h\nx-test:x\n"},
        {"ecs", "/\xc3\xa9", "k=\xc3\xa9", "x", "/%C3%A9\nk=%C3%A9\nhost:h\nx-test:x\n"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct http_header headers[] = {{STR("HOST"), STR("h")}, {STR("X-Test"), str_of(rows[i].value)}};
        struct wire_request request = {.method = STR("GET"),
                                       .path = str_of(rows[i].path),
                                       .query = str_of(rows[i].query),
                                       .headers = headers,
                                       .header_count = 2};
        struct sigv4_claim claim = {.date = STR("20260101"),
                                    .region = STR("r"),
                                    .service = str_of(rows[i].service),
                                    .signed_headers = STR("host;x-test"),
                                    .payload_hash = STR("hash")};
        struct sigv4_hex hash;
        struct arena arena;
        struct str expected;
        struct str string;
        struct fail f;

        arena_init(&arena, ARENA_LIMIT_DEFAULT);
        expected = arena_printf(&arena, "GET\n%s\nhost;x-test\nhash", rows[i].canonical);
        hash = sigv4_hash(expected);
        assert_true(sigv4_string_to_sign(&claim, &request, &arena, &string, &f));
        if (!str_ends(string, sigv4_hex_str(&hash)))
            fail_msg("row %zu is not %s", i, expected.ptr);
        arena_free(&arena);
    }
}

static struct sigv4_signer signer(const char *service)
{
    return (struct sigv4_signer){.access_key = STR("AKIABERTHWIRETEST000"),
                                 .secret = SECRET,
                                 .region = STR("eu-west-1"),
                                 .service = str_of(service)};
}

static void our_own_signatures_are_accepted(void **state)
{
    struct sigv4_signer by = signer("ecs");
    struct check check = {0};
    struct http_header *headers = check.http.headers;
    struct wire_request *request = &check.http.request;

    (void)state;
    arena_init(&check.arena, ARENA_LIMIT_DEFAULT);
    headers[0] = (struct http_header){STR("Host"), STR("localhost:4566")};
    headers[1] = (struct http_header){STR("X-Amz-Date"), STR("20260101T000000Z")};
    headers[2] = (struct http_header){STR("x-twice"), STR("a")};
    headers[3] = (struct http_header){STR("User-Agent"), STR("x")};
    headers[4] = (struct http_header){STR("X-Twice"), STR(" b ")};
    *request = (struct wire_request){.method = STR("POST"),
                                     .path = STR("/a%20b/\xc3\xa4"),
                                     .query = STR("x=1+2&y=%2B"),
                                     .headers = headers,
                                     .header_count = 5,
                                     .body = STR("{}")};
    assert_true(sigv4_sign(request, &by, &check.arena, &headers[5].value, &check.f));
    headers[5].name = STR("Authorization");
    request->header_count = 6;
    if (!check_at(&check, 0))
        fail_msg("%s", check.f.message);
    assert_true(str_is(check.claim.signed_headers, "host;x-amz-date;x-twice"));
    headers[3].value = STR("y"); /* the user agent is not signed */
    assert_true(check_at(&check, 0));
    headers[3] = (struct http_header){STR("X-Amz-Security-Token"), STR("smuggled")};
    refuse(&check, "token");
    assert_string_equal(check.f.message, "'X-Amz-Security-Token' must be a 'SignedHeader' in the AWS Authorization.");
    arena_free(&check.arena);
}

static void our_own_presigned_urls_are_accepted(void **state)
{
    static const char *const services[] = {"s3", "sts"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(services); i++) {
        struct sigv4_signer by = signer(services[i]);
        struct check check = {0};

        by.security_token = STR("token/+=");
        arena_init(&check.arena, ARENA_LIMIT_DEFAULT);
        check.http.headers[0] = (struct http_header){STR("host"), STR("localhost")};
        check.http.request = (struct wire_request){.method = STR("GET"),
                                                   .path = STR("/a/b"),
                                                   .query = STR("z=1"),
                                                   .headers = check.http.headers,
                                                   .header_count = 1};
        assert_true(sigv4_presign(&check.http.request, &by, 1767225600000, 60, &check.arena, &check.http.request.query,
                                  &check.f));
        if (!check_at(&check, 59000))
            fail_msg("%s", check.f.message);
        assert_true(str_is(check.claim.security_token, "token/+="));
        assert_int_equal(check_at(&check, 60000), strcmp(services[i], "s3") != 0);
        arena_free(&check.arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_clients_sign_is_accepted),
        cmocka_unit_test(what_was_changed_is_refused),
        cmocka_unit_test(a_changed_header_is_refused_if_signed),
        cmocka_unit_test(the_clock_may_differ_by_five_minutes),
        cmocka_unit_test(the_text_of_an_old_signature_is_that_of_aws),
        cmocka_unit_test(malformed_claims_are_named),
        cmocka_unit_test(a_request_without_signature_is_not_a_claim),
        cmocka_unit_test(canonical_forms),
        cmocka_unit_test(our_own_signatures_are_accepted),
        cmocka_unit_test(our_own_presigned_urls_are_accepted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
