/* Signatures of tokens, over OpenSSL. */
#include <openssl/bn.h> /* first: OpenSSL uses the attribute name that base/attributes.h defines, `unused` */
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "plane/iam/jwt_private.h"

#include <jansson.h>

enum { COORDINATE_LEN = 32, RSA_BITS_MIN = 2048, RSA_BITS_MAX = 8192 }; /* P-256; RFC 7518, section 3.3 */

/* ---- a key of the set ---- */

static struct str bytes_member(const json_t *key, const char *name, struct arena *arena)
{
    const json_t *value = json_object_get(key, name);
    struct str raw;

    if (!json_is_string(value) ||
        !jwt_base64((struct str){json_string_value(value), json_string_length(value)}, arena, &raw))
        return (struct str){NULL, 0};
    return raw;
}

static EVP_PKEY *pkey_new(const char *kind, OSSL_PARAM_BLD *build)
{
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, kind, NULL);
    EVP_PKEY *pkey = NULL;

    if (parameters == NULL || context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
        pkey = NULL;
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(parameters);
    return pkey;
}

static EVP_PKEY *rsa_key(const json_t *key, struct arena *arena)
{
    struct str modulus = bytes_member(key, "n", arena);
    struct str exponent = bytes_member(key, "e", arena);
    BIGNUM *n = modulus.ptr == NULL ? NULL : BN_bin2bn((const unsigned char *)modulus.ptr, (int)modulus.len, NULL);
    BIGNUM *e = exponent.ptr == NULL ? NULL : BN_bin2bn((const unsigned char *)exponent.ptr, (int)exponent.len, NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY *pkey = NULL;

    if (n != NULL && e != NULL && build != NULL && BN_num_bits(n) >= RSA_BITS_MIN && BN_num_bits(n) <= RSA_BITS_MAX &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1)
        pkey = pkey_new("RSA", build);
    OSSL_PARAM_BLD_free(build);
    BN_free(n);
    BN_free(e);
    return pkey;
}

static EVP_PKEY *ec_key(const json_t *key, struct arena *arena)
{
    struct str x = bytes_member(key, "x", arena);
    struct str y = bytes_member(key, "y", arena);
    const char *curve = json_string_value(json_object_get(key, "crv"));
    unsigned char point[1 + 2 * COORDINATE_LEN] = {POINT_CONVERSION_UNCOMPRESSED};
    OSSL_PARAM_BLD *build;
    EVP_PKEY *pkey = NULL;

    if (curve == NULL || strcmp(curve, "P-256") != 0 || x.len != COORDINATE_LEN || y.len != COORDINATE_LEN)
        return NULL;
    memcpy(point + 1, x.ptr, COORDINATE_LEN);
    memcpy(point + 1 + COORDINATE_LEN, y.ptr, COORDINATE_LEN);
    build = OSSL_PARAM_BLD_new();
    if (build != NULL && OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)) == 1)
        pkey = pkey_new("EC", build);
    OSSL_PARAM_BLD_free(build);
    return pkey;
}

/* ---- algorithms ---- */

/* ES256 writes the two numbers side by side (RFC 7518, section 3.4); OpenSSL wants them in DER. */
static bool ec_signature(struct str raw, unsigned char **ret_der, size_t *ret_len)
{
    ECDSA_SIG *signature;
    BIGNUM *r;
    BIGNUM *s;
    unsigned char *der = NULL;
    int len;

    if (raw.len != (size_t)2 * COORDINATE_LEN)
        return false;
    signature = ECDSA_SIG_new();
    r = BN_bin2bn((const unsigned char *)raw.ptr, COORDINATE_LEN, NULL);
    s = BN_bin2bn((const unsigned char *)raw.ptr + COORDINATE_LEN, COORDINATE_LEN, NULL);
    if (signature == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(signature, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        ECDSA_SIG_free(signature);
        return false;
    }
    len = i2d_ECDSA_SIG(signature, &der);
    ECDSA_SIG_free(signature);
    if (len <= 0)
        return false;
    *ret_der = der;
    *ret_len = (size_t)len;
    return true;
}

static bool is_signed_by(EVP_PKEY *pkey, struct str signed_part, const unsigned char *signature, size_t len)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context != NULL && EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, pkey) == 1 &&
                EVP_DigestVerify(context, signature, len, (const unsigned char *)signed_part.ptr, signed_part.len) == 1;

    EVP_MD_CTX_free(context);
    return good;
}

