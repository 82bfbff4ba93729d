/* Blobs: files named by the SHA-256 of what they hold, in one directory.
 *
 *     DIRECTORY/sha256/ab/abcd...   a blob, complete and durable as soon as it has this name
 *     DIRECTORY/uploads/...         sessions under way (os/blob_upload.h)
 *     DIRECTORY/lock                held by the one process that has the store open
 *
 * Invariant: a file below sha256/ has the content its name says. Who may see which blob is not known here; that is
 * written in the repositories' records.
 *
 * Life of a blob:
 *   1 uploaded   bytes arrive in a session (blob_upload_append)
 *   2 adopted    blob_upload_finish: checked, synced, renamed to its digest; finishing it once more only touches it
 *   3 read       blob_open, any number of times; a reader keeps its file even when the blob goes
 *   4 swept      blob_sweep: not used by any record and not touched for the time of grace
 *
 * A digest is always the text "sha256:" and 64 lower-case hexadecimal digits; anything else fails with FAIL_INPUT, so
 * that no name from outside ever becomes a path. All functions are thread-safe and may wait for the disk. A full disk
 * is FAIL_LIMIT. */
#pragma once

#include "base/fail.h"
#include "base/str.h"

enum { BLOB_DIGEST_LEN = 71 };

struct blob_store;

/* Opens the store, made if it is not there (mode 0700; its parent must exist). FAIL_CONFLICT when another process has
 * it open. */
checked bool blob_store_open(const char *directory, struct blob_store **ret_store, struct fail *f);
/* Every upload must have been released. */
void blob_store_close(struct blob_store *store);

/* The digest of bytes in memory; room for BLOB_DIGEST_LEN + 1. */
void blob_digest(struct str bytes, char ret_digest[BLOB_DIGEST_LEN + 1]);

/* Opens a blob for reading; the caller closes the descriptor. FAIL_NOT_FOUND when there is none. */
checked bool blob_open(struct blob_store *store, struct str digest, int *ret_fd, uint64_t *ret_size, struct fail *f);

/* Removes a blob; one that is not there is as good as removed. */
checked bool blob_delete(struct blob_store *store, struct str digest, struct fail *f);

struct blob_entry {
    struct str digest; /* valid during the visit */
    uint64_t size;
    int64_t touched_ms; /* when it was last adopted, on the clock of the file system */
};

/* Visits every blob, in no order, until visit returns false. Blobs that come or go meanwhile may be seen or not. */
checked bool blob_each(struct blob_store *store, bool (*visit)(void *context, const struct blob_entry *blob),
                       void *context, struct fail *f);

struct blob_sweep {
    bool (*is_used)(void *context, struct str digest); /* by any record, as of the mark */
    void *context;
    int64_t grace_ms; /* longer than it takes from the mark to now, plus from an upload's finish to its record */
};

struct blob_sweep_result {
    uint64_t removed_count;
    uint64_t removed_bytes;
    uint64_t kept_count;
};

/* The second half of mark and sweep: removes blobs that are not used and were not touched within the grace. Safe beside
 * pushes: whoever finishes an upload of a blob that is already here touches it first, and a touched one is kept. */
checked bool blob_sweep(struct blob_store *store, const struct blob_sweep *sweep, struct blob_sweep_result *ret_result,
                        struct fail *f);
