/* First: OpenSSL's headers use a name that base/attributes.h defines. */
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "plane/ec2/ssh_key.h"

#include "base/buf.h"
#include "base/must.h"

enum { RSA_BITS = 2048, MATERIAL_BYTES_MAX = 16384, ED25519_BYTES = 32 };

static struct str base64(struct arena *arena, struct str bytes)
{
    char *text = arena_alloc(arena, bytes.len * 4 / 3 + 5);
    int len = EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)bytes.ptr, (int)bytes.len);

    return (struct str){text, (size_t)len};
}

/* false: not base64. */
static bool unbase64(struct arena *arena, struct str text, struct str *ret_bytes)
{
    unsigned char *bytes = arena_alloc(arena, text.len + 4);
    int len = text.len % 4 != 0 ? -1 : EVP_DecodeBlock(bytes, (const unsigned char *)text.ptr, (int)text.len);

    for (size_t i = text.len; len > 0 && i > 0 && text.ptr[i - 1] == '='; i--)
        len--;
    *ret_bytes = (struct str){(const char *)bytes, len < 0 ? 0 : (size_t)len};
    return len > 0;
}

/* ---- fingerprints ---- */

static struct str hex_colons(struct arena *arena, const unsigned char *bytes, size_t len)
{
    auto_buf text = {.ptr = NULL};

    for (size_t i = 0; i < len; i++)
        buf_printf(&text, "%s%02x", i == 0 ? "" : ":", bytes[i]);
    return arena_str(arena, buf_str(&text));
}

static struct str digest_colons(struct arena *arena, const EVP_MD *kind, struct str bytes)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    must(EVP_Digest(bytes.ptr, bytes.len, digest, &len, kind, NULL) == 1);
    return hex_colons(arena, digest, len);
}

/* ED25519: SHA-256 of the public key's blob, in base64 with its padding, as EC2 shows it. */
static struct str blob_fingerprint(struct arena *arena, struct str blob)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    must(EVP_Digest(blob.ptr, blob.len, digest, &len, EVP_sha256(), NULL) == 1);
    return base64(arena, (struct str){(const char *)digest, len});
}

/* RSA made by EC2: SHA-1 of the private key in DER (PKCS #8). */
static struct str private_fingerprint(struct arena *arena, const EVP_PKEY *key)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
    unsigned char *der = NULL;
    struct str fingerprint;
    int len;

    must(info != NULL);
    len = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
    must(len > 0);
    fingerprint = digest_colons(arena, EVP_sha1(), (struct str){(const char *)der, (size_t)len});
    OPENSSL_free(der);
    PKCS8_PRIV_KEY_INFO_free(info);
    return fingerprint;
}

/* ---- the public key's blob (RFC 4253, section 6.6; RFC 8709, section 4) ---- */

static void add_text(struct buf *blob, struct str text)
{
    const unsigned char len[] = {(unsigned char)(text.len >> 24), (unsigned char)(text.len >> 16),
                                 (unsigned char)(text.len >> 8), (unsigned char)text.len};

    buf_add(blob, (struct str){(const char *)len, sizeof(len)});
    buf_add(blob, text);
}

/* An mpint: a zero in front keeps it positive. */
static void add_number(struct buf *blob, const EVP_PKEY *key, const char *name)
{
    unsigned char bytes[RSA_BITS / 8 + 1] = {0};
    BIGNUM *number = NULL;
    int len;

    must(EVP_PKEY_get_bn_param(key, name, &number) == 1);
    len = BN_num_bytes(number);
    must(len > 0 && (size_t)len < sizeof(bytes));
    must(BN_bn2bin(number, bytes + 1) == len);
    if (bytes[1] < 0x80)
        add_text(blob, (struct str){(const char *)bytes + 1, (size_t)len});
    else
        add_text(blob, (struct str){(const char *)bytes, (size_t)len + 1});
    BN_free(number);
}

static void make_blob(enum ssh_key_type type, const EVP_PKEY *key, struct buf *blob)
{
    unsigned char raw[ED25519_BYTES];
    size_t len = sizeof(raw);

    if (type == SSH_KEY_RSA) {
        add_text(blob, STR("ssh-rsa"));
        add_number(blob, key, OSSL_PKEY_PARAM_RSA_E);
        add_number(blob, key, OSSL_PKEY_PARAM_RSA_N);
        return;
    }
    must(EVP_PKEY_get_raw_public_key(key, raw, &len) == 1);
    add_text(blob, STR("ssh-ed25519"));
    add_text(blob, (struct str){(const char *)raw, len});
}

/* ---- making ---- */

static struct str pem_of(const EVP_PKEY *key, struct arena *arena)
{
    BIO *out = BIO_new(BIO_s_mem());
    struct str text;
    char *bytes;
    long len;

    must(out != NULL);
    must(PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) == 1);
    len = BIO_get_mem_data(out, &bytes);
    text = arena_str(arena, (struct str){bytes, (size_t)len});
    BIO_free(out);
    return text;
}

