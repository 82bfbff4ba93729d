/* Blobs as files. Owns the directory's layout, names and their durability; sessions are blob_upload.c. */
/* Before base/attributes.h, whose word `unused` stands in OpenSSL's macros. */
#include <openssl/evp.h>

#include "os/blob_store.h"

#include "base/must.h"
#include "os/blob_store_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

enum { FANOUT = 256, HEX_LEN = 64 };

static const struct str digest_prefix = STR_INIT("sha256:");

static bool is_hex(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!((s.ptr[i] >= '0' && s.ptr[i] <= '9') || (s.ptr[i] >= 'a' && s.ptr[i] <= 'f')))
            return false;
    return true;
}

bool blob_path(struct str digest, char ret_path[BLOB_PATH_SIZE], struct fail *f)
{
    struct str hex;

    if (digest.len != BLOB_DIGEST_LEN || !str_starts(digest, digest_prefix))
        return fail(f, FAIL_INPUT, "'%.*s' is not a sha256 digest", STR_ARG(digest));
    hex = str_from(digest, digest_prefix.len);
    if (!is_hex(hex))
        return fail(f, FAIL_INPUT, "'%.*s' is not a sha256 digest", STR_ARG(digest));
    (void)snprintf(ret_path, BLOB_PATH_SIZE, "%.2s/%.*s", hex.ptr, STR_ARG(hex));
    return true;
}

bool blob_fail_errno(const struct blob_store *store, const char *what, struct fail *f)
{
    int cause = errno;

    if (cause == ENOSPC || cause == EDQUOT || cause == EFBIG)
        return fail(f, FAIL_LIMIT, "no space left for blobs in %s: %s: %s", store->directory, what, strerror(cause));
    return fail(f, FAIL_SYSTEM, "blobs in %s: %s: %s", store->directory, what, strerror(cause));
}

void blob_digest_text(const unsigned char hash[32], char ret_digest[BLOB_DIGEST_LEN + 1])
{
    (void)snprintf(ret_digest, BLOB_DIGEST_LEN + 1, "%s", digest_prefix.ptr);
    for (size_t i = 0; i < HEX_LEN / 2; i++)
        (void)snprintf(ret_digest + digest_prefix.len + 2 * i, 3, "%02x", hash[i]);
}

void blob_digest(struct str bytes, char ret_digest[BLOB_DIGEST_LEN + 1])
{
    unsigned char hash[HEX_LEN / 2];

    must(EVP_Digest(bytes.ptr, bytes.len, hash, NULL, EVP_sha256(), NULL) == 1);
    blob_digest_text(hash, ret_digest);
}

/* --- opening ---------------------------------------------------------------------------------------------------- */

