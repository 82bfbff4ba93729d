/* The registry at its interface: exchanges without a server, records in memory, blobs on disk. */
#include "edge/registry/registry.h"

#include "base/must.h"
#include "edge/registry/testing/exchange.h"
#include "edge/registry/testing/memory_metadata.h"
#include "os/blob_upload.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define ACCOUNT     "000000000000"
#define CREDENTIALS "Authorization: Basic QVdTOnNlc2FtZQ==" /* AWS:sesame */

/* One blob store for all: a blob that another test left behind must not be seen by this one. */
static char directory[] = "/tmp/berth-registry-XXXXXX";
static struct blob_store *blobs;

struct world {
    struct memory_metadata *metadata;
    struct registry *registry;
};

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

static int open_blobs(void **state)
{
    struct fail f;

    (void)state;
    assert_non_null(mkdtemp(directory));
    assert_true(blob_store_open(directory, &blobs, &f));
    return 0;
}

static int close_blobs(void **state)
{
    (void)state;
    blob_store_close(blobs);
    return nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* How many sessions were left behind, and ends them: all are old enough for the future. */
static size_t sessions_left(void)
{
    return blob_upload_expire(blobs, -10000);
}

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    struct registry_options options = {
        .blobs = blobs, .fallback = {STR(ACCOUNT), STR("us-east-1")}, .blob_bytes_max = 1 << 20};
    struct fail f;

    assert_non_null(world);
    world->metadata = memory_metadata_start("sesame");
    memory_metadata_add(world->metadata, ACCOUNT, "us-east-1", "app", false);
    memory_metadata_add(world->metadata, ACCOUNT, "us-east-1", "team/other", false);
    memory_metadata_add(world->metadata, ACCOUNT, "us-east-1", "fixed", true);
    memory_metadata_add(world->metadata, "111122223333", "eu-west-1", "app", false);
    options.metadata = memory_metadata_port(world->metadata);
    assert_true(registry_start(&options, &world->registry, &f));
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    registry_stop(world->registry);
    memory_metadata_stop(world->metadata);
    (void)sessions_left();
    free(world);
    return 0;
}

/* --- asking ----------------------------------------------------------------------------------------------------- */

static struct kept_reply ask(struct world *world, const char *method, const char *target, const char *header,
                             struct str body)
{
    return exchange_run(world->registry, &(struct asked){.method = method,
                                                         .target = target,
                                                         .headers = {"Host: 127.0.0.1:4566", CREDENTIALS, header},
                                                         .body = body});
}

static void free_reply_at(struct kept_reply *reply)
{
    kept_reply_free(reply);
}
#define auto_reply __attribute__((cleanup(free_reply_at))) struct kept_reply

static const struct str nothing;

/* Asks, checks the status, drops the rest. */
static void expect(struct world *world, unsigned status, const char *method, const char *target, struct str body)
{
    auto_reply reply = ask(world, method, target, NULL, body);

    if (reply.status != status)
        fail_msg("%s %s: %u %.*s", method, target, reply.status, STR_ARG(reply.body));
}

/* The failure's status and code. */
static void expect_code(struct kept_reply *reply, unsigned status, const char *code)
{
    char start[128];

    (void)snprintf(start, sizeof(start), "{\"errors\":[{\"code\":\"%s\",\"message\":\"", code);
    if (reply->status != status || !str_starts(reply->body, str_of(start)))
        fail_msg("%u %.*s instead of %u %s", reply->status, STR_ARG(reply->body), status, code);
    assert_true(str_is(kept_reply_header(reply, "Content-Type"), "application/json"));
}

static void expect_failure(struct world *world, unsigned status, const char *code, const char *method,
                           const char *target, struct str body)
{
    auto_reply reply = ask(world, method, target, NULL, body);

    expect_code(&reply, status, code);
}

static void expect_header(const struct kept_reply *reply, const char *name, const char *value)
{
    struct str actual = kept_reply_header(reply, name);

    if (!str_eq(actual, str_of(value)))
        fail_msg("%s is '%.*s', not '%s'", name, STR_ARG(actual), value == NULL ? "absent" : value);
}

