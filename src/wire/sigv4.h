/* AWS Signature Version 4, the verifying and the signing side.
 *
 * A request is parsed into a claim, the secret of the claim's access key is looked up and a key derived from it (the
 * costly part, the same for a day, so worth keeping), and the claim is verified with that key.
 *
 * Source: IAM user guide, "AWS Signature Version 4 for API requests"; S3 API reference, "Authenticating requests".
 * Errors carry the query protocol's types (SignatureDoesNotMatch ...); wire_encode_error gives them each protocol's
 * name and status. Thread-safe. */
#pragma once

#include "wire/protocol.h"

enum sigv4_payload {
    SIGV4_PAYLOAD_SIGNED,   /* the hash of the body is signed: hash it and compare */
    SIGV4_PAYLOAD_UNSIGNED, /* UNSIGNED-PAYLOAD: S3 only */
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
    struct str
        payload_hash; /* as it stands in the canonical request; absent: SIGNED, and the body's own hash is meant */
};

/* The signing key of one secret, day, region and service. */
struct sigv4_key {
    unsigned char bytes[32];
};

/* Reads Authorization, or X-Amz-Algorithm and its kin from the query. ret_present false (and true returned, ret_claim
 * not written) when the request carries no signature at all. Does not look at the body. Fails with IncompleteSignature,
 * SignatureDoesNotMatch, InvalidRequest and AWS's texts. */
checked bool sigv4_parse(const struct wire_request *request, struct arena *arena, bool *ret_present,
                         struct sigv4_claim *ret_claim, struct fail *f);

/* The key for the claim's date, region and service. */
void sigv4_derive_key(const struct sigv4_claim *claim, struct str secret, struct sigv4_key *ret_key);

/* Verifies the claim: scope, date within 5 minutes (presigned: not expired), all headers that must be signed are
 * signed, body hash for SIGV4_PAYLOAD_SIGNED (against request->body), signature compared in constant time. Whether
 * region and service are those of the endpoint is for the caller. Fails with SignatureDoesNotMatch, SignatureExpired (a
 * clock that is wrong), RequestExpired (a presigned URL that is too old). */
checked bool sigv4_verify(const struct sigv4_claim *claim, const struct wire_request *request,
                          const struct sigv4_key *key, int64_t now_ms, struct arena *arena, struct fail *f);

/* The chunks of an aws-chunked body of a verified claim, each signature verified against the one before: appends the
 * decoded bytes. ret_trailers points into body: the lines "name:value" behind the last chunk (x-amz-checksum-...),
 * without the signature's, empty without; whoever stores the bytes compares the checksum, and the length with
 * x-amz-decoded-content-length. Fails with SignatureDoesNotMatch or IncompleteBody; ret_body may then hold bytes that
 * must not be used. */
checked bool sigv4_dechunk(const struct sigv4_claim *claim, const struct sigv4_key *key, struct str body,
                           struct buf *ret_body, struct str *ret_trailers, struct fail *f);

/* Who signs, and for what. */
struct sigv4_signer {
    struct str access_key;
    struct str secret;
    struct str security_token; /* absent without; sigv4_sign wants it as a header of the request, too */
    struct str region;
    struct str service;
};

/* Signs a request of our own (the agent, tests): ret_authorization is the header's value. `request` must hold Host and
 * X-Amz-Date; all its headers are signed but those that proxies may change. The payload hash is X-Amz-Content-Sha256
 * when the request has it, else that of the body. */
checked bool sigv4_sign(const struct wire_request *request, const struct sigv4_signer *signer, struct arena *arena,
                        struct str *ret_authorization, struct fail *f);

/* Presigns: ret_query is the whole query string of the URL. `request` must hold Host; its other headers are signed and
 * must be sent along. For service "s3" the payload is left unsigned, else it is that of the (usually empty) body. */
checked bool sigv4_presign(const struct wire_request *request, const struct sigv4_signer *signer, int64_t now_ms,
                           int64_t expires_s, struct arena *arena, struct str *ret_query, struct fail *f);
