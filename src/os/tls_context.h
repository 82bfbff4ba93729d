/* What a TLS server shows its clients: its certificate and key, read from PEM, and the rules of the handshake. */
#pragma once

#include <openssl/ssl.h> /* first: it uses the attribute name that base/attributes.h defines, `unused` */

#include "base/fail.h"

/* The certificate is the server's, then come those that lead to its root. Fails with FAIL_INPUT when certificate and
 * key are not a pair. The caller frees the context. */
checked bool tls_context_new(const char *certificate_pem, const char *key_pem, SSL_CTX **ret_context, struct fail *f);
