/* An upload: a session in which the bytes of a blob arrive, piece by piece, from one client or several in a row.
 *
 * Invariant: the offset is the number of bytes in the session's file, and the running hash is the hash of those bytes.
 * The file's name tells session and owner, so nothing else needs to be stored: after a restart a session is taken up by
 * hashing again what its file holds. (After a power failure the file may hold less or other than what was
 * acknowledged; the digest at the end finds that out.)
 *
 * Life of a session:
 *   1 held      by the caller of blob_upload_start or blob_upload_resume: appends, then puts it down or ends it
 *   2 put down  blob_upload_release: on disk, waiting to be resumed
 *   3 ended     blob_upload_finish (it became a blob, or was not what it claimed to be), blob_upload_cancel,
 *               blob_upload_expire, or a write that failed: nothing of it is left
 *
 * One holder at a time; a handle is used by one thread at a time. */
#pragma once

#include "os/blob_store.h"

enum { BLOB_UPLOAD_ID_LEN = 36, BLOB_UPLOADS_MAX = 10000 };

struct blob_upload;

/* Begins a session. owner is any text that says who may go on with it, such as the repository: a session is found only
 * under the owner it was begun with. FAIL_LIMIT when BLOB_UPLOADS_MAX are under way. */
checked bool blob_upload_start(struct blob_store *store, struct str owner, struct blob_upload **ret_upload,
                               struct fail *f);

/* Takes up a session. FAIL_NOT_FOUND when there is none of that id and owner, FAIL_CONFLICT while another holds it. */
checked bool blob_upload_resume(struct blob_store *store, struct str owner, struct str id,
                                struct blob_upload **ret_upload, struct fail *f);

/* How far a session is that nobody holds, without taking it up: who asks is not in the way of who writes. Fails as
 * blob_upload_resume does. */
checked bool blob_upload_look(struct blob_store *store, struct str owner, struct str id, uint64_t *ret_offset,
                              struct fail *f);

struct str blob_upload_id(const struct blob_upload *upload); /* a UUID, not to be guessed */
uint64_t blob_upload_offset(const struct blob_upload *upload);

/* Adds bytes at the end, hashing them on the calling thread. When the disk fails, the session ends (its file is gone
 * at once); the handle must still be released. */
checked bool blob_upload_append(struct blob_upload *upload, struct str bytes, struct fail *f);

/* Ends the session: its bytes become the blob `digest`, durable on return. Fine when the blob is there already. Fails
 * with FAIL_INPUT when the bytes have another digest. The handle is gone in any case. */
checked bool blob_upload_finish(struct blob_upload *upload, struct str digest, struct fail *f);

/* Puts the session down for later; NULL is nothing. */
void blob_upload_release(struct blob_upload *upload);
/* Ends the session and removes its bytes. */
void blob_upload_cancel(struct blob_upload *upload);

/* Ends all sessions that nobody holds and that got no bytes for idle_ms (whole seconds); returns how many. */
size_t blob_upload_expire(struct blob_store *store, int64_t idle_ms);
