#include "edge/oidc_keys.h"

#include "base/log.h"
#include "base/must.h"
#include "os/http_client.h"
#include "plane/iam/oidc_provider.h"

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>

enum { ASKS_MAX = 1000, DOCUMENT_BYTES_MAX = 256 << 10, CONNECT_MS = 3000, FETCH_MS = 10000 };

struct ask {
    struct list link;
    struct job job;
    struct arena arena;
    struct str issuer, provider_key, key_set;
};

struct oidc_keys {
    pthread_t thread;
    pthread_mutex_t lock; /* protects asks, count and loop; nothing else is locked under it */
    pthread_cond_t wake;
    struct list asks;
    size_t count;
    struct loop *loop;
    struct http_client *client; /* the thread's */
    atomic_bool stopping;
};

/* ---- one fetch, on the thread ---- */

static bool get(struct oidc_keys *keys, const char *url, struct http_client_reply *ret_reply, struct fail *f)
{
    const struct http_client_request request = {.url = url,
                                                .body_limit = DOCUMENT_BYTES_MAX,
                                                .follow_redirects = false,
                                                .connect_timeout_ms = CONNECT_MS,
                                                .total_timeout_ms = FETCH_MS,
                                                .cancel = &keys->stopping};

    if (!http_fetch(keys->client, &request, ret_reply, f))
        return false;
    return ret_reply->status == 200 || fail(f, FAIL_SYSTEM, "%s answers %u", url, ret_reply->status);
}

/* Where the issuer says that its keys are; the document has to be its own. */
static bool find_place(struct oidc_keys *keys, struct ask *ask, const char **ret_url, struct fail *f)
{
    auto_client_reply reply = {0};
    const char *url = arena_printf(&ask->arena, "%.*s/.well-known/openid-configuration", STR_ARG(ask->issuer)).ptr;
    json_error_t error;
    json_t *document;
    const char *place;
    const char *issuer;
    bool good;

    if (!get(keys, url, &reply, f))
        return false;
    document = json_loadb(reply.body.ptr, reply.body.len, 0, &error);
    place = json_string_value(json_object_get(document, "jwks_uri"));
    issuer = json_string_value(json_object_get(document, "issuer"));
    good = place != NULL && issuer != NULL && str_is(ask->issuer, issuer);
    if (good)
        *ret_url = arena_str(&ask->arena, str_of(place)).ptr;
    json_decref(document);
    return good || fail(f, FAIL_INPUT, "%s names another issuer or no jwks_uri", url);
}

static bool fetch(struct oidc_keys *keys, struct ask *ask, struct fail *f)
{
    auto_client_reply reply = {0};
    const char *url;
    json_error_t error;
    json_t *set;
    bool good;

    if (!find_place(keys, ask, &url, f) || !get(keys, url, &reply, f))
        return false;
    set = json_loadb(reply.body.ptr, reply.body.len, 0, &error);
    good = json_is_array(json_object_get(set, "keys"));
    json_decref(set);
    if (!good)
        return fail(f, FAIL_INPUT, "%s gives no set of keys", url);
    ask->key_set = arena_str(&ask->arena, buf_str(&reply.body));
    return true;
}

/* ---- the answer, on the core thread ---- */

static void ask_free(struct ask *ask)
{
    arena_free(&ask->arena);
    free(ask);
}

static bool run(struct job *job, struct transaction *tx)
{
    const struct ask *ask = list_item(&job->link, struct ask, job.link);

    oidc_provider_keys_put(tx, ask->provider_key, ask->key_set);
    return true;
}

static void done(struct job *job, bool durable)
{
    (void)durable; /* it is asked again */
    ask_free(list_item(&job->link, struct ask, job.link));
}

/* ---- the thread ---- */

static struct ask *next(struct oidc_keys *keys)
{
    struct ask *ask = NULL;

    (void)pthread_mutex_lock(&keys->lock);
    while (!atomic_load(&keys->stopping) && list_empty(&keys->asks))
        (void)pthread_cond_wait(&keys->wake, &keys->lock);
    if (!atomic_load(&keys->stopping)) {
        ask = list_item(list_take_first(&keys->asks), struct ask, link);
        keys->count--;
    }
    (void)pthread_mutex_unlock(&keys->lock);
    return ask;
}

static void *thread_main(void *context)
{
    struct oidc_keys *keys = context;
    struct ask *ask;
    struct fail f;

    while ((ask = next(keys)) != NULL) {
        if (!fetch(keys, ask, &f)) {
            log_warning("keys of OpenID Connect provider %.*s: %s", STR_ARG(ask->issuer), f.message);
            ask_free(ask);
            continue;
        }
        ask->job = (struct job){.actor = "oidc keys", .cause = ask->issuer, .run = run, .done = done};
        loop_submit(keys->loop, &ask->job);
    }
    return NULL;
}

bool oidc_keys_start(struct oidc_keys **ret_keys, struct fail *f)
{
    struct oidc_keys *keys = calloc(1, sizeof(*keys));

    must(keys != NULL);
    list_init(&keys->asks);
    if (!http_client_new(&keys->client, f)) {
        free(keys);
        return false;
    }
    must(pthread_mutex_init(&keys->lock, NULL) == 0);
    must(pthread_cond_init(&keys->wake, NULL) == 0);
    *ret_keys = keys;
    return true;
}

void oidc_keys_begin(struct oidc_keys *keys, struct loop *loop)
{
    keys->loop = loop;
    must(pthread_create(&keys->thread, NULL, thread_main, keys) == 0);
}

void oidc_keys_ask(struct oidc_keys *keys, struct str issuer, struct str provider_key)
{
    struct ask *ask = calloc(1, sizeof(*ask));

    must(ask != NULL);
    arena_init(&ask->arena, (size_t)1 << 20);
    ask->issuer = arena_str(&ask->arena, issuer);
    ask->provider_key = arena_str(&ask->arena, provider_key);
    (void)pthread_mutex_lock(&keys->lock);
    if (keys->count < ASKS_MAX) {
        list_add_last(&keys->asks, &ask->link);
        keys->count++;
        ask = NULL;
        (void)pthread_cond_signal(&keys->wake);
    }
    (void)pthread_mutex_unlock(&keys->lock);
    if (ask != NULL)
        ask_free(ask);
}

void oidc_keys_stop(struct oidc_keys *keys)
{
    (void)pthread_mutex_lock(&keys->lock);
    atomic_store(&keys->stopping, true);
    (void)pthread_cond_broadcast(&keys->wake);
    (void)pthread_mutex_unlock(&keys->lock);
    if (keys->loop != NULL)
        (void)pthread_join(keys->thread, NULL);
}

void oidc_keys_free(struct oidc_keys *keys)
{
    list_each(link, after, &keys->asks) ask_free(list_item(link, struct ask, link));
    http_client_free(keys->client);
    (void)pthread_mutex_destroy(&keys->lock);
    (void)pthread_cond_destroy(&keys->wake);
    free(keys);
}
