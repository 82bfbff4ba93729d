#include "node/image/registry.h"

#include "base/must.h"
#include "node/image/json_read.h"
#include "node/image/manifest.h"

#include <pthread.h>

enum { ERROR_BYTES_MAX = 16 << 10, SERVER_TEXT_MAX = 300 };

struct registry_session {
    const struct image_limits *limits;
    struct token_cache *tokens;
    struct arena arena; /* of the strs below; written only when the session is opened */
    struct image_registry registry;
    const char *ca_file;
    struct str repository;
    struct str reference; /* whole, for failures */
    pthread_mutex_t lock; /* protects authorization; nothing is locked inside */
    char *authorization;  /* what the registry accepted last, or NULL */
};

static const struct {
    const char *collection;
    const char *accept;
} kinds[] = {
    [REGISTRY_MANIFEST] = {"manifests", image_manifest_accept},
    [REGISTRY_BLOB] = {"blobs", NULL},
};

struct registry_session *registry_session_open(const struct image_registry *registry,
                                               const struct image_reference *reference,
                                               const struct image_limits *limits, struct token_cache *tokens)
{
    struct registry_session *session = calloc(1, sizeof(*session));

    must(session != NULL);
    must(pthread_mutex_init(&session->lock, NULL) == 0);
    arena_init(&session->arena, ARENA_LIMIT_DEFAULT);
    session->limits = limits;
    session->tokens = tokens;
    session->registry.tls = registry->tls;
    session->registry.host = arena_str(&session->arena, registry->host);
    session->registry.user = arena_str(&session->arena, registry->user);
    session->registry.password = arena_str(&session->arena, registry->password);
    session->ca_file = registry->ca_file.len == 0 ? NULL : arena_cstr(&session->arena, registry->ca_file);
    session->repository = arena_str(&session->arena, reference->repository);
    session->reference = arena_str(&session->arena, reference->text);
    if (registry->basic || basic_wanted(tokens, registry->host, registry->user, registry->password))
        session->authorization = basic_authorization(registry->user, registry->password);
    return session;
}

void registry_session_close(struct registry_session *session)
{
    (void)pthread_mutex_destroy(&session->lock);
    arena_free(&session->arena);
    free(session->authorization);
    free(session);
}

/* --- authorization --- */

static char *copy_authorization(struct registry_session *session)
{
    char *copy;

    must(pthread_mutex_lock(&session->lock) == 0);
    copy = session->authorization == NULL ? NULL : strdup(session->authorization);
    must(pthread_mutex_unlock(&session->lock) == 0);
    return copy;
}

static void set_authorization(struct registry_session *session, char *authorization)
{
    must(pthread_mutex_lock(&session->lock) == 0);
    free(session->authorization);
    session->authorization = authorization;
    must(pthread_mutex_unlock(&session->lock) == 0);
}

static bool denied(const struct registry_session *session, struct fail *f)
{
    return image_fail(f, IMAGE_DENIED,
                      "pull access denied for %.*s/%.*s, repository does not exist or may require authorization: "
                      "authorization failed: no basic auth credentials",
                      STR_ARG(session->registry.host), STR_ARG(session->repository));
}

/* Answers the registry's challenge. `used` is what it refused, NULL when it was asked without. */
static bool authorize(struct registry_session *session, struct fetch_client *client, const struct challenge *challenge,
                      const char *used, struct fail *f)
{
    struct token_request request = {
        .challenge = *challenge,
        .scope = challenge->scope,
        .user = session->registry.user,
        .password = session->registry.password,
        .ca_file = session->ca_file,
        .https_only = session->registry.tls,
        .cached_refused = used != NULL,
    };
    char scope[512];
    char *authorization;

    if (challenge->scheme == CHALLENGE_NONE || (challenge->scheme == CHALLENGE_BASIC && request.user.ptr == NULL))
        return denied(session, f);
    if (challenge->scheme == CHALLENGE_BASIC) {
        basic_remember(session->tokens, session->registry.host, request.user, request.password);
        set_authorization(session, basic_authorization(request.user, request.password));
        return true;
    }
    (void)snprintf(scope, sizeof(scope), "repository:%.*s:pull", STR_ARG(session->repository));
    if (request.scope.len == 0)
        request.scope = str_of(scope);
    if (!token_get(session->tokens, client, session->limits, &request, &authorization, f))
        return false;
    set_authorization(session, authorization);
    return true;
}

/* --- refusals --- */

static const struct {
    unsigned status;
    const char *phrase;
} phrases[] = {
    {400, "400 Bad Request"},
    {401, "401 Unauthorized"},
    {403, "403 Forbidden"},
    {404, "404 Not Found"},
    {416, "416 Range Not Satisfiable"},
    {429, "429 Too Many Requests"},
    {500, "500 Internal Server Error"},
    {502, "502 Bad Gateway"},
    {503, "503 Service Unavailable"},
    {504, "504 Gateway Timeout"},
};

