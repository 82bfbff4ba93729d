/* `berth events`: what the bus of the running server carries, as it happens or as it is still kept. */
#include "base/buf.h"
#include "main/installation.h"
#include "main/verbs.h"
#include "os/http_client.h"

enum { FOREVER_MS = 2000000000 }; /* without an event: 23 days */

struct events_options {
    const char *detail_type, *cluster;
    bool follow, json;
};

struct view {
    const struct events_options *options;
    struct buf rest; /* of a message that is not all there */
};

/* ---- one event ---- */

static const char *text(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));

    return value == NULL ? "" : value;
}

/* The last part of an ARN. */
static const char *last_part(const char *arn)
{
    const char *slash = strrchr(arn, '/');

    return slash == NULL ? arn : slash + 1;
}

static bool is_wanted(const struct events_options *options, const json_t *event)
{
    const char *cluster = text(json_object_get(event, "detail"), "clusterArn");

    if (options->detail_type != NULL && strcmp(options->detail_type, text(event, "detail-type")) != 0)
        return false;
    return options->cluster == NULL || strcmp(options->cluster, cluster) == 0 ||
           strcmp(options->cluster, last_part(cluster)) == 0;
}

static void print_line(const json_t *event)
{
    const json_t *detail = json_object_get(event, "detail");
    const char *resource = json_string_value(json_array_get(json_object_get(event, "resources"), 0));
    const char *status = text(detail, "lastStatus");
    const char *wish = text(detail, "desiredStatus");

    (void)printf("%s  %-28s  %s", text(event, "time"), text(event, "detail-type"), resource == NULL ? "" : resource);
    if (status[0] != '\0')
        (void)printf("  %s", status);
    if (wish[0] != '\0' && strcmp(wish, status) != 0)
        (void)printf(" -> %s", wish);
    if (text(detail, "eventName")[0] != '\0')
        (void)printf("  %s", text(detail, "eventName"));
    if (text(detail, "stoppedReason")[0] != '\0')
        (void)printf("  (%s)", text(detail, "stoppedReason"));
    (void)putchar('\n');
}

static void show(const struct view *view, struct str data)
{
    json_error_t error;
    json_t *event = json_loadb(data.ptr, data.len, 0, &error);

    if (event != NULL && is_wanted(view->options, event)) {
        if (view->options->json)
            (void)printf("%.*s\n", STR_ARG(data));
        else
            print_line(event);
    }
    json_decref(event);
}

/* ---- the stream ---- */

/* Server-sent events: of each line only the data says something here. */
static bool take(void *context, struct str bytes)
{
    struct view *view = context;
    size_t end;

    buf_add(&view->rest, bytes);
    while (end = str_find(buf_str(&view->rest), '\n'), end < view->rest.len) {
        struct str line = str_to(buf_str(&view->rest), end);

        if (str_starts(line, STR("data: ")))
            show(view, str_from(line, strlen("data: ")));
        buf_consume(&view->rest, end + 1);
    }
    return fflush(stdout) == 0 && !view->rest.overflowed;
}

static bool read_events(const struct installation *in, struct view *view, struct fail *f)
{
    auto_client_reply reply = {0};
    char url[512];
    char bearer[96];
    struct http_header header = {.name = STR("Authorization")};
    struct http_client_request request = {.url = url,
                                          .headers = &header,
                                          .header_count = 1,
                                          .sink = take,
                                          .sink_context = view,
                                          .connect_timeout_ms = 2000,
                                          .stall_timeout_ms = FOREVER_MS};
    struct http_client *client;
    bool good;

    (void)snprintf(url, sizeof(url), "http://%s/_berth/events%s", in->listen, view->options->follow ? "?follow=1" : "");
    (void)snprintf(bearer, sizeof(bearer), "Bearer %s", in->dir.token);
    header.value = str_of(bearer);
    if (!http_client_new(&client, f))
        return false;
    good = http_fetch(client, &request, &reply, f);
    http_client_free(client);
    if (good && reply.status != 200)
        return fail(f, FAIL_DENIED, "http://%s answers %u: it is not the server of %s", in->listen, reply.status,
                    in->data);
    return good;
}

int verb_events(const struct verb *verb, int argc, char **argv)
{
    auto_installation in = {.data = DATA_DIR_DEFAULT};
    struct events_options options = {.follow = false};
    const struct option_spec rows[] = {
        {"listen", OPTION_TEXT, "ADDRESS:PORT", "where the server answers (as `berth up` was told)", &in.listen},
        {"data", OPTION_TEXT, "DIR", "the installation's directory (" DATA_DIR_DEFAULT ")", &in.data},
        {"follow", OPTION_FLAG, NULL, "go on with what comes, until interrupted", &options.follow},
        {"detail-type", OPTION_TEXT, "TEXT", "only these: 'ECS Task State Change'", &options.detail_type},
        {"cluster", OPTION_TEXT, "NAME", "only of this cluster, by name or ARN", &options.cluster},
        {"json", OPTION_FLAG, NULL, "print the events, a line each", &options.json},
        {0},
    };
    struct view view = {.options = &options, .rest = {.limit = (size_t)4 << 20}};
    struct fail f;
    int first;
    int status;
    bool good;

    if (!options_parse(verb, rows, argc, argv, &first, &status))
        return status;
    good = installation_open(&in, &f) && read_events(&in, &view, &f);
    buf_free(&view.rest);
    return good ? EXIT_OK : verb_failed(verb, &f);
}
