/* What the files of the registry share: a request while it is served, the table of what is served, and how to answer.
 */
#pragma once

#include "edge/registry/registry.h"
#include "edge/registry/route.h"
#include "os/blob_upload.h"

#include <jansson.h>
#include <pthread.h>

struct registry {
    struct registry_options options;
};

struct registry_request;

/* A page of a list while it is filled. */
struct registry_page {
    size_t limit; /* of items */
    size_t bytes; /* of text taken so far */
    json_t *items;
    char last[REPOSITORY_NAME_LEN_MAX + 1]; /* name or digest of the last one */
    bool more;                              /* there was another one */
};

/* One method of one endpoint. */
struct registry_method {
    enum route_kind route;
    const char *name; /* "GET"; HEAD is served as GET */
    const char *action;
    size_t body_limit; /* of a body that is kept */
    bool streams;      /* the body is a blob's */
    /* Before the body: false when it answered. NULL: nothing to do. */
    bool (*begin)(struct registry_request *r);
    /* With the body: answers, or submits the call whose done answers; touches nothing afterwards. */
    void (*complete)(struct registry_request *r);
};

enum { REPLY_HEADERS_MAX = 12 };

/* Life: made in begin in the exchange's arena; held by the server thread until it answers or submits; then by whoever
 * is done with the call, until he answers; its OS resources go in `ended`. */
struct registry_request {
    struct registry *registry;
    struct http_exchange *exchange;
    const struct registry_method *method;
    struct route route;
    struct repository_ref repository;
    struct registry_call call;
    struct manifest manifest; /* PUT manifest */
    char digest[BLOB_DIGEST_LEN + 1];
    struct blob_upload *upload; /* held; NULL without */
    bool upload_unknown;        /* the client was not told of the session yet: nobody could resume it */
    int blob_fd;                /* GET blob; -1 without */
    uint64_t blob_size;
    struct registry_page page;
    struct http_header headers[REPLY_HEADERS_MAX];
    size_t header_count;

    void (*after)(struct registry_request *r); /* the call */
    pthread_mutex_t lock;                      /* protects `asked`, for request_ask; innermost */
    pthread_cond_t changed;
    bool asked;
};

/* registry.c */

struct str request_header(const struct registry_request *r, const char *name);
/* A parameter of the query, decoded; absent without. */
struct str request_parameter(const struct registry_request *r, const char *name);
/* Fills r->call with operation, identity and repository. */
void request_prepare(struct registry_request *r, enum registry_operation operation);
/* Submits r->call; after() answers, on whatever thread. */
void request_submit(struct registry_request *r, void (*after)(struct registry_request *r));
/* Submits r->call and waits for it; false when it failed, and then it has been answered. */
bool request_ask(struct registry_request *r);

/* answer.c: each answers the exchange, after which the request may be gone. */

void answer_header(struct registry_request *r, const char *name, struct str value);
/* Location below the request's own repository: "/v2/NAME/" and the rest. */
void answer_location(struct registry_request *r, const char *format, ...) printf_like(2, 3);
void answer_empty(struct registry_request *r, uint16_t status);
void answer_bytes(struct registry_request *r, uint16_t status, const char *content_type, struct buf *bytes);
void answer_json(struct registry_request *r, const char *content_type, json_t *json);          /* takes json; 200 */
void answer_file(struct registry_request *r, uint16_t status, uint64_t offset, uint64_t size); /* takes r->blob_fd */
void answer_error(struct registry_request *r, uint16_t status, const char *code, const char *format, ...)
    printf_like(4, 5);
/* By the table of failures; others are logged and answered as 500. */
void answer_fail(struct registry_request *r, const struct fail *fail);

/* The endpoints. */

void base_complete(struct registry_request *r);
void blob_complete(struct registry_request *r);
void blob_delete_complete(struct registry_request *r);
bool uploads_begin(struct registry_request *r);
void uploads_complete(struct registry_request *r);
bool upload_begin(struct registry_request *r);
bool upload_status_begin(struct registry_request *r);
bool upload_body_begin(struct registry_request *r);
/* Puts a held session down for the client to resume; ends one that no client knows of. */
void upload_drop(struct registry_request *r);
bool upload_data(struct registry_request *r, struct str bytes);
void upload_status_complete(struct registry_request *r);
void upload_patch_complete(struct registry_request *r);
void upload_put_complete(struct registry_request *r);
void upload_delete_complete(struct registry_request *r);
void manifest_get_complete(struct registry_request *r);
void manifest_put_complete(struct registry_request *r);
void manifest_delete_complete(struct registry_request *r);
void tags_complete(struct registry_request *r);
void catalog_complete(struct registry_request *r);
void referrers_complete(struct registry_request *r);
