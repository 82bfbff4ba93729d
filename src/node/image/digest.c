/* Before ours: OpenSSL's headers say __attribute__((unused)), and base makes `unused` a macro. */
#include <openssl/evp.h>

#include "node/image/digest.h"

#include "base/must.h"

static const char PREFIX[] = "sha256:";

bool digest_valid(struct str text)
{
    if (text.len != DIGEST_LEN || !str_starts(text, STR("sha256:")))
        return false;
    for (size_t i = sizeof(PREFIX) - 1; i < text.len; i++)
        if (memchr("0123456789abcdef", text.ptr[i], 16) == NULL)
            return false;
    return true;
}

struct str digest_hex(struct str digest)
{
    must(digest.len == DIGEST_LEN);
    return str_from(digest, sizeof(PREFIX) - 1);
}

/* The calls below fail only without memory or without SHA-256 in the library: nothing a pull could go on from. */
void digest_begin(struct digest *digest)
{
    digest->context = EVP_MD_CTX_new();
    must(digest->context != NULL);
    must(EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL) == 1);
}

void digest_add(struct digest *digest, struct str bytes)
{
    must(EVP_DigestUpdate(digest->context, bytes.ptr, bytes.len) == 1);
}

void digest_text(const struct digest *digest, char ret_text[DIGEST_SIZE])
{
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned int raw_len = 0;
    EVP_MD_CTX *copy = EVP_MD_CTX_new();

    must(copy != NULL);
    must(EVP_MD_CTX_copy_ex(copy, digest->context) == 1);
    must(EVP_DigestFinal_ex(copy, raw, &raw_len) == 1);
    EVP_MD_CTX_free(copy);
    memcpy(ret_text, PREFIX, sizeof(PREFIX));
    for (size_t i = 0; i < raw_len; i++)
        (void)snprintf(ret_text + sizeof(PREFIX) - 1 + 2 * i, 3, "%02x", raw[i]);
}

void digest_free(struct digest *digest)
{
    EVP_MD_CTX_free(digest->context);
    digest->context = NULL;
}

void digest_of(struct str bytes, char ret_text[DIGEST_SIZE])
{
    struct digest digest;

    digest_begin(&digest);
    digest_add(&digest, bytes);
    digest_text(&digest, ret_text);
    digest_free(&digest);
}
