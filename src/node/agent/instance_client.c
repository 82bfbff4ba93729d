#include "node/agent/instance_client.h"

#include "base/must.h"

#include <stdlib.h>

#define SERVICE "http://169.254.169.254/latest/"

enum { TIMEOUT_MS = 2000 };

struct instance_client {
    struct http_client *http;
};

bool instance_client_new(struct instance_client **ret_client, struct fail *f)
{
    struct instance_client *client = calloc(1, sizeof(*client));

    must(client != NULL);
    if (!http_client_new(&client->http, f)) {
        free(client);
        return false;
    }
    *ret_client = client;
    return true;
}

void instance_client_free(struct instance_client *client)
{
    if (client == NULL)
        return;
    http_client_free(client->http);
    free(client);
}

static bool fetch(struct instance_client *client, const struct http_client_request *request, struct arena *arena,
                  struct str *ret_text, struct fail *f)
{
    auto_client_reply reply = {0};

    if (!http_fetch(client->http, request, &reply, f))
        return false;
    if (reply.status == 404)
        return fail(f, FAIL_NOT_FOUND, "the instance has no %s", request->url);
    if (reply.status != 200)
        return fail(f, FAIL_DENIED, "the metadata service answers %u", reply.status);
    *ret_text = arena_str(arena, buf_str(&reply.body));
    return true;
}

bool instance_client_get(struct instance_client *client, const char *path, struct arena *arena, struct str *ret_text,
                         struct fail *f)
{
    struct http_header header = {STR("X-aws-ec2-metadata-token-ttl-seconds"), STR("60")};
    struct http_client_request request = {.method = "PUT",
                                          .url = SERVICE "api/token",
                                          .headers = &header,
                                          .header_count = 1,
                                          .body = STR(""),
                                          .connect_timeout_ms = TIMEOUT_MS,
                                          .total_timeout_ms = TIMEOUT_MS};
    struct str token;

    if (!fetch(client, &request, arena, &token, f))
        return false;
    header = (struct http_header){STR("X-aws-ec2-metadata-token"), token};
    request.method = "GET";
    request.body = (struct str){NULL, 0};
    request.url = arena_printf(arena, SERVICE "%s", path).ptr;
    return fetch(client, &request, arena, ret_text, f);
}
