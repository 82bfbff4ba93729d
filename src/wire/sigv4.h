/* AWS Signature Version 4, the verifying and the signing side.
 *
 * Source: IAM user guide, "Signature Version 4 for API requests"; S3 reference, "Authenticating requests". Thread-safe.
 */
#pragma once

#include "wire/protocol.h"

enum sigv4_payload {
    SIGV4_PAYLOAD_SIGNED,   /* payload_hash is the hash of the body: hash it and compare */
    SIGV4_PAYLOAD_UNSIGNED, /* UNSIGNED-PAYLOAD, or presigned */
    SIGV4_PAYLOAD_CHUNKED,  /* STREAMING-AWS4-HMAC-SHA256-PAYLOAD[-TRAILER], STREAMING-UNSIGNED-PAYLOAD-TRAILER */
};

/* What a request says of its signature, before anything is verified. All strs point into the request or the arena. */
struct sigv4_claim {
    struct str access_key;
    struct str date; /* yyyymmdd */
    struct str region;
    struct str service;
    struct str signed_headers; /* "host;x-amz-date" */
    struct str signature;      /* 64 hexadecimal digits */
    struct str security_token; /* X-Amz-Security-Token, absent without */
    int64_t when_ms;           /* of X-Amz-Date (or Date) */
    int64_t expires_ms;        /* presigned: when it ends; WHEN_NEVER otherwise */
    bool presigned;
    enum sigv4_payload payload;
    struct str payload_hash; /* as it stands in the canonical request */
};

/* Reads Authorization, or X-Amz-Algorithm and its kin from the query. ret_present false (and true returned) when the
 * request carries no signature at all. Fails with IncompleteSignatureException, InvalidSignatureException,
 * MissingAuthenticationToken ... and AWS's texts. */
checked bool sigv4_parse(const struct wire_request *request, struct arena *arena, bool *ret_present,
                         struct sigv4_claim *ret_claim, struct fail *f);

/* Verifies the claim against the secret and the time: scope, date within 5 minutes (presigned: not expired, at most 7
 * days), all headers that must be signed are signed, signature compared in constant time, body hash for
 * SIGV4_PAYLOAD_SIGNED (against request->body). Fails with SignatureDoesNotMatch (InvalidSignatureException in JSON
 * services: the caller maps), RequestExpired, and so on. */
checked bool sigv4_verify(const struct sigv4_claim *claim, const struct wire_request *request, struct str secret,
                          int64_t now_ms, struct arena *arena, struct fail *f);

/* The chunks of an aws-chunked body, each signature verified against the one before: appends the decoded bytes. */
checked bool sigv4_dechunk(const struct sigv4_claim *claim, struct str secret, struct str body, struct buf *ret_body,
                           struct fail *f);

/* Signs a request of our own (the agent, tests): ret_authorization is the header's value. `request` must hold Host and
 * X-Amz-Date; the payload is hashed. */
checked bool sigv4_sign(const struct wire_request *request, struct str access_key, struct str secret, struct str region,
                        struct str service, struct arena *arena, struct str *ret_authorization, struct fail *f);
