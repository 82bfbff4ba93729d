/* Before ours: base names an attribute `unused`, which their headers spell out. */
#include <openssl/crypto.h>

#include "wire/sigv4.h"

#include "base/must.h"
#include "base/when.h"
#include "wire/percent.h"
#include "wire/sigv4_canonical.h"

enum { CLOCK_SKEW_MINUTES = 5 };

/* Of the headers with these names, proxies and HTTP libraries change or add the value: not signed by us. */
static const char *const unsigned_headers[] = {"authorization", "connection",      "content-length",   "expect",
                                               "user-agent",    "x-amzn-trace-id", "transfer-encoding"};

static bool list_has(struct str names, struct str name)
{
    while (names.ptr != NULL)
        if (str_eq_nocase(str_cut(names, ';', &names), name))
            return true;
    return false;
}

/* X-Amz-Content-Sha256 may be missing: its value stands in the canonical request anyway. */
static bool check_signed_headers(const struct sigv4_claim *claim, const struct wire_request *request, struct fail *f)
{
    if (!list_has(claim->signed_headers, STR("host")))
        return fail_api(f, "SignatureDoesNotMatch",
                        "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
    for (size_t i = 0; i < request->header_count; i++) {
        struct str name = request->headers[i].name;

        if (!str_starts_nocase(name, STR("x-amz-")) || str_eq_nocase(name, STR("x-amz-content-sha256")))
            continue;
        if (!list_has(claim->signed_headers, name))
            return fail_api(f, "SignatureDoesNotMatch", "'%.*s' must be a 'SignedHeader' in the AWS Authorization.",
                            STR_ARG(name));
    }
    return true;
}

static bool check_presigned_time(const struct sigv4_claim *claim, int64_t now_ms, struct fail *f)
{
    if (now_ms < claim->expires_ms)
        return true;
    return fail_api(f, "RequestExpired", "Request has expired.");
}

static bool check_time(const struct sigv4_claim *claim, int64_t now_ms, struct arena *arena, struct fail *f)
{
    const int64_t skew_ms = CLOCK_SKEW_MINUTES * MINUTE_MS;
    struct str then = sigv4_date_time(arena, claim->when_ms);

    if (!str_eq(claim->date, str_to(then, 8)))
        return fail_api(f, "SignatureDoesNotMatch",
                        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
                        "'%.*s' != '%.8s', from '%.*s'.",
                        STR_ARG(claim->date), then.ptr, STR_ARG(then));
    if (claim->when_ms > now_ms + skew_ms)
        return fail_api(f, "SignatureExpired", "Signature not yet current: %.*s is still later than %s (%s + %d min.)",
                        STR_ARG(then), sigv4_date_time(arena, now_ms + skew_ms).ptr, sigv4_date_time(arena, now_ms).ptr,
                        CLOCK_SKEW_MINUTES);
    if (claim->presigned)
        return check_presigned_time(claim, now_ms, f);
    if (claim->when_ms < now_ms - skew_ms)
        return fail_api(f, "SignatureExpired", "Signature expired: %.*s is now earlier than %s (%s - %d min.)",
                        STR_ARG(then), sigv4_date_time(arena, now_ms - skew_ms).ptr, sigv4_date_time(arena, now_ms).ptr,
                        CLOCK_SKEW_MINUTES);
    return true;
}

/* hash is that of the body, when the payload is signed. */
static bool check_payload(const struct sigv4_claim *claim, struct str hash, struct fail *f)
{
    if (claim->payload != SIGV4_PAYLOAD_SIGNED || claim->payload_hash.ptr == NULL)
        return true;
    if (str_eq(claim->payload_hash, hash))
        return true;
    return fail_api(f, str_is(claim->service, "s3") ? "XAmzContentSHA256Mismatch" : "SignatureDoesNotMatch",
                    "The provided 'x-amz-content-sha256' header does not match what was computed.");
}

static bool check_signature(const struct sigv4_claim *claim, const struct sigv4_key *key, struct str string_to_sign,
                            struct fail *f)
{
    struct sigv4_hex signature = sigv4_signature(key, string_to_sign);

    must(claim->signature.len == sizeof(signature.digits));
    if (CRYPTO_memcmp(signature.digits, claim->signature.ptr, sizeof(signature.digits)) == 0)
        return true;
    return fail_api(f, "SignatureDoesNotMatch",
                    "The request signature we calculated does not match the signature you provided. Check your AWS "
                    "Secret Access Key and signing method. Consult the service documentation for details.");
}

bool sigv4_verify(const struct sigv4_claim *claim, const struct wire_request *request, const struct sigv4_key *key,
                  int64_t now_ms, struct arena *arena, struct fail *f)
{
    struct sigv4_claim whole = *claim;
    struct sigv4_hex hash;
    struct str string;

    if (!check_time(claim, now_ms, arena, f) || !check_signed_headers(claim, request, f))
        return false;
    if (claim->payload == SIGV4_PAYLOAD_SIGNED) {
        hash = sigv4_hash(request->body);
        whole.payload_hash = sigv4_hex_str(&hash);
    }
    if (!check_payload(claim, whole.payload_hash, f))
        return false;
    if (!sigv4_string_to_sign(&whole, request, arena, &string, f))
        return false;
    return check_signature(claim, key, string, f);
}

static bool is_signed_by_us(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(unsigned_headers); i++)
        if (str_eq_nocase(name, str_of(unsigned_headers[i])))
            return false;
    return true;
}

