/* The canonical request of Signature Version 4 and what is made of it: strings to sign, hashes, signatures. Shared by
 * the verifying and the signing side, so that they cannot differ. */
#pragma once

#include "wire/form.h"
#include "wire/sigv4.h"

/* A SHA-256 hash or HMAC in lower-case hexadecimal digits. */
struct sigv4_hex {
    char digits[64];
};

static inline struct str sigv4_hex_str(const struct sigv4_hex *hex)
{
    return (struct str){hex->digits, sizeof(hex->digits)};
}

struct sigv4_hex sigv4_hash(struct str bytes);
/* HMAC-SHA256 of a string to sign under the signing key. */
struct sigv4_hex sigv4_signature(const struct sigv4_key *key, struct str string_to_sign);

/* "20261122T100000Z" */
struct str sigv4_date_time(struct arena *arena, int64_t when_ms);
/* "20261122/eu-west-1/ecs/aws4_request" */
struct str sigv4_scope(const struct sigv4_claim *claim, struct arena *arena);

/* The string to sign for the request as claimed (signed_headers, service, when_ms, payload_hash, which must be
 * present). X-Amz-Signature is left out of the query. Fails with SignatureDoesNotMatch when a signed header is missing,
 * and with IncompleteSignature when path, query or headers cannot be put in canonical form. */
checked bool sigv4_string_to_sign(const struct sigv4_claim *claim, const struct wire_request *request,
                                  struct arena *arena, struct str *ret_string, struct fail *f);