/* Pushes a blob in one POST; digest has room for its name. */
static void push_blob(struct world *world, const char *repository, const char *text, char digest[BLOB_DIGEST_LEN + 1])
{
    char target[300];

    blob_digest(str_of(text), digest);
    (void)snprintf(target, sizeof(target), "/v2/%s/blobs/uploads/?digest=%s", repository, digest);
    expect(world, 201, "POST", target, str_of(text));
}

/* Begins an upload; location has room for where. */
static void begin_upload(struct world *world, const char *repository, char location[256])
{
    char target[128];

    (void)snprintf(target, sizeof(target), "/v2/%s/blobs/uploads/", repository);
    auto_reply reply = ask(world, "POST", target, NULL, nothing);
    assert_int_equal(reply.status, 202);
    expect_header(&reply, "Range", "0-0");
    assert_true(str_to_buffer(kept_reply_header(&reply, "Location"), location, 256));
}

#define MANIFEST_ROOM 2000

/* An image of one config and one layer, with more members if wanted; returns its text in `room`. */
static struct str image_text(const char *config, const char *layer, const char *more, char room[MANIFEST_ROOM])
{
    (void)snprintf(room, MANIFEST_ROOM,
                   "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_TYPE_OCI_MANIFEST
                   "\",\"config\":{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"digest\":\"%s\","
                   "\"size\":1},\"layers\":[{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\","
                   "\"digest\":\"%s\",\"size\":2}]%s}",
                   config, layer, more);
    return str_of(room);
}

/* Pushes config, layer and manifest under a reference; digest has room for the manifest's. */
static void push_image(struct world *world, const char *repository, const char *reference, const char *content,
                       const char *more, char digest[BLOB_DIGEST_LEN + 1])
{
    char config[BLOB_DIGEST_LEN + 1];
    char layer[BLOB_DIGEST_LEN + 1];
    char room[MANIFEST_ROOM];
    char target[300];
    struct str text;

    push_blob(world, repository, "{}", config);
    push_blob(world, repository, content, layer);
    text = image_text(config, layer, more, room);
    blob_digest(text, digest);
    (void)snprintf(target, sizeof(target), "/v2/%s/manifests/%s", repository, reference == NULL ? digest : reference);
    expect(world, 201, "PUT", target, text);
}

/* --- who and where ---------------------------------------------------------------------------------------------- */

static struct kept_reply ask_as(struct world *world, const char *authorization)
{
    return exchange_run(
        world->registry,
        &(struct asked){.method = "GET", .target = "/v2/", .headers = {"Host: registry.example:1", authorization}});
}

static void strangers_are_challenged(void **state)
{
    auto_reply nobody = ask_as(*state, NULL);
    auto_reply wrong = ask_as(*state, "Authorization: Basic QVdTOndyb25n");
    auto_reply expired = ask_as(*state, "Authorization: Basic QVdTOmV4cGlyZWQ=");
    auto_reply right = ask_as(*state, CREDENTIALS);

    expect_code(&nobody, 401, "UNAUTHORIZED");
    expect_header(&nobody, "WWW-Authenticate",
                  "Basic realm=\"http://registry.example:1/\",service=\"ecr.amazonaws.com\"");
    expect_header(&nobody, "Docker-Distribution-Api-Version", "registry/2.0");
    expect_code(&wrong, 401, "UNAUTHORIZED");
    expect_code(&expired, 403, "DENIED");
    assert_int_equal(right.status, 200);
    expect_header(&right, "Docker-Distribution-Api-Version", "registry/2.0");
}

static void a_strangers_bytes_are_never_stored(void **state)
{
    struct world *world = *state;
    auto_reply reply = exchange_run(
        world->registry, &(struct asked){.method = "POST", .target = "/v2/app/blobs/uploads/", .body = STR("spam")});

    expect_code(&reply, 401, "UNAUTHORIZED");
    assert_int_equal(sessions_left(), 0);
}

