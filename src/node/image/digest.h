/* Digests as registries write them: "sha256:" and 64 lower-case hexadecimal digits (OCI Image Spec 1.1, Descriptor,
 * Digests). Other algorithms are refused: ECR and docker know this one only. */
#pragma once

#include "base/str.h"

struct evp_md_ctx_st; /* OpenSSL's EVP_MD_CTX */

enum { DIGEST_LEN = 71, DIGEST_SIZE = DIGEST_LEN + 1 };

bool digest_valid(struct str text);
/* The 64 digits of a valid digest. */
struct str digest_hex(struct str digest);

/* A digest being computed. */
struct digest {
    struct evp_md_ctx_st *context;
};

void digest_begin(struct digest *digest);
void digest_add(struct digest *digest, struct str bytes);
/* The text of what was added so far, NUL-terminated; more may be added after it. */
void digest_text(const struct digest *digest, char ret_text[DIGEST_SIZE]);
void digest_free(struct digest *digest);

/* The same in one go. */
void digest_of(struct str bytes, char ret_text[DIGEST_SIZE]);
