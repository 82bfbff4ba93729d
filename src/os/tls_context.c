#include <openssl/err.h> /* first: it uses the attribute name that base/attributes.h defines, `unused` */
#include <openssl/pem.h>

#include "os/tls_context.h"

static bool use_chain(SSL_CTX *context, BIO *pem)
{
    X509 *certificate = PEM_read_bio_X509(pem, NULL, NULL, NULL);
    bool good = certificate != NULL && SSL_CTX_use_certificate(context, certificate) == 1;

    X509_free(certificate);
    while (good && (certificate = PEM_read_bio_X509(pem, NULL, NULL, NULL)) != NULL)
        good = SSL_CTX_add0_chain_cert(context, certificate) == 1;
    ERR_clear_error(); /* the end of the text is an error too */
    return good;
}

static bool use_key(SSL_CTX *context, BIO *pem)
{
    EVP_PKEY *key = PEM_read_bio_PrivateKey(pem, NULL, NULL, NULL);
    bool good = key != NULL && SSL_CTX_use_PrivateKey(context, key) == 1 && SSL_CTX_check_private_key(context) == 1;

    EVP_PKEY_free(key);
    ERR_clear_error();
    return good;
}

bool tls_context_new(const char *certificate_pem, const char *key_pem, SSL_CTX **ret_context, struct fail *f)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    BIO *certificate = BIO_new_mem_buf(certificate_pem, -1);
    BIO *key = BIO_new_mem_buf(key_pem, -1);
    bool good = context != NULL && certificate != NULL && key != NULL;

    if (good) {
        (void)SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
        (void)SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF); /* HTTP knows its own ends */
        (void)SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                            SSL_MODE_RELEASE_BUFFERS);
        good = use_chain(context, certificate) && use_key(context, key);
    }
    (void)BIO_free(certificate);
    (void)BIO_free(key);
    if (!good) {
        SSL_CTX_free(context);
        return fail(f, FAIL_INPUT, "the TLS certificate and its key are not a pair in PEM form");
    }
    *ret_context = context;
    return true;
}
