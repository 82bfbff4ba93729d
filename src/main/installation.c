#include "main/installation.h"

#include "os/http_client.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

void installation_free(struct installation *in)
{
    arena_free(&in->arena);
}

bool installation_make(struct installation *in, struct fail *f)
{
    struct str kept;
    struct fail ignored;
    char *absolute;

    arena_init(&in->arena, (size_t)4 << 20);
    if (!data_dir_open(in->data, &in->dir, f))
        return false;
    absolute = realpath(in->data, NULL); /* the daemons live elsewhere */
    if (absolute == NULL)
        return fail(f, FAIL_SYSTEM, "%s: %s", in->data, strerror(errno));
    in->data = in->dir.path = arena_cstr(&in->arena, str_of(absolute));
    free(absolute);
    if (in->listen == NULL && data_dir_read(&in->dir, "listen", &in->arena, &kept, &ignored))
        in->listen = arena_cstr(&in->arena, str_trim(kept));
    if (in->listen == NULL)
        in->listen = "127.0.0.1:4566";
    return true;
}

bool installation_open(struct installation *in, struct fail *f)
{
    char path[4200];

    (void)snprintf(path, sizeof(path), "%s/instance", in->data);
    if (access(path, F_OK) == 0)
        return installation_make(in, f);
    if (errno != ENOENT && errno != ENOTDIR)
        return fail(f, FAIL_DENIED, "%s: %s", in->data, strerror(errno));
    return fail(f, FAIL_NOT_FOUND, "there is no installation in %s; berth up --data %s makes one", in->data, in->data);
}

static bool ask(const struct installation *in, const char *method, const char *path,
                struct http_client_reply *ret_reply, struct fail *f)
{
    char url[8192];
    char bearer[96];
    struct http_header header = {.name = STR("Authorization")};
    struct http_client_request request = {.method = method,
                                          .url = url,
                                          .headers = &header,
                                          .header_count = 1,
                                          .connect_timeout_ms = 2000,
                                          .total_timeout_ms = 10000};
    struct http_client *client;
    bool good;

    if (snprintf(url, sizeof(url), "http://%s%s", in->listen, path) >= (int)sizeof(url))
        return fail(f, FAIL_INPUT, "what is asked is longer than %zu bytes", sizeof(url));
    (void)snprintf(bearer, sizeof(bearer), "Bearer %s", in->dir.token);
    header.value = str_of(bearer);
    if (!http_client_new(&client, f))
        return false;
    good = http_fetch(client, &request, ret_reply, f);
    http_client_free(client);
    return good;
}

bool installation_ask(const struct installation *in, const char *method, const char *path, json_t **ret_answer,
                      struct fail *f)
{
    auto_client_reply reply = {0};
    json_error_t error;
    json_t *answer;
    const char *why;

    if (!ask(in, method, path, &reply, f))
        return false;
    if (reply.status == 403 || reply.status == 404)
        return fail(f, FAIL_DENIED, "http://%s answers %u: it is not the server of %s", in->listen, reply.status,
                    in->data);
    answer = json_loadb(reply.body.ptr, reply.body.len, 0, &error);
    if (answer == NULL)
        return fail(f, FAIL_INPUT, "the server's answer cannot be read: %s", error.text);
    why = json_string_value(json_object_get(answer, "error"));
    if (reply.status != 200) {
        (void)fail(f, FAIL_INPUT, "%s", why == NULL ? "the server refuses" : why);
        json_decref(answer);
        return false;
    }
    *ret_answer = answer;
    return true;
}

bool installation_status(const struct installation *in, json_t **ret_status, struct fail *f)
{
    return installation_ask(in, "GET", "/_berth/status", ret_status, f);
}
