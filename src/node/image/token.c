/* Before ours: OpenSSL's headers say __attribute__((unused)), and base makes `unused` a macro. */
#include <openssl/evp.h>

#include "node/image/token.h"

#include "base/must.h"
#include "base/tree.h"
#include "node/image/digest.h"
#include "node/image/json_read.h"
#include "node/image/problem.h"

#include <pthread.h>
#include <time.h>

enum {
    TOKENS_MAX = 256,
    EXPIRES_DEFAULT_S = 60, /* the specification's default */
    EXPIRES_EARLY_S = 10,   /* so that a token does not expire on its way */
    EXPIRES_MAX_S = 24 * 3600,
};

struct token {
    struct tree_node node; /* key: digest of what it was asked for */
    char key[DIGEST_SIZE];
    time_t expires_s; /* monotonic */
    char *authorization;
};

struct token_cache {
    pthread_mutex_t lock; /* protects tokens; nothing is locked inside */
    struct tree tokens;
};

struct token_cache *token_cache_new(void)
{
    struct token_cache *cache = calloc(1, sizeof(*cache));

    must(cache != NULL);
    must(pthread_mutex_init(&cache->lock, NULL) == 0);
    return cache;
}

static void drop(struct token_cache *cache, struct token *token)
{
    (void)tree_remove(&cache->tokens, token->node.key);
    free(token->authorization);
    free(token);
}

void token_cache_free(struct token_cache *cache)
{
    while (cache->tokens.first != NULL)
        drop(cache, tree_item(cache->tokens.first, struct token, node));
    (void)pthread_mutex_destroy(&cache->lock);
    free(cache);
}

static time_t now_s(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

char *basic_authorization(struct str user, struct str password)
{
    auto_buf pair = {0};
    auto_buf text = {0};
    char *encoded;
    int len;

    buf_printf(&pair, "%.*s:%.*s", STR_ARG(user), STR_ARG(password));
    buf_add_cstr(&text, "Basic ");
    encoded = buf_extend(&text, (pair.len + 2) / 3 * 4 + 1);
    must(encoded != NULL);
    len = EVP_EncodeBlock((unsigned char *)encoded, (const unsigned char *)pair.ptr, (int)pair.len);
    must(len >= 0);
    return take_ptr(&text.ptr); /* EVP_EncodeBlock ended it with NUL */
}

static void key_of(const struct token_request *request, char ret_key[DIGEST_SIZE])
{
    const struct str parts[] = {request->challenge.realm, request->challenge.service, request->scope, request->user,
                                request->password};
    struct digest digest;

    digest_begin(&digest);
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        digest_add(&digest, (struct str){(const char *)&parts[i].len, sizeof(parts[i].len)});
        digest_add(&digest, parts[i]);
    }
    digest_text(&digest, ret_key);
    digest_free(&digest);
}

/* A copy of the cached token, or NULL. */
static char *cached(struct token_cache *cache, const char *key, bool refused)
{
    struct tree_node *node;
    char *authorization = NULL;

    must(pthread_mutex_lock(&cache->lock) == 0);
    node = tree_find(&cache->tokens, str_of(key));
    if (node != NULL) {
        struct token *token = tree_item(node, struct token, node);

        if (refused || token->expires_s <= now_s())
            drop(cache, token);
        else
            authorization = strdup(token->authorization);
    }
    must(pthread_mutex_unlock(&cache->lock) == 0);
    return authorization;
}

static void keep(struct token_cache *cache, const char *key, const char *authorization, uint64_t expires_s)
{
    struct token *token;
    struct tree_node *old;

    if (expires_s <= EXPIRES_EARLY_S)
        return;
    token = calloc(1, sizeof(*token));
    must(token != NULL);
    memcpy(token->key, key, DIGEST_SIZE);
    token->authorization = strdup(authorization);
    token->expires_s = now_s() + (time_t)(expires_s > EXPIRES_MAX_S ? EXPIRES_MAX_S : expires_s) - EXPIRES_EARLY_S;
    must(pthread_mutex_lock(&cache->lock) == 0);
    old = tree_find(&cache->tokens, str_of(key));
    if (old == NULL && cache->tokens.count >= TOKENS_MAX)
        old = cache->tokens.first; /* any: it can be asked for again */
    if (old != NULL)
        drop(cache, tree_item(old, struct token, node));
    must(tree_add(&cache->tokens, &token->node, str_of(token->key)));
    must(pthread_mutex_unlock(&cache->lock) == 0);
}

static void add_parameter(struct buf *url, const char *name, struct str value)
{
    bool first = str_find(buf_str(url), '?') == url->len;

    buf_printf(url, "%c%s=", first ? '?' : '&', name);
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            (c != 0 && strchr("-._~", c) != NULL))
            buf_add_char(url, (char)c);
        else
            buf_printf(url, "%%%02X", c);
    }
}

