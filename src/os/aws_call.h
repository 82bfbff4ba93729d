/* Calls of AWS APIs as an SDK makes them: requests that are signed with Signature Version 4 (wire/sigv4.h) by the
 * machine's clock, and whole calls in AWS JSON over http_client.h, whose rules hold. */
#pragma once

#include "model/host.h"
#include "os/http_client.h"
#include "wire/sigv4.h"

#include <jansson.h>

struct operation;

/* A request to be signed: request.headers are these. Zeroed but for method, path, query and body, all as sent. */
enum { AWS_HEADERS_MAX = 8 };
struct aws_request {
    struct wire_request wire;
    struct http_header headers[AWS_HEADERS_MAX];
};
void aws_request_add(struct aws_request *request, const char *name, struct str value);
/* Adds X-Amz-Date, the signer's token and, last, Authorization; Host is there. Their values are in the arena. */
checked bool aws_request_sign(struct aws_request *request, const struct sigv4_signer *signer, struct arena *arena,
                              struct fail *f);
/* Credentials as a signer; it points into them. */
struct sigv4_signer aws_signer(const struct host_credentials *credentials, struct str region);
/* "https://host:port/path?query" -> "host:port" */
struct str aws_url_host(struct str url);

struct aws_call {
    struct http_client *client;        /* NULL: one for this call */
    const struct operation *operation; /* of a service that speaks JSON */
    struct sigv4_signer signer;        /* but for its service, which is the operation's; no access key: not signed */
    struct str endpoint;               /* "http://127.0.0.1:4566" */
    struct str body;
    struct str invocation_id;                      /* names the call, so that it can be repeated; absent: not */
    unsigned connect_timeout_ms, total_timeout_ms; /* as those of http_client.h */
    const _Atomic bool *cancel;
};

/* Calls and waits: true when there was an answer, whatever its status. */
checked bool aws_call(const struct aws_call *call, struct http_client_reply *ret_reply, struct fail *f);

/* The body, for the caller to decref; NULL when it is no JSON. */
json_t *aws_reply_body(const struct http_client_reply *reply);
/* Of an error's body, which it points into: "ClusterNotFoundException"; NULL when it has none. */
const char *aws_error_type(const json_t *body);
const char *aws_error_message(const json_t *body);
/* Fails with FAIL_API, and FAIL_SYSTEM when the server is in trouble (status), in the form in which SDKs show errors:
 * "ClusterNotFoundException: Cluster not found." */
#define aws_refused(body, status, f) (aws_fill_refusal((body), (status), (f)), false)
void aws_fill_refusal(const json_t *body, uint16_t status, struct fail *f);
