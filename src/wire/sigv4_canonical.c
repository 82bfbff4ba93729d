/* Before ours: base names an attribute `unused`, which their headers spell out. */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "wire/sigv4_canonical.h"

#include "base/must.h"
#include "base/when.h"
#include "wire/percent.h"

#include <time.h>

static struct sigv4_hex to_hex(const unsigned char bytes[32])
{
    struct sigv4_hex hex;

    for (size_t i = 0; i < 32; i++) {
        hex.digits[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        hex.digits[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    return hex;
}

struct sigv4_hex sigv4_hash(struct str bytes)
{
    unsigned char hash[SHA256_DIGEST_LENGTH];

    (void)SHA256((const unsigned char *)bytes.ptr, bytes.len, hash);
    return to_hex(hash);
}

static void hmac(const void *key, size_t key_len, struct str text, unsigned char ret_mac[32])
{
    must(key_len <= INT32_MAX);
    must(HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)text.ptr, text.len, ret_mac, NULL) != NULL);
}

struct sigv4_hex sigv4_signature(const struct sigv4_key *key, struct str string_to_sign)
{
    unsigned char mac[32];

    hmac(key->bytes, sizeof(key->bytes), string_to_sign, mac);
    return to_hex(mac);
}

void sigv4_derive_key(const struct sigv4_claim *claim, struct str secret, struct sigv4_key *ret_key)
{
    const struct str steps[] = {claim->region, claim->service, STR("aws4_request")};
    struct sigv4_key key;
    auto_buf first = {0};

    buf_add_cstr(&first, "AWS4");
    buf_add(&first, secret);
    must(!first.overflowed);
    hmac(first.ptr, first.len, claim->date, key.bytes);
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        struct sigv4_key before = key;

        hmac(before.bytes, sizeof(before.bytes), steps[i], key.bytes);
    }
    OPENSSL_cleanse(first.ptr, first.len);
    *ret_key = key;
}

struct str sigv4_date_time(struct arena *arena, int64_t when_ms)
{
    time_t seconds = (time_t)(when_ms / 1000);
    struct tm tm;