static const char *phrase_of(unsigned status, char *buffer, size_t size)
{
    for (size_t i = 0; i < COUNT_OF(phrases); i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    (void)snprintf(buffer, size, "%u", status);
    return buffer;
}

/* The first error of the registry's answer as docker prints it: "name unknown: The repository ...". */
static void read_server_text(struct str body, char *text, size_t size)
{
    auto_json *object = NULL;
    const json_t *error;
    const char *code, *message;
    struct fail ignored;

    text[0] = '\0';
    if (!json_read(body, "error", &object, &ignored))
        return;
    error = json_array_get(json_object_get(object, "errors"), 0);
    code = json_string_value(json_object_get(error, "code"));
    message = json_string_value(json_object_get(error, "message"));
    if (code == NULL || message == NULL)
        return;
    (void)snprintf(text, size, ": %.60s: %.*s", code, SERVER_TEXT_MAX, message);
    for (char *c = text; *c != '\0'; c++) {
        bool of_code = c - text < (ptrdiff_t)strlen(code) + 2;

        if ((unsigned char)*c < ' ' || *c == 0x7f || (of_code && *c == '_'))
            *c = ' ';
        else if (of_code && *c >= 'A' && *c <= 'Z')
            *c = (char)(*c + ('a' - 'A'));
    }
}

static bool refuse(const struct registry_session *session, struct fetch *fetch, const struct registry_object *object,
                   struct fail *f)
{
    unsigned status = fetch_answer(fetch)->status;
    auto_buf body = {.limit = ERROR_BYTES_MAX};
    char text[SERVER_TEXT_MAX + 80];
    char number[16];
    const char *phrase = phrase_of(status, number, sizeof(number));

    if (!fetch_read_all(fetch, &body, f))
        buf_clear(&body);
    read_server_text(buf_str(&body), text, sizeof(text));
    if (status == 404 && object->kind == REGISTRY_MANIFEST)
        return image_fail(f, IMAGE_NOT_FOUND, "%.*s: not found%s", STR_ARG(session->reference), text);
    if (status == 404)
        return image_fail(f, IMAGE_NOT_FOUND, "could not fetch content descriptor %.*s from remote: not found%s",
                          STR_ARG(object->name), text);
    if (status == 401 || status == 403)
        return image_fail(f, IMAGE_DENIED, "pulling from host %.*s failed with status code [%s %.*s]: %s%s",
                          STR_ARG(session->registry.host), kinds[object->kind].collection, STR_ARG(object->name),
                          phrase, text);
    return image_fail(f, IMAGE_REGISTRY, "unexpected status from GET request to %s://%.*s/v2/%.*s/%s/%.*s: %s%s",
                      session->registry.tls ? "https" : "http", STR_ARG(session->registry.host),
                      STR_ARG(session->repository), kinds[object->kind].collection, STR_ARG(object->name), phrase,
                      text);
}

/* --- asking --- */

static bool ask(struct registry_session *session, struct fetch_client *client, const struct registry_object *object,
                const char *authorization, struct fetch **ret_fetch, struct fail *f)
{
    auto_buf url = {.limit = 4096};

    buf_printf(&url, "%s://%.*s/v2/%.*s/%s/%.*s", session->registry.tls ? "https" : "http",
               STR_ARG(session->registry.host), STR_ARG(session->repository), kinds[object->kind].collection,
               STR_ARG(object->name));
    buf_add_char(&url, '\0');
    if (url.overflowed)
        return image_fail(f, IMAGE_MALFORMED, "the registry's address is too long");
    return fetch_open(client,
                      &(struct fetch_request){.url = url.ptr,
                                              .accept = kinds[object->kind].accept,
                                              .authorization = authorization,
                                              .ca_file = session->ca_file,
                                              .offset = object->offset},
                      ret_fetch, f);
}

/* Reads the challenge of a 401 and answers it. */
static bool answer_challenge(struct registry_session *session, struct fetch_client *client, const struct fetch *fetch,
                             const char *used, struct fail *f)
{
    struct arena arena;
    struct challenge challenge;
    bool good;

    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    challenge = challenge_parse(&arena, fetch_answer(fetch)->challenges);
    good = authorize(session, client, &challenge, used, f);
    arena_free(&arena);
    return good;
}

bool registry_open(struct registry_session *session, struct fetch_client *client, const struct registry_object *object,
                   struct fetch **ret_fetch, struct fail *f)
{
    bool good = false;

    for (unsigned attempt = 0; attempt < 2; attempt++) {
        auto_free char *authorization = copy_authorization(session);
        struct fetch *fetch;
        unsigned status;

        if (!ask(session, client, object, authorization, &fetch, f))
            return false;
        status = fetch_answer(fetch)->status;
        if (status == 200 || status == 206) {
            *ret_fetch = fetch;
            return true;
        }
        if (status == 401 && attempt == 0)
            good = answer_challenge(session, client, fetch, authorization, f);
        else
            good = refuse(session, fetch, object, f);
        fetch_close(fetch);
        if (!good)
            break;
    }
    return good;
}

bool registry_retriable(const struct fail *f)
{
    enum image_problem problem = image_problem_of(f);

    return problem == IMAGE_UNREACHABLE || problem == IMAGE_REGISTRY;
}

uint64_t registry_backoff_ms(const struct image_limits *limits, unsigned attempt)
{
    uint64_t wait = limits->backoff_first_ms;

    for (unsigned i = 1; i < attempt && wait < limits->backoff_max_ms; i++)
        wait *= 2;
    return wait < limits->backoff_max_ms ? wait : limits->backoff_max_ms;
}
