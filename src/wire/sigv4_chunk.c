/* Bodies in aws-chunked form: S3 API reference, "Signature calculations for the Authorization header: transferring
 * payload in multiple chunks" and "... including trailing headers". */
/* Before ours: base names an attribute `unused`, which their headers spell out. */
#include <openssl/crypto.h>

#include "wire/sigv4_canonical.h"

#define EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

enum { HEX_DIGITS_MAX = 8, SCOPE_BYTES_MAX = 256 };

/* The chain of signatures through a body. */
struct chain {
    const struct sigv4_key *key;
    bool is_signed;
    bool trailers;
    char prefix[SCOPE_BYTES_MAX]; /* "date\nscope\n", the same in each string to sign */
    struct sigv4_hex before;
};

static bool malformed(struct fail *f)
{
    return fail_api(f, "IncompleteBody", "The request body terminated unexpectedly or is not well-formed aws-chunked");
}

static bool chain_start(const struct sigv4_claim *claim, const struct sigv4_key *key, struct chain *chain,
                        struct fail *f)
{
    struct arena arena;
    int len;

    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    *chain = (struct chain){.key = key, .is_signed = !str_starts(claim->payload_hash, STR("STREAMING-UNSIGNED-"))};
    chain->trailers = str_ends(claim->payload_hash, STR("-TRAILER"));
    memcpy(chain->before.digits, claim->signature.ptr, sizeof(chain->before.digits));
    len = snprintf(chain->prefix, sizeof(chain->prefix), "%s\n%s\n", sigv4_date_time(&arena, claim->when_ms).ptr,
                   sigv4_scope(claim, &arena).ptr);
    arena_free(&arena);
    if (len < 0 || (size_t)len >= sizeof(chain->prefix))
        return fail_api(f, "SignatureDoesNotMatch", "The credential scope is too long");
    return true;
}

/* The next link: signature must be that of the piece. what: "PAYLOAD" or "TRAILER". */
static bool chain_next(struct chain *chain, const char *what, struct str bytes, struct str signature, struct fail *f)
{
    bool payload = strcmp(what, "PAYLOAD") == 0;
    char text[SCOPE_BYTES_MAX + 256];
    struct sigv4_hex expected;
    struct sigv4_hex hash;
    int len;

    if (!chain->is_signed)
        return true;
    hash = sigv4_hash(bytes);
    len = snprintf(text, sizeof(text), "AWS4-HMAC-SHA256-%s\n%s%.64s\n%s%.64s", what, chain->prefix,
                   chain->before.digits, payload ? EMPTY_HASH "\n" : "", hash.digits);
    expected = sigv4_signature(chain->key, (struct str){text, (size_t)len});
    if (signature.len != sizeof(expected.digits) ||
        CRYPTO_memcmp(expected.digits, signature.ptr, sizeof(expected.digits)) != 0)
        return fail_api(f, "SignatureDoesNotMatch", "The signature of a chunk does not match what was computed.");
    chain->before = expected;
    return true;
}

static bool hex_number(struct str text, size_t *ret_value)
{
    size_t value = 0;

    if (text.len == 0 || text.len > HEX_DIGITS_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        size_t digit = str_find(STR("0123456789abcdef"), (char)(text.ptr[i] >= 'A' ? text.ptr[i] | 0x20 : text.ptr[i]));

        if (digit == 16)
            return false;
        value = value * 16 + digit;
    }
    *ret_value = value;
    return true;
}

/* Takes a line off the front of *body, without its CRLF. */
static bool take_line(struct str *body, struct str *ret_line)
{
    size_t end = str_search(*body, STR("\r\n"));

    if (end == body->len)
        return false;
    *ret_line = str_to(*body, end);
    *body = str_from(*body, end + 2);
    return true;
}

/* One chunk off the front of *body, verified. */
static bool take_chunk(struct chain *chain, struct str *body, struct str *ret_data, struct fail *f)
{
    struct str rest = *body;
    struct str extension;
    struct str signature = {NULL, 0};
    struct str line;
    size_t size;

    if (!take_line(&rest, &line))
        return malformed(f);
    if (!hex_number(str_cut(line, ';', &extension), &size) || size > rest.len)
        return malformed(f);
    if (str_is(str_cut(extension, '=', &extension), "chunk-signature"))
        signature = extension;
    if (!chain_next(chain, "PAYLOAD", str_to(rest, size), signature, f))
        return false;
    *ret_data = str_to(rest, size);
    rest = str_from(rest, size);
    if (size > 0 && !str_starts(rest, STR("\r\n")))
        return malformed(f);
    *body = size > 0 ? str_from(rest, 2) : rest;
    return true;
}

/* The lines behind the last chunk, verified: what is signed are the lines in front of the signature's own, each ended
 * by a line feed alone. */
static bool take_trailers(struct chain *chain, struct str rest, struct str *ret_trailers, struct fail *f)
{
    struct str trailers = {rest.ptr, 0};
    struct str signature = {NULL, 0};
    auto_buf text = {0};

    while (rest.len > 0) {
        struct str behind;
        struct str value;
        struct str line = str_trim(str_cut(rest, '\n', &behind));

        if (str_is(str_cut(line, ':', &value), "x-amz-trailer-signature")) {
            signature = str_trim(value);
            break;
        }
        if (line.len > 0) {
            buf_add(&text, line);
            buf_add_char(&text, '\n');
        }
        rest = behind.ptr == NULL ? str_from(rest, rest.len) : behind;
        trailers.len = (size_t)(rest.ptr - trailers.ptr);
    }
    if (!chain->trailers && (text.len > 0 || signature.ptr != NULL))
        return malformed(f);
    if (chain->trailers && !chain_next(chain, "TRAILER", buf_str(&text), signature, f))
        return false;
    *ret_trailers = str_trim(trailers);
    return true;
}

bool sigv4_dechunk(const struct sigv4_claim *claim, const struct sigv4_key *key, struct str body, struct buf *ret_body,
                   struct str *ret_trailers, struct fail *f)
{
    struct chain chain;
    struct str data;

    if (!chain_start(claim, key, &chain, f))
        return false;
    do {
        if (!take_chunk(&chain, &body, &data, f))
            return false;
        buf_add(ret_body, data);
    } while (data.len > 0);
    if (ret_body->overflowed)
        return fail_api(f, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed object size.");
    return take_trailers(&chain, body, ret_trailers, f);
}