static int compare_names(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

static struct str lower(struct str name, struct arena *arena)
{
    char *copy = arena_alloc(arena, name.len);

    for (size_t i = 0; i < name.len; i++)
        copy[i] = (char)(name.ptr[i] >= 'A' && name.ptr[i] <= 'Z' ? name.ptr[i] | 0x20 : name.ptr[i]);
    return (struct str){copy, name.len};
}

/* The names of the headers to sign: lower case, sorted, each once. */
static struct str header_names(const struct wire_request *request, struct arena *arena)
{
    struct str *names = arena_array(arena, struct str, request->header_count);
    struct str list = STR("");
    size_t count = 0;

    for (size_t i = 0; i < request->header_count; i++) {
        if (is_signed_by_us(request->headers[i].name))
            names[count++] = lower(request->headers[i].name, arena);
    }
    if (count > 0)
        qsort(names, count, sizeof(*names), compare_names);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || !str_eq(names[i], names[i - 1]))
            list = arena_printf(arena, "%.*s%s%.*s", STR_ARG(list), i == 0 ? "" : ";", STR_ARG(names[i]));
    return list;
}

/* What our own request will claim, all but the signature. */
static struct sigv4_claim claim_of(const struct wire_request *request, const struct sigv4_signer *signer,
                                   int64_t when_ms, struct arena *arena)
{
    struct str hash = wire_header(request, "x-amz-content-sha256");
    struct sigv4_hex computed;

    if (hash.ptr == NULL) {
        computed = sigv4_hash(request->body);
        hash = arena_str(arena, sigv4_hex_str(&computed));
    }
    return (struct sigv4_claim){.access_key = signer->access_key,
                                .date = str_to(sigv4_date_time(arena, when_ms), 8),
                                .region = signer->region,
                                .service = signer->service,
                                .signed_headers = header_names(request, arena),
                                .when_ms = when_ms,
                                .payload_hash = hash};
}

static bool sign(const struct sigv4_claim *claim, const struct wire_request *request, struct str secret,
                 struct arena *arena, struct sigv4_hex *ret_signature, struct fail *f)
{
    struct sigv4_key key;
    struct str string;

    if (!sigv4_string_to_sign(claim, request, arena, &string, f))
        return false;
    sigv4_derive_key(claim, secret, &key);
    *ret_signature = sigv4_signature(&key, string);
    OPENSSL_cleanse(&key, sizeof(key));
    return true;
}

bool sigv4_sign(const struct wire_request *request, const struct sigv4_signer *signer, struct arena *arena,
                struct str *ret_authorization, struct fail *f)
{
    struct sigv4_claim claim;
    struct sigv4_hex signature;
    int64_t when_ms;

    if (!when_from_amz_date(wire_header(request, "x-amz-date"), &when_ms))
        return fail(f, FAIL_INPUT, "a request to be signed needs X-Amz-Date");
    claim = claim_of(request, signer, when_ms, arena);
    if (!sign(&claim, request, signer->secret, arena, &signature, f))
        return false;
    *ret_authorization = arena_printf(arena, "AWS4-HMAC-SHA256 Credential=%.*s/%s, SignedHeaders=%.*s, Signature=%.*s",
                                      STR_ARG(signer->access_key), sigv4_scope(&claim, arena).ptr,
                                      STR_ARG(claim.signed_headers), STR_ARG(sigv4_hex_str(&signature)));
    return true;
}

static void add_parameter(struct buf *query, const char *name, struct str value)
{
    if (value.ptr == NULL)
        return;
    if (query->len > 0)
        buf_add_char(query, '&');
    buf_add_cstr(query, name);
    buf_add_char(query, '=');
    percent_encode(value, false, query);
}

bool sigv4_presign(const struct wire_request *request, const struct sigv4_signer *signer, int64_t now_ms,
                   int64_t expires_s, struct arena *arena, struct str *ret_query, struct fail *f)
{
    struct sigv4_claim claim = claim_of(request, signer, now_ms, arena);
    struct wire_request presigned = *request;
    struct sigv4_hex signature;
    auto_buf query = {0};

    if (str_is(signer->service, "s3"))
        claim.payload_hash = STR("UNSIGNED-PAYLOAD");
    buf_add(&query, request->query);
    add_parameter(&query, "X-Amz-Algorithm", STR("AWS4-HMAC-SHA256"));
    add_parameter(&query, "X-Amz-Credential",
                  arena_printf(arena, "%.*s/%s", STR_ARG(signer->access_key), sigv4_scope(&claim, arena).ptr));
    add_parameter(&query, "X-Amz-Date", sigv4_date_time(arena, now_ms));
    add_parameter(&query, "X-Amz-Expires", arena_printf(arena, "%lld", (long long)expires_s));
    add_parameter(&query, "X-Amz-SignedHeaders", claim.signed_headers);
    add_parameter(&query, "X-Amz-Security-Token", signer->security_token);
    presigned.query = buf_str(&query);
    if (!sign(&claim, &presigned, signer->secret, arena, &signature, f))
        return false;
    add_parameter(&query, "X-Amz-Signature", sigv4_hex_str(&signature));
    *ret_query = arena_str(arena, buf_str(&query));
    return true;
}
