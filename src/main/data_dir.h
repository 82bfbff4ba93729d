/* The data directory of an installation: everything it keeps, and who it is.
 *
 *   state.db          the records             blobs/ logs/    bulk
 *   server.lock       held by the server      host.lock       held by the host; both hold the process id
 *   secrets.key       seals what must not be read from state.db
 *   token             what links and control requests bear
 *   instance          the short name in front of everything made on this machine
 *   vpc-cidr          range of the default VPC
 *   listen, public-address   what `berth up` was last told
 *   env, aws/         shell lines and an AWS profile for the users' tools */
#pragma once

#include "base/arena.h"
#include "base/fail.h"

#define DATA_DIR_DEFAULT "/var/lib/berth"

struct data_dir {
    const char *path;
    char token[65];
    char instance[7];
};

/* Makes the directory (mode 0700), token and instance name where they are missing, and reads them. */
checked bool data_dir_open(const char *path, struct data_dir *ret_dir, struct fail *f);
/* Path of a file in it, in the arena. */
const char *data_dir_file(const struct data_dir *dir, const char *name, struct arena *arena);

/* Takes the lock of a role ("server", "host") for this process, until it ends. FAIL_CONFLICT names the process that has
 * it. */
checked bool data_dir_lock(const struct data_dir *dir, const char *role, int *ret_fd, struct fail *f);
/* The process that holds a role's lock; 0 when none does. */
int data_dir_holder(const struct data_dir *dir, const char *role);

/* Writes a small file whole or not at all, mode 0600. */
checked bool data_dir_write(const struct data_dir *dir, const char *name, struct str text, struct fail *f);
/* Reads one of at most 64 KiB into the arena. FAIL_NOT_FOUND. */
checked bool data_dir_read(const struct data_dir *dir, const char *name, struct arena *arena, struct str *ret_text,
                           struct fail *f);
