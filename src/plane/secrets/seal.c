#include <openssl/evp.h> /* first: it uses the attribute name that base/attributes.h defines, `unused` */

#include "plane/secrets/seal.h"

#include "base/must.h"

static void free_context(EVP_CIPHER_CTX **context)
{
    EVP_CIPHER_CTX_free(*context);
}

#define auto_context __attribute__((cleanup(free_context))) EVP_CIPHER_CTX

static const unsigned char *bytes_of(struct str text)
{
    return (const unsigned char *)(text.ptr == NULL ? "" : text.ptr);
}

/* A fresh context for one value, with key, nonce and what it is bound to. Only a lack of memory can make it fail. */
static EVP_CIPHER_CTX *begin(struct str key, const unsigned char *nonce, struct str bound_to, bool encrypt)
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int len;

    must(context != NULL);
    must(key.len == SEAL_KEY_BYTES);
    must(EVP_CipherInit_ex(context, EVP_aes_256_gcm(), NULL, bytes_of(key), nonce, encrypt) == 1);
    must(EVP_CipherUpdate(context, NULL, &len, bytes_of(bound_to), (int)bound_to.len) == 1);
    return context;
}

struct str seal(struct arena *arena, struct str key, const unsigned char nonce[SEAL_NONCE_BYTES], struct str bound_to,
                struct str plain)
{
    auto_context *context = begin(key, nonce, bound_to, /* encrypt= */ true);
    size_t size = SEAL_NONCE_BYTES + plain.len + SEAL_TAG_BYTES;
    unsigned char *sealed = arena_alloc(arena, size);
    unsigned char *at = sealed + SEAL_NONCE_BYTES;
    int len;

    memcpy(sealed, nonce, SEAL_NONCE_BYTES);
    must(EVP_CipherUpdate(context, at, &len, bytes_of(plain), (int)plain.len) == 1);
    must((size_t)len == plain.len);
    must(EVP_CipherFinal_ex(context, at + plain.len, &len) == 1);
    must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, SEAL_TAG_BYTES, at + plain.len) == 1);
    return (struct str){(const char *)sealed, size};
}

bool seal_open(struct arena *arena, struct str key, struct str bound_to, struct str sealed, struct str *ret_plain)
{
    unsigned char tag[SEAL_TAG_BYTES];
    size_t plain_len = sealed.len - SEAL_NONCE_BYTES - SEAL_TAG_BYTES;
    unsigned char *plain;
    int len;

    if (sealed.len < SEAL_NONCE_BYTES + SEAL_TAG_BYTES)
        return false;
    auto_context *context = begin(key, bytes_of(sealed), bound_to, /* encrypt= */ false);
    plain = arena_alloc(arena, plain_len + 1);
    memcpy(tag, sealed.ptr + SEAL_NONCE_BYTES + plain_len, sizeof(tag));
    must(EVP_CipherUpdate(context, plain, &len, bytes_of(sealed) + SEAL_NONCE_BYTES, (int)plain_len) == 1);
    must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, sizeof(tag), tag) == 1);
    if (EVP_CipherFinal_ex(context, plain + plain_len, &len) != 1) {
        OPENSSL_cleanse(plain, plain_len); /* what does not verify is not shown, not even by accident */
        return false;
    }
    *ret_plain = (struct str){(const char *)plain, plain_len};
    return true;
}

struct str seal_text(struct arena *arena, struct str sealed)
{
    char *text = arena_alloc(arena, (sealed.len + 2) / 3 * 4 + 1);

    return (struct str){text, (size_t)EVP_EncodeBlock((unsigned char *)text, bytes_of(sealed), (int)sealed.len)};
}
