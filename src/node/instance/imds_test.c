#include "node/instance/instance_facts.h"

#include "os/http_client.h"

#include <setjmp.h>
#include <stdarg.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static struct imds *imds;
static struct http_client *client;
static uint16_t port;
static struct fail f;

static const struct str groups[] = {STR_INIT("web"), STR_INIT("ssh")};
static const struct str group_ids[] = {STR_INIT("sg-1"), STR_INIT("sg-2")};
static const struct instance_tag tags[] = {{STR_INIT("Name"), STR_INIT("box")}, {STR_INIT("a/b"), STR_INIT("x")}};
static const struct instance_role role = {
    .name = STR_INIT("ecsInstanceRole"),
    .profile_arn = STR_INIT("arn:aws:iam::123456789012:instance-profile/ecsInstanceRole"),
    .profile_id = STR_INIT("AIPAEXAMPLE"),
    .access_key_id = STR_INIT("ASIAEXAMPLE"),
    .secret_access_key = STR_INIT("secret"),
    .session_token = STR_INIT("token"),
    .updated_ms = 1000,
    .expires_ms = 3601000,
};
static const struct instance_facts facts = {
    .instance_id = STR_INIT("i-0123456789abcdef0"),
    .image_id = STR_INIT("ami-1"),
    .instance_type = STR_INIT("t3.micro"),
    .architecture = STR_INIT("x86_64"),
    .account_id = STR_INIT("123456789012"),
    .region = STR_INIT("eu-west-1"),
    .availability_zone = STR_INIT("eu-west-1a"),
    .availability_zone_id = STR_INIT("euw1-az1"),
    .private_ip = STR_INIT("172.31.0.9"),
    .private_dns_name = STR_INIT("ip-172-31-0-9.eu-west-1.compute.internal"),
    .mac = STR_INIT("02:00:00:00:00:09"),
    .subnet_id = STR_INIT("subnet-1"),
    .group_names = groups,
    .group_ids = group_ids,
    .group_count = 2,
    .user_data = STR_INIT("#!/bin/sh\necho hello\n"),
    .role = &role,
    .tags = tags,
    .tag_count = 2,
};

static int start(void **state)
{
    const struct imds_options options = {.enabled = true, .tokens_required = true, .hop_limit = 1};
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    const struct imds_entry *entries;
    size_t count;
    struct arena arena;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    (void)state;
    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    port = ntohs(at.sin_port);
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    instance_entries(&facts, &arena, &entries, &count);
    assert_true(imds_start(fd, &options, &imds, &f));
    imds_set_entries(imds, entries, count);
    arena_free(&arena);
    return http_client_new(&client, &f) ? 0 : 1;
}

static int stop(void **state)
{
    (void)state;
    http_client_free(client);
    imds_stop(imds);
    return 0;
}

/* ---- asking ---- */

static uint16_t ask(const char *method, const char *path, const char *name, const char *value, char text[4096])
{
    struct http_header header = {str_of(name == NULL ? "X-Nothing" : name), str_of(value == NULL ? "x" : value)};
    char url[200];
    struct http_client_request request = {.method = method, .url = url, .headers = &header, .header_count = 1};
    auto_client_reply reply = {0};

    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", port, path);
    assert_true(http_fetch(client, &request, &reply, &f));
    (void)snprintf(text, 4096, "%.*s", STR_ARG(buf_str(&reply.body)));
    return reply.status;
}

static void token_of(const char *seconds, char token[4096])
{
    assert_int_equal(ask("PUT", "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", seconds, token), 200);
}

static void assert_says(const char *path, const char *expected)
{
    char token[4096];
    char text[4096];

    token_of("60", token);
    assert_int_equal(ask("GET", path, "X-aws-ec2-metadata-token", token, text), 200);
    assert_string_equal(text, expected);
}

/* ---- tests ---- */

static void what_there_is_can_be_read_with_a_token(void **state)
{
    (void)state;
    assert_says("/latest/meta-data/instance-id", "i-0123456789abcdef0");
    assert_says("/2021-07-15/meta-data/placement/region", "eu-west-1");
    assert_says("/latest/user-data", "#!/bin/sh\necho hello\n");
    assert_says("/latest/meta-data/network/interfaces/macs/02:00:00:00:00:09/security-group-ids", "sg-1\nsg-2");
    assert_says("/latest/meta-data/tags/instance/Name", "box");
}

static void directories_are_listed(void **state)
{
    (void)state;
    assert_says("/", "latest");
    assert_says("/latest/", "dynamic/\nmeta-data/\nuser-data");
    assert_says("/latest/meta-data/iam/", "info\nsecurity-credentials/");
    assert_says("/latest/meta-data/iam/security-credentials/", "ecsInstanceRole");
    assert_says("/latest/meta-data/iam/security-credentials", "ecsInstanceRole");
    assert_says("/latest/meta-data/tags/instance/", "Name");
    assert_says("/latest/meta-data/placement", "availability-zone\navailability-zone-id\nregion");
}