bool ssh_key_make(enum ssh_key_type type, struct arena *arena, struct ssh_key *ret_key, struct fail *f)
{
    EVP_PKEY *key = type == SSH_KEY_RSA ? EVP_RSA_gen(RSA_BITS) : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    auto_buf blob = {.ptr = NULL};
    struct str name = type == SSH_KEY_RSA ? STR("ssh-rsa") : STR("ssh-ed25519");
    struct str text;

    if (key == NULL)
        return fail(f, FAIL_SYSTEM, "no key can be made");
    make_blob(type, key, &blob);
    text = base64(arena, buf_str(&blob));
    ret_key->type = type;
    ret_key->public_key = arena_printf(arena, "%.*s %.*s", STR_ARG(name), STR_ARG(text));
    ret_key->fingerprint =
        type == SSH_KEY_RSA ? private_fingerprint(arena, key) : blob_fingerprint(arena, buf_str(&blob));
    ret_key->private_key = pem_of(key, arena);
    EVP_PKEY_free(key);
    return true;
}

/* ---- importing ---- */

/* The first text of a blob, and what is behind it. */
static bool cut_text(struct str *blob, struct str *ret_text)
{
    const unsigned char *at = (const unsigned char *)blob->ptr;
    size_t len;

    if (blob->len < 4)
        return false;
    len = (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
    if (len > blob->len - 4)
        return false;
    *ret_text = str_to(str_from(*blob, 4), len);
    *blob = str_from(*blob, 4 + len);
    return true;
}

/* RSA that was imported: MD5 of the public key in DER. */
static bool public_fingerprint(struct arena *arena, struct str rest, struct str *ret_fingerprint)
{
    struct str e;
    struct str n;
    BIGNUM *numbers[2];
    unsigned char *der = NULL;
    EVP_PKEY *key = NULL;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    OSSL_PARAM *params;
    int len;

    must(builder != NULL);
    must(context != NULL);
    if (!cut_text(&rest, &e) || !cut_text(&rest, &n) || e.len == 0 || n.len < 128) {
        OSSL_PARAM_BLD_free(builder);
        EVP_PKEY_CTX_free(context);
        return false;
    }
    numbers[0] = BN_bin2bn((const unsigned char *)e.ptr, (int)e.len, NULL);
    numbers[1] = BN_bin2bn((const unsigned char *)n.ptr, (int)n.len, NULL);
    must(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, numbers[0]) == 1);
    must(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, numbers[1]) == 1);
    params = OSSL_PARAM_BLD_to_param(builder);
    must(params != NULL);
    len = EVP_PKEY_fromdata_init(context) == 1 && EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) == 1
              ? i2d_PUBKEY(key, &der)
              : -1;
    if (len > 0)
        *ret_fingerprint = digest_colons(arena, EVP_md5(), (struct str){(const char *)der, (size_t)len});
    OPENSSL_free(der);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    BN_free(numbers[0]);
    BN_free(numbers[1]);
    EVP_PKEY_free(key);
    EVP_PKEY_CTX_free(context);
    return len > 0;
}

static bool read_line(struct str line, struct arena *arena, struct ssh_key *key)
{
    struct str rest;
    struct str name = str_cut(str_trim(line), ' ', &rest);
    struct str text = str_cut(rest, ' ', &rest);
    struct str whole;
    struct str blob;
    struct str inner;

    if (text.ptr == NULL || !unbase64(arena, text, &blob))
        return false;
    whole = blob;
    if (!cut_text(&blob, &inner) || !str_eq(inner, name))
        return false;
    key->public_key = arena_printf(arena, "%.*s %.*s", STR_ARG(name), STR_ARG(text));
    if (str_is(name, "ssh-ed25519")) {
        key->type = SSH_KEY_ED25519;
        key->fingerprint = blob_fingerprint(arena, whole);
        return cut_text(&blob, &inner) && inner.len == ED25519_BYTES && blob.len == 0;
    }
    key->type = SSH_KEY_RSA;
    return str_is(name, "ssh-rsa") && public_fingerprint(arena, blob, &key->fingerprint);
}

bool ssh_key_import(struct str material, struct arena *arena, struct ssh_key *ret_key, struct fail *f)
{
    struct ssh_key key = {.private_key = {NULL, 0}};
    struct str line = material;

    if (material.len == 0 || material.len > MATERIAL_BYTES_MAX)
        return fail_api(f, "InvalidKey.Format", "Key is not in valid OpenSSH public key format");
    if (!str_starts(material, STR("ssh-")) && !unbase64(arena, material, &line))
        return fail_api(f, "InvalidKey.Format", "Key is not in valid OpenSSH public key format");
    if (!read_line(line, arena, &key))
        return fail_api(f, "InvalidKey.Format", "Key is not in valid OpenSSH public key format");
    *ret_key = key;
    return true;
}