static bool write_url(const struct token_request *request, struct buf *url, struct fail *f)
{
    struct str realm = request->challenge.realm;
    bool https = str_starts(realm, STR("https://"));

    if (!https && (request->https_only || !str_starts(realm, STR("http://"))))
        return image_fail(f, IMAGE_DENIED, "the registry names an authorization service that is not https: %.*s",
                          STR_ARG(realm));
    buf_add(url, realm);
    if (request->challenge.service.len > 0)
        add_parameter(url, "service", request->challenge.service);
    add_parameter(url, "scope", request->scope);
    buf_add_char(url, '\0');
    return !url->overflowed || image_fail(f, IMAGE_OVER_LIMIT, "the authorization service's address is too long");
}

/* It becomes a header line: nothing but visible ASCII. */
static bool token_valid(struct str token)
{
    for (size_t i = 0; i < token.len; i++)
        if (token.ptr[i] <= ' ' || token.ptr[i] > '~')
            return false;
    return token.len > 0;
}

static bool read_answer(struct str body, struct arena *arena, struct str *ret_token, uint64_t *ret_expires_s,
                        struct fail *f)
{
    auto_json *object = NULL;
    struct str token, access_token;

    if (!json_read(body, "the authorization service's answer", &object, f) ||
        !json_read_text(object, "token", arena, &token, f) ||
        !json_read_text(object, "access_token", arena, &access_token, f) ||
        !json_read_count(object, "expires_in", ret_expires_s, f))
        return false;
    *ret_token = token.len > 0 ? token : access_token;
    if (*ret_expires_s == 0)
        *ret_expires_s = EXPIRES_DEFAULT_S;
    return token_valid(*ret_token) ||
           image_fail(f, IMAGE_MALFORMED, "the authorization service's answer holds no token");
}

static bool ask(struct fetch_client *client, const struct token_request *request, struct buf *body, struct fail *f)
{
    auto_buf url = {.limit = 16384};
    auto_free char *basic = request->user.ptr == NULL ? NULL : basic_authorization(request->user, request->password);
    struct fetch *fetch;
    unsigned status;
    bool good;

    if (!write_url(request, &url, f))
        return false;
    if (!fetch_open(client,
                    &(struct fetch_request){.url = url.ptr, .authorization = basic, .ca_file = request->ca_file},
                    &fetch, f))
        return fail_in(f, "failed to fetch %s token", request->user.ptr == NULL ? "anonymous" : "oauth");
    status = fetch_answer(fetch)->status;
    if (status == 200)
        good = fetch_read_all(fetch, body, f);
    else if (status == 429 || status >= 500)
        good = image_fail(f, IMAGE_REGISTRY, "failed to fetch token: unexpected status: %u", status);
    else
        good = image_fail(f, IMAGE_DENIED, "failed to authorize: failed to fetch %s token: unexpected status: %u",
                          request->user.ptr == NULL ? "anonymous" : "oauth", status);
    fetch_close(fetch);
    return good;
}

bool token_get(struct token_cache *cache, struct fetch_client *client, const struct image_limits *limits,
               const struct token_request *request, char **ret_authorization, struct fail *f)
{
    auto_buf body = {.limit = (size_t)limits->token_bytes_max};
    char key[DIGEST_SIZE];
    char *authorization;
    struct arena arena;
    struct str token;
    uint64_t expires_s;
    bool good;

    key_of(request, key);
    authorization = cached(cache, key, request->cached_refused);
    if (authorization != NULL) {
        *ret_authorization = authorization;
        return true;
    }
    if (!ask(client, request, &body, f))
        return false;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    good = read_answer(buf_str(&body), &arena, &token, &expires_s, f);
    if (good) {
        must(asprintf(&authorization, "Bearer %.*s", STR_ARG(token)) >= 0);
        keep(cache, key, authorization, expires_s);
        *ret_authorization = authorization;
    }
    arena_free(&arena);
    return good;
}

/* ---- Basic ---- */

static void basic_key(struct str registry, struct str user, struct str password, char ret_key[DIGEST_SIZE])
{
    const struct token_request request = {
        .challenge = {.scheme = CHALLENGE_BASIC, .service = registry}, .user = user, .password = password};

    key_of(&request, ret_key); /* no realm: no token's */
}

void basic_remember(struct token_cache *cache, struct str registry, struct str user, struct str password)
{
    char key[DIGEST_SIZE];

    basic_key(registry, user, password, key);
    keep(cache, key, "", EXPIRES_MAX_S);
}

bool basic_wanted(struct token_cache *cache, struct str registry, struct str user, struct str password)
{
    char key[DIGEST_SIZE];
    auto_free char *found = NULL;

    basic_key(registry, user, password, key);
    found = cached(cache, key, /* refused= */ false);
    return found != NULL;
}