static void the_role_has_credentials(void **state)
{
    (void)state;
    assert_says("/latest/meta-data/iam/security-credentials/ecsInstanceRole",
                "{\n  \"Code\": \"Success\",\n  \"LastUpdated\": \"1970-01-01T00:00:01Z\",\n  \"Type\": \"AWS-HMAC\",\n"
                "  \"AccessKeyId\": \"ASIAEXAMPLE\",\n  \"SecretAccessKey\": \"secret\",\n  \"Token\": \"token\",\n"
                "  \"Expiration\": \"1970-01-01T01:00:01Z\"\n}");
}

static void without_a_token_nothing_is_said_unless_version_1_is_allowed(void **state)
{
    struct imds_options options = {.enabled = true, .tokens_required = true, .hop_limit = 1};
    char text[4096];

    (void)state;
    assert_int_equal(ask("GET", "/latest/meta-data/instance-id", NULL, NULL, text), 401);
    assert_int_equal(ask("GET", "/latest/meta-data/instance-id", "X-aws-ec2-metadata-token", "wrong", text), 401);
    options.tokens_required = false;
    imds_set_options(imds, &options);
    assert_int_equal(ask("GET", "/latest/meta-data/instance-id", NULL, NULL, text), 200);
    assert_string_equal(text, "i-0123456789abcdef0");
    assert_int_equal(ask("GET", "/latest/meta-data/instance-id", "X-aws-ec2-metadata-token", "wrong", text), 401);
    options.enabled = false;
    imds_set_options(imds, &options);
    assert_int_equal(ask("GET", "/latest/meta-data/instance-id", NULL, NULL, text), 403);
    assert_int_equal(ask("PUT", "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "60", text), 403);
}

static void a_token_is_not_anothers_and_cannot_be_changed(void **state)
{
    char token[4096];
    char text[4096];

    (void)state;
    token_of("21600", token);
    token[0] = token[0] == 'A' ? 'B' : 'A';
    assert_int_equal(ask("GET", "/latest/meta-data/", "X-aws-ec2-metadata-token", token, text), 401);
    token_of("60", token);
    assert_int_equal(stop(NULL), 0);
    assert_int_equal(start(NULL), 0); /* another instance */
    assert_int_equal(ask("GET", "/latest/meta-data/", "X-aws-ec2-metadata-token", token, text), 401);
}

static void wrong_requests_are_refused(void **state)
{
    static const char *const seconds[] = {"0", "21601", "-1", "soon", "1.5", "99999999999999999999"};
    char text[4096];
    char token[4096];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(seconds); i++)
        assert_int_equal(ask("PUT", "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", seconds[i], text),
                         400);
    assert_int_equal(ask("PUT", "/latest/api/token", NULL, NULL, text), 400);
    assert_int_equal(ask("PUT", "/latest/api/token", "X-Forwarded-For", "10.0.0.1", text), 403);
    assert_int_equal(ask("GET", "/latest/api/token", NULL, NULL, text), 405);
    assert_int_equal(ask("POST", "/latest/meta-data/", NULL, NULL, text), 405);
    token_of("60", token);
    assert_int_equal(ask("GET", "/latest/meta-data/nothing", "X-aws-ec2-metadata-token", token, text), 404);
    assert_int_equal(ask("GET", "/latest/meta-data/instance-id/more", "X-aws-ec2-metadata-token", token, text), 404);
    assert_int_equal(ask("GET", "/../etc/passwd", "X-aws-ec2-metadata-token", token, text), 404);
}

/* ---- how far a token goes ---- */

/* Whether the answer to a request arrives when packets must have so many hops left (IP_MINTTL), as behind routers. */
static bool arrives(const char *request, int hops_left)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    bool good;

    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_MINTTL, &hops_left, sizeof(hops_left)), 0);
    assert_int_equal(write(fd, request, strlen(request)), strlen(request));
    good = poll(&ready, 1, hops_left == 1 ? 3000 : 300) == 1;
    (void)close(fd);
    return good;
}

static void a_token_goes_as_far_as_the_hop_limit(void **state)
{
    static const char put[] = "PUT /latest/api/token HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"
                              "X-aws-ec2-metadata-token-ttl-seconds: 60\r\n\r\n";
    static const char get[] = "GET /latest/meta-data/ HTTP/1.1\r\nHost: x\r\n\r\n";
    const struct imds_options options = {.enabled = true, .hop_limit = 2};

    (void)state;
    assert_true(arrives(put, 1));
    assert_false(arrives(put, 2));
    imds_set_options(imds, &options);
    assert_true(arrives(put, 2));
    assert_false(arrives(put, 3));
    assert_true(arrives(get, 60)); /* the limit is a token's only */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_there_is_can_be_read_with_a_token),
        TEST(directories_are_listed),
        TEST(the_role_has_credentials),
        TEST(without_a_token_nothing_is_said_unless_version_1_is_allowed),
        TEST(a_token_is_not_anothers_and_cannot_be_changed),
        TEST(wrong_requests_are_refused),
        TEST(a_token_goes_as_far_as_the_hop_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
