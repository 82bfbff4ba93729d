/* What blob_store.c and blob_upload.c share; nobody else includes it. */
#pragma once

#include "base/map.h"
#include "os/blob_store.h"

#include <limits.h>
#include <pthread.h>

struct blob_store {
    char directory[PATH_MAX]; /* for messages */
    int lock_fd;
    int blobs_fd;   /* DIRECTORY/sha256 */
    int uploads_fd; /* DIRECTORY/uploads */
    /* Protects `uploads` (the table and each session's `held`), and the name of a blob from "is it there, was it
     * touched?" until it is renamed or unlinked. Innermost; never held over a sync or a write. */
    pthread_mutex_t lock;
    struct map uploads; /* file name -> struct blob_upload, all sessions there are */
};

/* Room for "ab/" and 64 digits. */
enum { BLOB_PATH_SIZE = 3 + 64 + 1 };

/* The text of a SHA-256. */
void blob_digest_text(const unsigned char hash[32], char ret_digest[BLOB_DIGEST_LEN + 1]);

/* The path of a blob below blobs_fd; FAIL_INPUT when digest is not one. */
checked bool blob_path(struct str digest, char ret_path[BLOB_PATH_SIZE], struct fail *f);

/* Renames an upload's synced file to its digest, or drops it when the blob exists (and touches that); durable on
 * return. */
checked bool blob_adopt(struct blob_store *store, const char *upload_name, struct str digest, struct fail *f);

/* Fills *f from errno: FAIL_LIMIT for a full disk or quota, FAIL_SYSTEM otherwise. */
checked bool blob_fail_errno(const struct blob_store *store, const char *what, struct fail *f);

/* Fills the table of sessions from the directory; once, at open. */
checked bool blob_uploads_load(struct blob_store *store, struct fail *f);
void blob_uploads_unload(struct blob_store *store);