static bool open_directory(struct blob_store *store, int parent, const char *name, int *ret_fd, struct fail *f)
{
    if (mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
        return blob_fail_errno(store, name, f);
    *ret_fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *ret_fd >= 0 || blob_fail_errno(store, name, f);
}

static bool take_lock(struct blob_store *store, int root, struct fail *f)
{
    store->lock_fd = openat(root, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (store->lock_fd < 0)
        return blob_fail_errno(store, "lock", f);
    if (flock(store->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return true;
    if (errno == EWOULDBLOCK)
        return fail(f, FAIL_CONFLICT, "the blobs in %s are in use by another process", store->directory);
    return blob_fail_errno(store, "lock", f);
}

/* All 256 at once: a directory made on demand would have to be synced before the first name in it is durable, by
 * whichever of several uploads comes first. */
static bool make_fanout(struct blob_store *store, int root, struct fail *f)
{
    char name[3];

    for (unsigned i = 0; i < FANOUT; i++) {
        (void)snprintf(name, sizeof(name), "%02x", i);
        if (mkdirat(store->blobs_fd, name, 0700) < 0 && errno != EEXIST)
            return blob_fail_errno(store, name, f);
    }
    if (fsync(store->blobs_fd) < 0 || fsync(root) < 0)
        return blob_fail_errno(store, "fsync", f);
    return true;
}

static bool open_all(struct blob_store *store, struct fail *f)
{
    auto_fd root = -1;

    if (!open_directory(store, AT_FDCWD, store->directory, &root, f) || !take_lock(store, root, f))
        return false;
    return open_directory(store, root, "sha256", &store->blobs_fd, f) &&
           open_directory(store, root, "uploads", &store->uploads_fd, f) && make_fanout(store, root, f) &&
           blob_uploads_load(store, f);
}

bool blob_store_open(const char *directory, struct blob_store **ret_store, struct fail *f)
{
    struct blob_store *store = calloc(1, sizeof(*store));

    if (store == NULL)
        return fail(f, FAIL_SYSTEM, "out of memory");
    store->lock_fd = store->blobs_fd = store->uploads_fd = -1;
    must(pthread_mutex_init(&store->lock, NULL) == 0);
    if (!str_to_buffer(str_of(directory), store->directory, sizeof(store->directory))) {
        blob_store_close(store);
        return fail(f, FAIL_INPUT, "the blobs' directory has too long a name");
    }
    if (!open_all(store, f)) {
        blob_store_close(store);
        return false;
    }
    *ret_store = store;
    return true;
}

void blob_store_close(struct blob_store *store)
{
    const int fds[] = {store->blobs_fd, store->uploads_fd, store->lock_fd};

    blob_uploads_unload(store);
    for (size_t i = 0; i < COUNT_OF(fds); i++)
        close_fd_at(&fds[i]);
    (void)pthread_mutex_destroy(&store->lock);
    free(store);
}

/* --- single blobs ----------------------------------------------------------------------------------------------- */

bool blob_open(struct blob_store *store, struct str digest, int *ret_fd, uint64_t *ret_size, struct fail *f)
{
    char path[BLOB_PATH_SIZE];
    auto_fd fd = -1;
    struct stat status;

    if (!blob_path(digest, path, f))
        return false;
    fd = openat(store->blobs_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT)
        return fail(f, FAIL_NOT_FOUND, "there is no blob %.*s", STR_ARG(digest));
    if (fd < 0 || fstat(fd, &status) < 0)
        return blob_fail_errno(store, "open", f);
    *ret_size = (uint64_t)status.st_size;
    *ret_fd = take_fd(&fd);
    return true;
}

bool blob_delete(struct blob_store *store, struct str digest, struct fail *f)
{
    char path[BLOB_PATH_SIZE];

    if (!blob_path(digest, path, f))
        return false;
    if (unlinkat(store->blobs_fd, path, 0) < 0 && errno != ENOENT)
        return blob_fail_errno(store, "unlink", f);
    return true;
}

static bool sync_directory_of(struct blob_store *store, const char *path, struct fail *f)
{
    const char name[] = {path[0], path[1], '\0'};
    auto_fd fd = openat(store->blobs_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 || fsync(fd) < 0)
        return blob_fail_errno(store, "fsync", f);
    return true;
}

/* Touching shows whether the blob is there and keeps the sweep away from it, in one step. */
static bool touch_or_rename(struct blob_store *store, const char *upload_name, const char *path, struct fail *f)
{
    bool good = true;

    must(pthread_mutex_lock(&store->lock) == 0);
    if (utimensat(store->blobs_fd, path, NULL, 0) == 0)
        good = unlinkat(store->uploads_fd, upload_name, 0) == 0 || blob_fail_errno(store, "unlink", f);
    else if (errno != ENOENT)
        good = blob_fail_errno(store, "touch", f);
    else if (utimensat(store->uploads_fd, upload_name, NULL, 0) < 0 ||
             renameat(store->uploads_fd, upload_name, store->blobs_fd, path) < 0)
        good = blob_fail_errno(store, "rename", f);
    must(pthread_mutex_unlock(&store->lock) == 0);
    return good;
}

bool blob_adopt(struct blob_store *store, const char *upload_name, struct str digest, struct fail *f)
{
    char path[BLOB_PATH_SIZE];

    /* Also for a blob that was there: its first adopter may not have come to the sync yet. */
    return blob_path(digest, path, f) && touch_or_rename(store, upload_name, path, f) &&
           sync_directory_of(store, path, f);
}

/* --- all blobs -------------------------------------------------------------------------------------------------- */

static int64_t milliseconds(struct timespec at)
{
    return (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

struct walk {
    bool (*visit)(void *context, const struct blob_entry *blob);
    void *context;
    bool stopped;
};

static void visit_file(struct walk *walk, int directory_fd, const char *name)
{
    char digest[BLOB_DIGEST_LEN + 1];
    struct stat status;

    if (strlen(name) != HEX_LEN || !is_hex(str_of(name)))
        return;
    if (fstatat(directory_fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(status.st_mode))
        return; /* went meanwhile, or is none of ours */
    (void)snprintf(digest, sizeof(digest), "%s%s", digest_prefix.ptr, name);
    walk->stopped = !walk->visit(walk->context, &(struct blob_entry){.digest = {digest, BLOB_DIGEST_LEN},
                                                                     .size = (uint64_t)status.st_size,
                                                                     .touched_ms = milliseconds(status.st_mtim)});
}

static bool walk_directory(struct blob_store *store, const char *name, struct walk *walk, struct fail *f)
{
    auto_fd fd = openat(store->blobs_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;

    if (directory == NULL)
        return blob_fail_errno(store, name, f);
    (void)take_fd(&fd);
    while (!walk->stopped && (entry = readdir(directory)) != NULL)
        visit_file(walk, dirfd(directory), entry->d_name);
    (void)closedir(directory);
    return true;
}

bool blob_each(struct blob_store *store, bool (*visit)(void *context, const struct blob_entry *blob), void *context,
               struct fail *f)
{
    struct walk walk = {.visit = visit, .context = context};
    char name[3];

    for (unsigned i = 0; i < FANOUT && !walk.stopped; i++) {
        (void)snprintf(name, sizeof(name), "%02x", i);
        if (!walk_directory(store, name, &walk, f))
            return false;
    }
    return true;
}

struct sweep {
    struct blob_store *store;
    const struct blob_sweep *plan;
    struct blob_sweep_result result;
    int64_t touched_before_ms;
    bool failed;
    struct fail *f;
};

/* Looks once more with the lock held: the blob may have been touched since the walk saw it. */
static bool remove_untouched(struct sweep *sweep, const char *path, bool *ret_removed)
{
    struct blob_store *store = sweep->store;
    struct stat status;
    bool good = true;

    *ret_removed = false;
    must(pthread_mutex_lock(&store->lock) == 0);
    if (fstatat(store->blobs_fd, path, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        milliseconds(status.st_mtim) < sweep->touched_before_ms) {
        *ret_removed = unlinkat(store->blobs_fd, path, 0) == 0;
        good = *ret_removed || blob_fail_errno(store, "unlink", sweep->f);
    }
    must(pthread_mutex_unlock(&store->lock) == 0);
    return good;
}

static bool sweep_one(void *context, const struct blob_entry *blob)
{
    struct sweep *sweep = context;
    char path[BLOB_PATH_SIZE];
    bool removed = false;

    if (blob->touched_ms < sweep->touched_before_ms && !sweep->plan->is_used(sweep->plan->context, blob->digest))
        sweep->failed = !blob_path(blob->digest, path, sweep->f) || !remove_untouched(sweep, path, &removed);
    sweep->result.removed_count += removed ? 1 : 0;
    sweep->result.removed_bytes += removed ? blob->size : 0;
    sweep->result.kept_count += removed ? 0 : 1;
    return !sweep->failed;
}

bool blob_sweep(struct blob_store *store, const struct blob_sweep *plan, struct blob_sweep_result *ret_result,
                struct fail *f)
{
    struct sweep sweep = {.store = store, .plan = plan, .f = f};
    struct timespec now;

    /* The clock that stamps files, so that the two can be compared. */
    must(clock_gettime(CLOCK_REALTIME_COARSE, &now) == 0);
    sweep.touched_before_ms = milliseconds(now) - plan->grace_ms;
    if (!blob_each(store, sweep_one, &sweep, f) || sweep.failed)
        return false;
    *ret_result = sweep.result;
    return true;
}
