/* The log store: the lines of every log stream, in one SQLite file of their own.
 *
 * Bulk, not state: scheduling never waits for it and survives its loss. The file is in WAL mode with
 * synchronous=NORMAL: a crash of the process loses nothing that was appended, a power cut may lose the last moments
 * before the latest checkpoint, and neither can leave the file torn.
 *
 * A stream (base/log_event.h) exists here from its first append; who created it, tags and retention settings belong to
 * the control plane.
 *
 * Every function may be called from any thread and blocks on the disk; none may be called from the core thread.
 * Failures are FAIL_SYSTEM (disk, SQLite) unless said otherwise. */
#pragma once

#include "base/arena.h"
#include "base/fail.h"
#include "base/log_event.h"

struct log_store;

/* Opens or creates the file (mode 0600). A file that is not a database, or a damaged one, is renamed to
 * "<path>.damaged" (replacing an older one) and an empty one begun: *ret_set_aside says so, for the caller to log. */
checked bool log_store_open(const char *path, struct log_store **ret_store, bool *ret_set_aside, struct fail *f);
/* After the last call of every other thread has returned. NULL is fine. */
void log_store_close(struct log_store *store);

/* -- Writing. Batches that arrive while another is being committed are committed together. */

/* All events of the batch or, on failure, none. *ret_ordinal is the ordinal of the first one (0 for an empty batch).
 * The limits of PutLogEvents are the caller's to check. */
checked bool log_store_append(struct log_store *store, const struct log_append *batch, uint64_t *ret_ordinal,
                              struct fail *f);

/* -- Reading. */

/* The eventId of FilterLogEvents: 56 digits, unique in the store, ordered as events are. */
struct str log_event_id(struct arena *arena, const struct log_event *event);

/* GetLogEvents: both tokens always come back, and at the end of the stream the one that was passed in comes back
 * unchanged, which is how clients know ("GetLogEvents", API reference). An unknown stream is an empty one. A token
 * that is none of ours: FAIL_INPUT. A page that does not fit the arena: FAIL_LIMIT. */
checked bool log_store_get(struct log_store *store, const struct log_get *query, struct arena *arena,
                           struct log_page *ret_page, struct fail *f);

/* FilterLogEvents. Fails as log_store_get does. */
checked bool log_store_filter(struct log_store *store, const struct log_filter *query, struct arena *arena,
                              struct log_filter_page *ret_page, struct fail *f);

/* All zero for a stream that never got an event. */
checked bool log_store_stream_stats(struct log_store *store, const struct log_stream_key *stream,
                                    struct log_stats *ret_stats, struct fail *f);
/* Every stream of the group that ever got an event, in no order; in the arena. FAIL_LIMIT when they do not fit. */
checked bool log_store_group_streams(struct log_store *store, const struct log_group_key *group, struct arena *arena,
                                     const struct log_stream_stats **ret_streams, size_t *ret_count, struct fail *f);
checked bool log_store_group_bytes(struct log_store *store, const struct log_group_key *group, uint64_t *ret_bytes,
                                   struct fail *f);

/* -- Forgetting. Deleted streams are gone at once for every reader; their events leave the file in slices, by
 * log_store_reclaim. A stream of the same name begins empty. Deleting what is not there succeeds. */

checked bool log_store_delete_stream(struct log_store *store, const struct log_stream_key *stream, struct fail *f);
checked bool log_store_delete_group(struct log_store *store, const struct log_group_key *group, struct fail *f);

/* Retention: removes events of the group older than before_ms, at most events_max of them. *ret_removed tells how
 * many; fewer than events_max means done. */
checked bool log_store_expire(struct log_store *store, const struct log_group_key *group, int64_t before_ms,
                              size_t events_max, size_t *ret_removed, struct fail *f);
/* Removes events of deleted streams, at most events_max, and gives free pages back to the file system. As above. */
checked bool log_store_reclaim(struct log_store *store, size_t events_max, size_t *ret_removed, struct fail *f);

/* Forgets, as if deleted, every stream that `known` does not know: those whose owner was deleted while nobody could
 * tell the store. *ret_removed tells how many. `known` is called with the store locked against writing. */
checked bool log_store_keep_only(struct log_store *store,
                                 bool (*known)(void *context, const struct log_stream_key *stream), void *context,
                                 size_t *ret_removed, struct fail *f);

/* Drops everything at once, by replacing the file. Waits for calls under way; later ones see an empty store. */
checked bool log_store_reset(struct log_store *store, struct fail *f);
