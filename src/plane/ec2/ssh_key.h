/* SSH keys as EC2 handles them: texts of public keys, fingerprints, and new pairs. */
#pragma once

#include "base/arena.h"
#include "base/fail.h"

enum ssh_key_type { SSH_KEY_RSA, SSH_KEY_ED25519 };

struct ssh_key {
    enum ssh_key_type type;
    struct str public_key;  /* "ssh-rsa AAAA... " as in authorized_keys, without comment */
    struct str fingerprint; /* EC2 user guide, "Verify the fingerprint of your key pair" */
    struct str private_key; /* PEM; absent for one that was imported */
};

/* Makes a pair with OpenSSL's own randomness; an RSA key of 2048 bits takes some tens of milliseconds. */
checked bool ssh_key_make(enum ssh_key_type type, struct arena *arena, struct ssh_key *ret_key, struct fail *f);
/* Reads an OpenSSH public key in base64, as ImportKeyPair is given it (or plain). Fails with InvalidKey.Format. */
checked bool ssh_key_import(struct str material, struct arena *arena, struct ssh_key *ret_key, struct fail *f);
