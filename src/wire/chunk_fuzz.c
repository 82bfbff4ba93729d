/* Arbitrary aws-chunked bodies, in each kind; the first byte chooses. */
#include "base/must.h"
#include "wire/sigv4.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const kinds[] = {"STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
                                        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"};
    struct sigv4_claim claim = {
        .date = STR("20260101"),
        .region = STR("eu-west-1"),
        .service = STR("s3"),
        .when_ms = 1767225600000,
        .signature = STR("0000000000000000000000000000000000000000000000000000000000000000"),
        .payload = SIGV4_PAYLOAD_CHUNKED,
    };
    struct sigv4_key key = {0};
    struct str trailers;
    struct str body;
    auto_buf plain = {0};
    struct fail f = {0};

    if (size == 0)
        return 0;
    claim.payload_hash = str_of(kinds[data[0] % COUNT_OF(kinds)]);
    body = (struct str){(const char *)data + 1, size - 1};
    if (sigv4_dechunk(&claim, &key, body, &plain, &trailers, &f)) {
        must(plain.len + trailers.len <= body.len);
        must(trailers.ptr >= body.ptr && trailers.ptr + trailers.len <= body.ptr + body.len);
    } else {
        must(f.code == FAIL_API);
    }
    return 0;
}