static bool rsa_verify(EVP_PKEY *pkey, const struct jwt *jwt)
{
    return is_signed_by(pkey, jwt->signed_part, (const unsigned char *)jwt->signature.ptr, jwt->signature.len);
}

static bool ec_verify(EVP_PKEY *pkey, const struct jwt *jwt)
{
    unsigned char *der;
    size_t len;
    bool good;

    if (!ec_signature(jwt->signature, &der, &len))
        return false;
    good = is_signed_by(pkey, jwt->signed_part, der, len);
    OPENSSL_free(der);
    return good;
}

static const struct algorithm {
    const char *name, *key_type;
    EVP_PKEY *(*key)(const json_t *key, struct arena *arena);
    bool (*verify)(EVP_PKEY *pkey, const struct jwt *jwt);
} algorithms[] = {
    {"RS256", "RSA", rsa_key, rsa_verify},
    {"ES256", "EC", ec_key, ec_verify},
};

static const struct algorithm *algorithm_of(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(algorithms); i++)
        if (str_is(name, algorithms[i].name))
            return &algorithms[i];
    return NULL;
}

/* ---- the set ---- */

/* The key that the token names, of its algorithm's type: without a name the only one of that type. */
static const json_t *find_key(const json_t *set, const struct jwt *jwt, const char *key_type)
{
    const json_t *keys = json_object_get(set, "keys");
    const json_t *found = NULL;

    for (size_t i = 0; i < json_array_size(keys); i++) {
        const json_t *key = json_array_get(keys, i);
        const char *type = json_string_value(json_object_get(key, "kty"));
        const char *id = json_string_value(json_object_get(key, "kid"));

        if (type == NULL || strcmp(type, key_type) != 0)
            continue;
        if (jwt->key_id.ptr != NULL) {
            if (id != NULL && str_is(jwt->key_id, id))
                return key;
        } else if (found != NULL) {
            return NULL;
        } else {
            found = key;
        }
    }
    return found;
}

static bool verify_with(const struct jwt *jwt, const struct algorithm *algorithm, const json_t *set,
                        struct arena *arena, struct fail *f)
{
    const json_t *key = find_key(set, jwt, algorithm->key_type);
    EVP_PKEY *pkey;
    bool good;

    if (key == NULL)
        return fail(f, FAIL_NOT_FOUND, "the provider has no key '%.*s'", STR_ARG(jwt->key_id));
    pkey = algorithm->key(key, arena);
    if (pkey == NULL)
        return fail(f, FAIL_INPUT, "the provider's key '%.*s' cannot be read", STR_ARG(jwt->key_id));
    good = algorithm->verify(pkey, jwt);
    EVP_PKEY_free(pkey);
    return good || fail(f, FAIL_DENIED, "the signature is not that of the provider's key '%.*s'", STR_ARG(jwt->key_id));
}

bool jwt_verify(const struct jwt *jwt, struct str key_set, struct arena *arena, struct fail *f)
{
    const struct algorithm *algorithm = algorithm_of(jwt->algorithm);
    json_error_t error;
    json_t *set;
    bool good;

    if (algorithm == NULL)
        return fail(f, FAIL_INPUT, "its algorithm '%.*s' is not RS256 or ES256", STR_ARG(jwt->algorithm));
    set = json_loadb(key_set.ptr, key_set.len, 0, &error);
    if (set == NULL)
        return fail(f, FAIL_INPUT, "the provider's keys cannot be read: %s", error.text);
    good = verify_with(jwt, algorithm, set, arena, f);
    json_decref(set);
    return good;
}