static void what_is_denied_says_why(void **state)
{
    struct world *world = *state;

    memory_metadata_deny(world->metadata, "ecr:InitiateLayerUpload");
    expect_failure(world, 403, "DENIED", "POST", "/v2/app/blobs/uploads/", nothing);
    expect(world, 200, "GET", "/v2/app/tags/list", nothing);
}

static void repositories_are_not_made_by_pushing(void **state)
{
    auto_reply reply = ask(*state, "POST", "/v2/none/blobs/uploads/", NULL, nothing);

    expect_code(&reply, 404, "NAME_UNKNOWN");
    assert_true(str_search(reply.body, STR("The repository with name 'none' does not exist in the registry with id "
                                           "'000000000000'")) < reply.body.len);
}

static void bad_paths_are_refused(void **state)
{
    struct world *world = *state;
    static const struct {
        unsigned status;
        const char *code;
        const char *method;
        const char *target;
    } rows[] = {
        {404, "UNSUPPORTED", "GET", "/v2/app"},
        {404, "UNSUPPORTED", "GET", "/v2/app/blobs/%zz"},
        {400, "NAME_INVALID", "GET", "/v2/../../etc/tags/list"},
        {400, "NAME_INVALID", "GET", "/v2/App/tags/list"},
        {400, "NAME_INVALID", "POST", "/v2/%2e%2e/blobs/uploads/"},
        {404, "UNSUPPORTED", "GET", "/v2/app/blobs/sha256:..%2f..%2fetc%2fpasswd"},
        {400, "DIGEST_INVALID", "GET", "/v2/app/blobs/.."},
        {400, "DIGEST_INVALID", "GET", "/v2/app/manifests/sha512:00"},
        {400, "TAG_INVALID", "GET", "/v2/app/manifests/.hidden"},
        {405, "UNSUPPORTED", "POST", "/v2/app/tags/list"},
        {404, "BLOB_UNKNOWN", "DELETE",
         "/v2/app/blobs/sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        expect_failure(world, rows[i].status, rows[i].code, rows[i].method, rows[i].target, nothing);
}

static void a_wrong_method_names_the_right_ones(void **state)
{
    auto_reply reply = ask(*state, "PATCH", "/v2/app/manifests/x", NULL, nothing);

    assert_int_equal(reply.status, 405);
    expect_header(&reply, "Allow", "GET, PUT, DELETE");
}

static void registries_share_the_port(void **state)
{
    struct world *world = *state;
    char digest[BLOB_DIGEST_LEN + 1];
    char target[300];
    auto_reply by_host = exchange_run(
        world->registry, &(struct asked){.method = "GET",
                                         .target = "/v2/_catalog",
                                         .headers = {"Host: 111122223333.dkr.ecr.eu-west-1.localhost", CREDENTIALS}});

    assert_true(str_is(by_host.body, "{\"repositories\":[\"app\"]}"));
    push_blob(world, "111122223333.dkr.ecr.eu-west-1/app", "elsewhere", digest);
    (void)snprintf(target, sizeof(target), "/v2/111122223333.dkr.ecr.eu-west-1/app/blobs/%s", digest);
    expect(world, 200, "GET", target, nothing);
    (void)snprintf(target, sizeof(target), "/v2/app/blobs/%s", digest);
    expect_failure(world, 404, "BLOB_UNKNOWN", "GET", target, nothing);
}

/* --- blobs ------------------------------------------------------------------------------------------------------ */

static void a_blob_is_pushed_in_chunks(void **state)
{
    struct world *world = *state;
    char location[256];
    char target[400];
    char digest[BLOB_DIGEST_LEN + 1];

    blob_digest(STR("hello world"), digest);
    begin_upload(world, "app", location);
    {
        auto_reply reply = ask(world, "PATCH", location, "Content-Range: 0-5", STR("hello "));

        assert_int_equal(reply.status, 202);
        expect_header(&reply, "Range", "0-5");
        expect_header(&reply, "Location", location);
    }
    (void)snprintf(target, sizeof(target), "%s?digest=%s", location, digest);
    {
        auto_reply reply = ask(world, "PUT", target, "Content-Range: 6-10", STR("world"));

        assert_int_equal(reply.status, 201);
        expect_header(&reply, "Docker-Content-Digest", digest);
        (void)snprintf(target, sizeof(target), "/v2/app/blobs/%s", digest);
        expect_header(&reply, "Location", target);
    }
    auto_reply reply = ask(world, "GET", target, NULL, nothing);
    assert_int_equal(reply.status, 200);
    assert_true(str_is(reply.body, "hello world"));
    expect_header(&reply, "Docker-Content-Digest", digest);
    expect_header(&reply, "Content-Type", "application/octet-stream");
    expect(world, 200, "HEAD", target, nothing);
    expect_failure(world, 404, "BLOB_UPLOAD_UNKNOWN", "GET", location, nothing);
}

static void a_chunk_out_of_order_is_told_where_to_go_on(void **state)
{
    struct world *world = *state;
    char location[256];

    begin_upload(world, "app", location);
    expect(world, 202, "PATCH", location, STR("0123456789"));
    {
        auto_reply reply = ask(world, "PATCH", location, "Content-Range: 20-22", STR("xyz"));

        expect_code(&reply, 416, "BLOB_UPLOAD_INVALID");
        expect_header(&reply, "Range", "0-9");
        expect_header(&reply, "Location", location);
    }
    {
        auto_reply reply = ask(world, "PATCH", location, "Content-Range: 9-7", STR("xyz"));

        expect_code(&reply, 400, "SIZE_INVALID");
    }
    auto_reply reply = ask(world, "GET", location, NULL, nothing);
    assert_int_equal(reply.status, 204);
    expect_header(&reply, "Range", "0-9");
}

static void a_push_that_is_cut_off_can_be_resumed(void **state)
{
    struct world *world = *state;
    char location[256];
    char target[400];
    char digest[BLOB_DIGEST_LEN + 1];

    blob_digest(STR("first second"), digest);
    begin_upload(world, "app", location);
    {
        auto_reply reply = exchange_run(world->registry, &(struct asked){.method = "PATCH",
                                                                         .target = location,
                                                                         .headers = {CREDENTIALS},
                                                                         .body = STR("first "),
                                                                         .piece_bytes = 4,
                                                                         .cut = true});

        assert_int_equal(reply.status, 0);
    }
    auto_reply status = ask(world, "GET", location, NULL, nothing);
    expect_header(&status, "Range", "0-5");
    (void)snprintf(target, sizeof(target), "/v2/app/blobs/%s", digest);
    expect_failure(world, 404, "BLOB_UNKNOWN", "HEAD", target, nothing);
    (void)snprintf(target, sizeof(target), "%s?digest=%s", location, digest);
    expect(world, 201, "PUT", target, STR("second"));
}

static void a_whole_push_that_is_cut_off_leaves_nothing(void **state)
{
    struct world *world = *state;
    auto_reply reply = exchange_run(
        world->registry,
        &(struct asked){.method = "POST",
                        .target = "/v2/app/blobs/uploads/"
                                  "?digest=sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9",
                        .headers = {CREDENTIALS},
                        .body = STR("hello"),
                        .cut = true});

    assert_int_equal(reply.status, 0);
    assert_int_equal(sessions_left(), 0);
}

static void wrong_bytes_are_not_stored(void **state)
{
    struct world *world = *state;
    static const char *const target = "/v2/app/blobs/uploads/"
                                      "?digest=sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";
    char location[256];
    char put[400];

    expect_failure(world, 400, "DIGEST_INVALID", "POST", target, STR("hello worlds"));
    expect_failure(world, 400, "DIGEST_INVALID", "POST", "/v2/app/blobs/uploads/?digest=md5:00", STR("hello"));
    begin_upload(world, "app", location);
    (void)snprintf(put, sizeof(put), "%s?digest=", location);
    expect_failure(world, 400, "DIGEST_INVALID", "PUT", put, STR("hello"));
    expect_failure(world, 400, "DIGEST_INVALID", "PUT", location, STR("hello"));
    expect_failure(world, 404, "BLOB_UNKNOWN", "GET",
                   "/v2/app/blobs/sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9", nothing);
}

static void a_blob_has_a_largest_size(void **state)
{
    struct world *world = *state;
    auto_free char *large = calloc(1, (1 << 20) + 1);
    char location[256];

    assert_non_null(large);
    begin_upload(world, "app", location);
    expect(world, 202, "PATCH", location, (struct str){large, 1 << 20});
    expect_failure(world, 413, "SIZE_INVALID", "PATCH", location, STR("x"));
    expect_failure(world, 404, "BLOB_UPLOAD_UNKNOWN", "GET", location, nothing);
}

static void an_upload_is_given_up(void **state)
{
    struct world *world = *state;
    char location[256];
    char other[256];

    begin_upload(world, "app", location);
    expect(world, 202, "PATCH", location, STR("x"));
    (void)snprintf(other, sizeof(other), "/v2/team/other/%s", strstr(location, "blobs/"));
    expect_failure(world, 404, "BLOB_UPLOAD_UNKNOWN", "PATCH", other, STR("x"));
    expect(world, 204, "DELETE", location, nothing);
    expect_failure(world, 404, "BLOB_UPLOAD_UNKNOWN", "PATCH", location, STR("x"));
    expect_failure(world, 404, "BLOB_UPLOAD_UNKNOWN", "PATCH", "/v2/app/blobs/uploads/not-an-id", STR("x"));
}

static void ranges_of_a_blob(void **state)
{
    static const struct {
        const char *range;
        unsigned status;
        const char *body;
        const char *content_range;
    } rows[] = {
        {"Range: bytes=0-3", 206, "0123", "bytes 0-3/10"}, {"Range: bytes=4-", 206, "456789", "bytes 4-9/10"},
        {"Range: bytes=-3", 206, "789", "bytes 7-9/10"},   {"Range: bytes=-30", 206, "0123456789", "bytes 0-9/10"},
        {"Range: bytes=8-100", 206, "89", "bytes 8-9/10"}, {"Range: bytes=0-1,3-4", 200, "0123456789", NULL},
        {"Range: bytes=5-2", 200, "0123456789", NULL},     {"Range: bytes=-", 200, "0123456789", NULL},
        {"Range: lines=1-2", 200, "0123456789", NULL},     {"Range: bytes=10-", 416, NULL, "bytes */10"},
        {"Range: bytes=-0", 416, NULL, "bytes */10"},
    };
    struct world *world = *state;
    char digest[BLOB_DIGEST_LEN + 1];
    char target[300];

    push_blob(world, "app", "0123456789", digest);
    (void)snprintf(target, sizeof(target), "/v2/app/blobs/%s", digest);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        auto_reply reply = ask(world, "GET", target, rows[i].range, nothing);

        assert_int_equal(reply.status, rows[i].status);
        expect_header(&reply, "Content-Range", rows[i].content_range);
        if (rows[i].body != NULL)
            assert_true(str_is(reply.body, rows[i].body));
    }
}

static void a_blob_is_mounted_from_where_it_is(void **state)
{
    struct world *world = *state;
    char digest[BLOB_DIGEST_LEN + 1];
    char target[400];
    char blob[300];

    push_blob(world, "team/other", "shared", digest);
    (void)snprintf(blob, sizeof(blob), "/v2/app/blobs/%s", digest);
    expect_failure(world, 404, "BLOB_UNKNOWN", "GET", blob, nothing);
    (void)snprintf(target, sizeof(target), "/v2/app/blobs/uploads/?mount=%s&from=fixed", digest);
    expect(world, 202, "POST", target, nothing);
    (void)snprintf(target, sizeof(target), "/v2/app/blobs/uploads/?mount=%s&from=team%%2Fother", digest);
    {
        auto_reply reply = ask(world, "POST", target, NULL, nothing);

        assert_int_equal(reply.status, 201);
        expect_header(&reply, "Location", blob);
        expect_header(&reply, "Docker-Content-Digest", digest);
    }
    expect(world, 200, "GET", blob, nothing);
}

/* --- manifests -------------------------------------------------------------------------------------------------- */

static void an_image_is_pulled_by_tag_and_digest(void **state)
{
    struct world *world = *state;
    char digest[BLOB_DIGEST_LEN + 1];
    char target[300];

    push_image(world, "app", "v1", "layer", "", digest);
    (void)snprintf(target, sizeof(target), "/v2/app/manifests/%s", digest);
    {
        auto_reply reply =
            ask(world, "GET", "/v2/app/manifests/v1", "Accept: application/json, " MEDIA_TYPE_OCI_MANIFEST, nothing);
        char actual[BLOB_DIGEST_LEN + 1];

        assert_int_equal(reply.status, 200);
        expect_header(&reply, "Content-Type", MEDIA_TYPE_OCI_MANIFEST);
        expect_header(&reply, "Docker-Content-Digest", digest);
        blob_digest(reply.body, actual);
        assert_string_equal(actual, digest);
    }
    expect(world, 200, "HEAD", target, nothing);
    expect_failure(world, 404, "MANIFEST_UNKNOWN", "GET", "/v2/app/manifests/v2", nothing);
    {
        auto_reply reply = ask(world, "GET", "/v2/app/manifests/v1", "Accept: " MEDIA_TYPE_DOCKER_MANIFEST, nothing);

        expect_code(&reply, 404, "MANIFEST_UNKNOWN");
    }
    auto_reply reply = ask(world, "GET", target, "Accept: " MEDIA_TYPE_DOCKER_MANIFEST, nothing);
    assert_int_equal(reply.status, 200);
}

static void a_manifest_needs_its_blobs(void **state)
{
    struct world *world = *state;
    char config[BLOB_DIGEST_LEN + 1];
    char layer[BLOB_DIGEST_LEN + 1];
    char room[MANIFEST_ROOM];

    push_blob(world, "app", "{}", config);
    push_blob(world, "team/other", "elsewhere", layer);
    expect_failure(world, 404, "MANIFEST_BLOB_UNKNOWN", "PUT", "/v2/app/manifests/v1",
                   image_text(config, layer, "", room));
    expect_failure(world, 404, "MANIFEST_UNKNOWN", "GET", "/v2/app/manifests/v1", nothing);
}

static void manifests_are_checked(void **state)
{
    struct world *world = *state;

    expect_failure(world, 400, "MANIFEST_INVALID", "PUT", "/v2/app/manifests/v1", STR("{"));
    expect_failure(world, 400, "TAG_INVALID", "PUT", "/v2/app/manifests/-v1", STR("{}"));
    expect_failure(world, 400, "DIGEST_INVALID", "PUT",
                   "/v2/app/manifests/sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                   STR("{}"));
    auto_reply reply =
        ask(world, "PUT", "/v2/app/manifests/v1", "Content-Type: " MEDIA_TYPE_OCI_INDEX "; charset=utf-8",
            STR("{\"schemaVersion\":2,\"manifests\":[]}"));
    assert_int_equal(reply.status, 201);
}

static void an_immutable_tag_stays(void **state)
{
    struct world *world = *state;
    char digest[BLOB_DIGEST_LEN + 1];
    char config[BLOB_DIGEST_LEN + 1];
    char layer[BLOB_DIGEST_LEN + 1];
    char room[MANIFEST_ROOM];

    push_image(world, "fixed", "v1", "one", "", digest);
    push_image(world, "fixed", "v1", "one", "", digest);
    push_blob(world, "fixed", "{}", config);
    push_blob(world, "fixed", "two", layer);
    auto_reply reply = ask(world, "PUT", "/v2/fixed/manifests/v1", NULL, image_text(config, layer, "", room));
    expect_code(&reply, 400, "TAG_INVALID");
    assert_true(str_search(reply.body, STR("The image tag 'v1' already exists in the 'fixed' repository and cannot be "
                                           "overwritten because the tag is immutable.")) < reply.body.len);
}

static void images_are_deleted_by_digest_and_by_tag(void **state)
{
    struct world *world = *state;
    char digest[BLOB_DIGEST_LEN + 1];
    char target[300];

    push_image(world, "app", "v1", "layer", "", digest);
    push_image(world, "app", "v2", "layer", "", digest);
    (void)snprintf(target, sizeof(target), "/v2/app/manifests/%s", digest);
    expect(world, 202, "DELETE", "/v2/app/manifests/v1", nothing);
    expect(world, 404, "GET", "/v2/app/manifests/v1", nothing);
    expect(world, 200, "GET", "/v2/app/manifests/v2", nothing);
    expect(world, 202, "DELETE", target, nothing);
    expect(world, 404, "GET", "/v2/app/manifests/v2", nothing);
    expect_failure(world, 404, "MANIFEST_UNKNOWN", "DELETE", target, nothing);
}

/* --- lists ------------------------------------------------------------------------------------------------------ */

static void tags_come_in_pages(void **state)
{
    struct world *world = *state;
    static const char *const tags[] = {"c", "a", "b"};
    char digest[BLOB_DIGEST_LEN + 1];

    for (size_t i = 0; i < COUNT_OF(tags); i++)
        push_image(world, "app", tags[i], "layer", "", digest);
    auto_reply all = ask(world, "GET", "/v2/app/tags/list", NULL, nothing);
    auto_reply first = ask(world, "GET", "/v2/app/tags/list?n=2", NULL, nothing);
    auto_reply second = ask(world, "GET", "/v2/app/tags/list?last=b&n=2", NULL, nothing);
    auto_reply none = ask(world, "GET", "/v2/app/tags/list?n=0", NULL, nothing);
    assert_true(str_is(all.body, "{\"name\":\"app\",\"tags\":[\"a\",\"b\",\"c\"]}"));
    expect_header(&all, "Link", NULL);
    assert_true(str_is(first.body, "{\"name\":\"app\",\"tags\":[\"a\",\"b\"]}"));
    expect_header(&first, "Link", "</v2/app/tags/list?last=b&n=2>; rel=\"next\"");
    assert_true(str_is(second.body, "{\"name\":\"app\",\"tags\":[\"c\"]}"));
    expect_header(&second, "Link", NULL);
    assert_true(str_is(none.body, "{\"name\":\"app\",\"tags\":[]}"));
    expect_header(&none, "Link", NULL);
}

static void the_catalog_is_ecrs(void **state)
{
    struct world *world = *state;
    auto_reply first = ask(world, "GET", "/v2/_catalog?n=2", NULL, nothing);

    assert_true(str_is(first.body, "{\"repositories\":[\"app\",\"fixed\"]}"));
    expect_header(&first, "Link", "</v2/_catalog?last=fixed&n=2>; rel=\"next\"");
    auto_reply large = ask(world, "GET", "/v2/_catalog?n=10000", NULL, nothing);
    expect_code(&large, 405, "UNSUPPORTED");
    assert_true(
        str_search(large.body, STR("Invalid parameter at 'maxResults' failed to satisfy constraint: 'Member must "
                                   "have value less than or equal to 1000'")) < large.body.len);
}

static void referrers_are_listed_and_filtered(void **state)
{
    struct world *world = *state;
    char subject[BLOB_DIGEST_LEN + 1];
    char signature[BLOB_DIGEST_LEN + 1];
    char bill[BLOB_DIGEST_LEN + 1];
    char more[600];
    char target[300];
    static const char *const form =
        ",\"subject\":{\"mediaType\":\"" MEDIA_TYPE_OCI_MANIFEST
        "\",\"digest\":\"%s\",\"size\":3},\"artifactType\":\"%s\",\"annotations\":{\"k\":\"v\"}";

    push_image(world, "app", "v1", "layer", "", subject);
    (void)snprintf(more, sizeof(more), form, subject, "application/signature");
    push_image(world, "app", NULL, "signature", more, signature);
    (void)snprintf(more, sizeof(more), form, subject, "application/spdx+json");
    push_image(world, "app", NULL, "bill", more, bill);

    (void)snprintf(target, sizeof(target), "/v2/app/referrers/%s", subject);
    auto_reply both = ask(world, "GET", target, NULL, nothing);
    assert_int_equal(both.status, 200);
    expect_header(&both, "Content-Type", MEDIA_TYPE_OCI_INDEX);
    expect_header(&both, "OCI-Filters-Applied", NULL);
    assert_true(str_search(both.body, str_of(signature)) < both.body.len);
    assert_true(str_search(both.body, str_of(bill)) < both.body.len);

    (void)snprintf(target, sizeof(target), "/v2/app/referrers/%s?artifactType=application%%2Fspdx+json", subject);
    auto_reply one = ask(world, "GET", target, NULL, nothing);
    expect_header(&one, "OCI-Filters-Applied", "artifactType");
    assert_int_equal(str_search(one.body, str_of(signature)), one.body.len);
    assert_true(str_search(one.body, str_of(bill)) < one.body.len);
    assert_true(str_search(one.body, STR("\"annotations\":{\"k\":\"v\"}")) < one.body.len);

    (void)snprintf(target, sizeof(target), "/v2/app/referrers/%s", bill);
    auto_reply none = ask(world, "GET", target, NULL, nothing);
    assert_true(str_is(none.body, "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_TYPE_OCI_INDEX "\",\"manifests\":[]}"));
    expect_failure(world, 400, "DIGEST_INVALID", "GET", "/v2/app/referrers/v1", nothing);
}

static void a_subject_is_acknowledged(void **state)
{
    struct world *world = *state;
    char config[BLOB_DIGEST_LEN + 1];
    char room[MANIFEST_ROOM];
    static const char *const subject = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    char more[300];

    push_blob(world, "app", "{}", config);
    (void)snprintf(more, sizeof(more),
                   ",\"subject\":{\"mediaType\":\"" MEDIA_TYPE_OCI_MANIFEST "\",\"digest\":\"%s\",\"size\":3}",
                   subject);
    auto_reply reply = ask(world, "PUT", "/v2/app/manifests/x", NULL, image_text(config, config, more, room));
    assert_int_equal(reply.status, 201);
    expect_header(&reply, "OCI-Subject", subject);
}

#define world_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(strangers_are_challenged),
        world_test(a_strangers_bytes_are_never_stored),
        world_test(what_is_denied_says_why),
        world_test(repositories_are_not_made_by_pushing),
        world_test(bad_paths_are_refused),
        world_test(a_wrong_method_names_the_right_ones),
        world_test(registries_share_the_port),
        world_test(a_blob_is_pushed_in_chunks),
        world_test(a_chunk_out_of_order_is_told_where_to_go_on),
        world_test(a_push_that_is_cut_off_can_be_resumed),
        world_test(a_whole_push_that_is_cut_off_leaves_nothing),
        world_test(wrong_bytes_are_not_stored),
        world_test(a_blob_has_a_largest_size),
        world_test(an_upload_is_given_up),
        world_test(ranges_of_a_blob),
        world_test(a_blob_is_mounted_from_where_it_is),
        world_test(an_image_is_pulled_by_tag_and_digest),
        world_test(a_manifest_needs_its_blobs),
        world_test(manifests_are_checked),
        world_test(an_immutable_tag_stays),
        world_test(images_are_deleted_by_digest_and_by_tag),
        world_test(tags_come_in_pages),
        world_test(the_catalog_is_ecrs),
        world_test(referrers_are_listed_and_filtered),
        world_test(a_subject_is_acknowledged),
    };

    return cmocka_run_group_tests(tests, open_blobs, close_blobs);
}