    must(gmtime_r(&seconds, &tm) != NULL);
    return arena_printf(arena, "%04d%02d%02dT%02d%02d%02dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                        tm.tm_min, tm.tm_sec);
}

struct str sigv4_scope(const struct sigv4_claim *claim, struct arena *arena)
{
    return arena_printf(arena, "%.*s/%.*s/%.*s/aws4_request", STR_ARG(claim->date), STR_ARG(claim->region),
                        STR_ARG(claim->service));
}

/* RFC 3986, section 5.2.4, and empty segments taken out too, as the SDKs do. */
static void normalise_path(struct str path, struct buf *out)
{
    bool ends_in_slash = path.len > 0 && path.ptr[path.len - 1] == '/';

    while (path.ptr != NULL) {
        struct str segment = str_cut(path, '/', &path);

        if (str_is(segment, "..")) {
            out->len = str_find_last(buf_str(out), '/') == out->len ? 0 : str_find_last(buf_str(out), '/');
        } else if (segment.len > 0 && !str_is(segment, ".")) {
            buf_add_char(out, '/');
            buf_add(out, segment);
        }
    }
    if (ends_in_slash || out->len == 0)
        buf_add_char(out, '/');
}

/* S3 signs the path encoded once, however it was sent; all others normalise it and encode it a second time. */
static bool add_path(const struct sigv4_claim *claim, struct str path, struct arena *arena, struct buf *out)
{
    auto_buf normal = {0};
    struct str raw;

    if (path.len == 0)
        path = STR("/");
    if (str_is(claim->service, "s3")) {
        if (!percent_decode(path, false, arena, &raw))
            return false;
        percent_encode(raw, true, out);
        return true;
    }
    normalise_path(path, &normal);
    percent_encode(buf_str(&normal), true, out);
    return !normal.overflowed;
}

static int compare_pairs(const void *a, const void *b)
{
    const struct form_pair *left = a;
    const struct form_pair *right = b;
    int order = str_compare(left->name, right->name);

    return order != 0 ? order : str_compare(left->value, right->value);
}

static bool encoded(struct str raw, struct arena *arena, struct str *ret_text)
{
    auto_buf text = {0};
    char *copy;

    percent_encode(raw, false, &text);
    copy = arena_try(arena, text.len);
    if (copy == NULL)
        return false;
    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    *ret_text = (struct str){copy, text.len};
    return !text.overflowed;
}

/* Sorted by name, then value, both as encoded. */
static bool add_query(const struct wire_request *request, struct arena *arena, struct buf *out, struct fail *f)
{
    struct form form;
    bool first = true;

    if (!form_decode(request->query, arena, &form, f))
        return false;
    for (size_t i = 0; i < form.count; i++) {
        if (!encoded(form.pairs[i].name, arena, &form.pairs[i].name) ||
            !encoded(form.pairs[i].value, arena, &form.pairs[i].value))
            return fail_api(f, "MalformedQueryString", "The query string is too long");
    }
    if (form.count > 0)
        qsort(form.pairs, form.count, sizeof(*form.pairs), compare_pairs);
    for (size_t i = 0; i < form.count; i++) {
        if (str_is(form.pairs[i].name, "X-Amz-Signature"))
            continue;
        if (!first)
            buf_add_char(out, '&');
        buf_add(out, form.pairs[i].name);
        buf_add_char(out, '=');
        buf_add(out, form.pairs[i].value);
        first = false;
    }
    return true;
}

/* Without space at the ends, and runs of space as one. */
static void add_trimmed(struct str value, struct buf *out)
{
    bool gap = false;

    value = str_trim(value);
    for (size_t i = 0; i < value.len; i++) {
        bool space = value.ptr[i] == ' ' || value.ptr[i] == '\t';

        if (!space && gap)
            buf_add_char(out, ' ');
        if (!space)
            buf_add_char(out, value.ptr[i]);
        gap = space;
    }
}

/* "name:value,value\n"; false when the request has no such header. */
static bool add_header(const struct wire_request *request, struct str name, struct buf *out)
{
    bool found = false;

    buf_add(out, name);
    buf_add_char(out, ':');
    for (size_t i = 0; i < request->header_count; i++) {
        if (!str_eq_nocase(request->headers[i].name, name))
            continue;
        if (found)
            buf_add_char(out, ',');
        add_trimmed(request->headers[i].value, out);
        found = true;
    }
    buf_add_char(out, '\n');
    return found;
}

static bool add_headers(const struct wire_request *request, struct str names, struct buf *out, struct fail *f)
{
    while (names.ptr != NULL) {
        struct str name = str_cut(names, ';', &names);

        if (!add_header(request, name, out))
            return fail_api(f, "SignatureDoesNotMatch", "The request has no header '%.*s', which is a SignedHeader",
                            STR_ARG(name));
    }
    return true;
}

/* IAM user guide, "Create a signed AWS API request", step 1. */
static bool add_canonical_request(const struct sigv4_claim *claim, const struct wire_request *request,
                                  struct arena *arena, struct buf *out, struct fail *f)
{
    buf_add(out, request->method);
    buf_add_char(out, '\n');
    if (!add_path(claim, request->path, arena, out))
        return fail_api(f, "IncompleteSignature", "The path of the request is not well-formed");
    buf_add_char(out, '\n');
    if (!add_query(request, arena, out, f))
        return false;
    buf_add_char(out, '\n');
    if (!add_headers(request, claim->signed_headers, out, f))
        return false;
    buf_add_char(out, '\n');
    buf_add(out, claim->signed_headers);
    buf_add_char(out, '\n');
    buf_add(out, claim->payload_hash);
    if (out->overflowed)
        return fail_api(f, "IncompleteSignature", "The canonical request is too long");
    return true;
}

bool sigv4_string_to_sign(const struct sigv4_claim *claim, const struct wire_request *request, struct arena *arena,
                          struct str *ret_string, struct fail *f)
{
    auto_buf canonical = {0};
    struct sigv4_hex hash;
    struct str scope = sigv4_scope(claim, arena);
    struct str when = sigv4_date_time(arena, claim->when_ms);

    must(claim->payload_hash.ptr != NULL);
    if (!add_canonical_request(claim, request, arena, &canonical, f))
        return false;
    hash = sigv4_hash(buf_str(&canonical));
    *ret_string = arena_printf(arena, "AWS4-HMAC-SHA256\n%.*s\n%.*s\n%.*s", STR_ARG(when), STR_ARG(scope),
                               STR_ARG(sigv4_hex_str(&hash)));
    return true;
}
