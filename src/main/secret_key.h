/* The key that seals secrets and parameters in the records: DIR/secrets.key, 32 bytes, mode 0600, outside of the store
 * so that the store or a copy of it alone shows nothing (docs/decisions/0100).
 *
 * It is made once, at the first start, and never again while there is a sealed value: without it they are lost, and a
 * new one would hide that. */
#pragma once

#include "edge/loop.h"
#include "main/data_dir.h"
#include "plane/secrets/seal.h"

#define SECRET_KEY_FILE "secrets.key"

struct secret_key {
    unsigned char bytes[SEAL_KEY_BYTES];
    bool is_new; /* not in its file yet */
};

/* Reads the key, or makes one up where there is no file. Fails when the file holds no key. */
checked bool secret_key_read(const struct data_dir *dir, struct secret_key *ret_key, struct fail *f);
/* Writes a new key into its file. Fails when the records hold values that the key does not open; before any request is
 * answered. */
checked bool secret_key_settle(const struct data_dir *dir, const struct secret_key *key, struct loop *loop,
                               struct fail *f);
