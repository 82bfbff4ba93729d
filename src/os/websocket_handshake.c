#include <openssl/evp.h> /* first: it uses the attribute name that base/attributes.h defines, `unused` */
#include <openssl/sha.h>

#include "os/websocket_handshake.h"

#include "base/must.h"
#include "os/entropy.h"

enum { KEY_RAW_BYTES = 16 };

void websocket_accept_key(struct str key, char accept[WEBSOCKET_ACCEPT_BYTES])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* RFC 6455, section 1.3 */
    char text[128];
    unsigned char digest[SHA_DIGEST_LENGTH];
    int len = snprintf(text, sizeof(text), "%.*s%s", STR_ARG(key), guid);

    must(len > 0 && (size_t)len < sizeof(text));
    (void)SHA1((const unsigned char *)text, (size_t)len, digest);
    (void)EVP_EncodeBlock((unsigned char *)accept, digest, sizeof(digest));
}

void websocket_new_key(char key[WEBSOCKET_KEY_BYTES])
{
    unsigned char raw[KEY_RAW_BYTES];

    entropy_fill(raw, sizeof(raw));
    (void)EVP_EncodeBlock((unsigned char *)key, raw, sizeof(raw));
}

static struct str header_of(const struct wire_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (str_eq_nocase(request->headers[i].name, str_of(name)))
            return request->headers[i].value;
    return (struct str){0};
}

/* Whether a comma-separated list has the token, in any case. */
static bool has_token(struct str list, const char *token)
{
    while (list.ptr != NULL)
        if (str_eq_nocase(str_trim(str_cut(list, ',', &list)), str_of(token)))
            return true;
    return false;
}

bool websocket_check_request(const struct wire_request *request, char accept[WEBSOCKET_ACCEPT_BYTES], struct fail *f)
{
    struct str key = header_of(request, "Sec-WebSocket-Key");

    if (!str_is(request->method, "GET") || !has_token(header_of(request, "Upgrade"), "websocket") ||
        !has_token(header_of(request, "Connection"), "upgrade"))
        return fail(f, FAIL_INPUT, "This is a websocket: ask for an upgrade.");
    if (!str_is(header_of(request, "Sec-WebSocket-Version"), "13"))
        return fail(f, FAIL_INPUT, "The websocket version is 13.");
    if (key.len != WEBSOCKET_KEY_BYTES - 1 || !str_ends(key, STR("==")))
        return fail(f, FAIL_INPUT, "Sec-WebSocket-Key is not the base64 form of 16 bytes.");
    websocket_accept_key(key, accept);
    return true;
}

bool websocket_check_answer(struct str head, const char *key, struct fail *f)
{
    char expected[WEBSOCKET_ACCEPT_BYTES];
    struct str rest;
    struct str status = str_trim(str_cut(head, '\n', &rest));
    bool upgrade = false;
    bool accepted = false;

    if (!str_starts(status, STR("HTTP/1.1 ")))
        return fail(f, FAIL_INPUT, "no HTTP answer to the websocket handshake");
    status = str_from(status, 9);
    if (!str_is(str_to(status, status.len < 3 ? status.len : 3), "101"))
        return fail(f, FAIL_DENIED, "the websocket was answered with %.*s", (int)(status.len < 80 ? status.len : 80),
                    status.ptr);
    websocket_accept_key(str_of(key), expected);
    while (rest.ptr != NULL) {
        struct str value;
        struct str name = str_cut(str_cut(rest, '\n', &rest), ':', &value);

        value = value.ptr == NULL ? STR("") : str_trim(value);
        upgrade = upgrade || (str_eq_nocase(name, STR("Upgrade")) && str_eq_nocase(value, STR("websocket")));
        accepted = accepted || (str_eq_nocase(name, STR("Sec-WebSocket-Accept")) && str_is(value, expected));
    }
    if (!upgrade || !accepted)
        return fail(f, FAIL_INPUT, "the websocket handshake was not answered as RFC 6455 says");
    return true;
}
