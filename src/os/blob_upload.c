/* Upload sessions: files below uploads/, one table of them in memory, hashes that run along. Owns the sessions' names
 * and their hold; the blobs that they become are blob_store.c's. */
/* Before base/attributes.h, whose word `unused` stands in OpenSSL's macros. */
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "os/blob_upload.h"

#include "base/must.h"
#include "os/blob_store_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

enum {
    OWNER_LEN = 32,                                /* digits of the owner's hash in a file name */
    NAME_LEN = BLOB_UPLOAD_ID_LEN + 1 + OWNER_LEN, /* "id.owner" */
    REHASH_BYTES = 128 << 10,
    WRITEBACK_BYTES = 8 << 20,
};

struct blob_upload {
    struct blob_store *store;
    char name[NAME_LEN + 1];  /* key in the table */
    bool held;                /* under the store's lock; the rest is the holder's */
    struct blob_upload *next; /* while it is being expired */
    bool broken;              /* a write failed: the file is gone */
    int fd;                   /* -1 while nobody holds it */
    EVP_MD_CTX *hash;         /* NULL: not taken up since the start of this process */
    uint64_t offset;          /* meaningful once hash is there */
    uint64_t written_back;    /* up to here the kernel was told to begin writing */
};

static void free_upload(struct blob_upload *upload)
{
    EVP_MD_CTX_free(upload->hash);
    close_fd_at(&upload->fd);
    free(upload);
}

/* --- names ------------------------------------------------------------------------------------------------------ */

static void write_name(struct str id, struct str owner, char ret_name[NAME_LEN + 1])
{
    char digest[BLOB_DIGEST_LEN + 1];

    must(id.len == BLOB_UPLOAD_ID_LEN);
    blob_digest(owner, digest);
    (void)snprintf(ret_name, NAME_LEN + 1, "%.*s.%.*s", STR_ARG(id), OWNER_LEN, strchr(digest, ':') + 1);
}

/* A version 4 UUID (RFC 9562, section 5.4) from the cryptographic generator: whoever knows the id may upload. */
static bool new_id(char ret_id[BLOB_UPLOAD_ID_LEN + 1], struct fail *f)
{
    unsigned char r[16];

    if (RAND_bytes(r, sizeof(r)) != 1)
        return fail(f, FAIL_SYSTEM, "no random numbers");
    r[6] = (unsigned char)((r[6] & 0x0f) | 0x40);
    r[8] = (unsigned char)((r[8] & 0x3f) | 0x80);
    (void)snprintf(ret_id, BLOB_UPLOAD_ID_LEN + 1,
                   "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", r[0], r[1], r[2], r[3], r[4],
                   r[5], r[6], r[7], r[8], r[9], r[10], r[11], r[12], r[13], r[14], r[15]);
    return true;
}

/* An id from outside becomes a file name only if it can be one of ours. */
static bool is_id(struct str id)
{
    if (id.len != BLOB_UPLOAD_ID_LEN)
        return false;
    for (size_t i = 0; i < id.len; i++)
        if (id.ptr[i] != '-' && !(id.ptr[i] >= '0' && id.ptr[i] <= '9') && !(id.ptr[i] >= 'a' && id.ptr[i] <= 'f'))
            return false;
    return true;
}

/* --- the table -------------------------------------------------------------------------------------------------- */

static struct str upload_key(const struct blob_upload *upload)
{
    return (struct str){upload->name, NAME_LEN};
}

/* A new session in the table, held or not; with the lock held, or before there are threads. */
static bool add_to_table(struct blob_store *store, const char *name, bool held, struct blob_upload **ret_upload,
                         struct fail *f)
{
    struct blob_upload *upload;

    if (store->uploads.count >= BLOB_UPLOADS_MAX)
        return fail(f, FAIL_LIMIT, "%d uploads are under way, no more are taken", BLOB_UPLOADS_MAX);
    upload = calloc(1, sizeof(*upload));
    if (upload == NULL)
        return fail(f, FAIL_SYSTEM, "out of memory");
    *upload = (struct blob_upload){.store = store, .held = held, .fd = -1};
    memcpy(upload->name, name, NAME_LEN);
    must(map_put(&store->uploads, upload_key(upload), upload) == NULL);
    *ret_upload = upload;
    return true;
}

static void forget(struct blob_upload *upload)
{
    struct blob_store *store = upload->store;

    must(pthread_mutex_lock(&store->lock) == 0);
    must(map_remove(&store->uploads, upload_key(upload)) == upload);
    must(pthread_mutex_unlock(&store->lock) == 0);
    free_upload(upload);
}

bool blob_uploads_load(struct blob_store *store, struct fail *f)
{
    auto_fd fd = openat(store->uploads_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    struct blob_upload *upload;
    const struct dirent *entry;
    bool good = true;

    if (directory == NULL)
        return blob_fail_errno(store, "uploads", f);
    (void)take_fd(&fd);
    while (good && (entry = readdir(directory)) != NULL)
        if (strlen(entry->d_name) == NAME_LEN)
            good = add_to_table(store, entry->d_name, /* held= */ false, &upload, f);
    (void)closedir(directory);
    return good;
}

void blob_uploads_unload(struct blob_store *store)
{
    struct blob_upload *upload;
    size_t at = 0;

    while ((upload = map_next(&store->uploads, &at)) != NULL) {
        must(!upload->held);
        free_upload(upload);
    }
    map_free(&store->uploads);
}

/* --- taking up -------------------------------------------------------------------------------------------------- */

static bool begin_hash(struct blob_upload *upload, struct fail *f)
{
    upload->hash = EVP_MD_CTX_new();
    if (upload->hash == NULL || EVP_DigestInit_ex(upload->hash, EVP_sha256(), NULL) != 1)
        return fail(f, FAIL_SYSTEM, "cannot begin a SHA-256");
    return true;
}

static bool rehash(struct blob_upload *upload, struct fail *f)
{
    auto_free char *piece = malloc(REHASH_BYTES);
    uint64_t offset = 0;
    ssize_t got;

    if (piece == NULL || !begin_hash(upload, f))
        return piece != NULL || fail(f, FAIL_SYSTEM, "out of memory");
    while ((got = pread(upload->fd, piece, REHASH_BYTES, (off_t)offset)) > 0) {
        must(EVP_DigestUpdate(upload->hash, piece, (size_t)got) == 1);
        offset += (uint64_t)got;
    }
    if (got < 0)
        return blob_fail_errno(upload->store, "read", f);
    upload->offset = upload->written_back = offset;
    return true;
}

static bool open_file(struct blob_upload *upload, int flags, struct fail *f)
{
    upload->fd = openat(upload->store->uploads_fd, upload->name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
    return upload->fd >= 0 || blob_fail_errno(upload->store, "upload", f);
}

bool blob_upload_start(struct blob_store *store, struct str owner, struct blob_upload **ret_upload, struct fail *f)
{
    char id[BLOB_UPLOAD_ID_LEN + 1];
    char name[NAME_LEN + 1];
    struct blob_upload *upload;
    bool good;

    if (!new_id(id, f))
        return false;
    write_name(str_of(id), owner, name);
    must(pthread_mutex_lock(&store->lock) == 0);
    good = add_to_table(store, name, /* held= */ true, &upload, f);
    must(pthread_mutex_unlock(&store->lock) == 0);
    if (!good)
        return false;
    if (!begin_hash(upload, f) || !open_file(upload, O_CREAT | O_EXCL, f)) {
        forget(upload);
        return false;
    }
    *ret_upload = upload;
    return true;
}

/* The session of that name, with the lock held; fails when there is none, or while somebody holds it. */
static bool find_free(struct blob_store *store, const char *name, struct str id, struct blob_upload **ret_upload,
                      struct fail *f)
{
    struct blob_upload *upload = map_get(&store->uploads, (struct str){name, NAME_LEN});

    if (upload == NULL)
        return fail(f, FAIL_NOT_FOUND, "there is no upload %.*s", STR_ARG(id));
    if (upload->held)
        return fail(f, FAIL_CONFLICT, "another request is writing to upload %.*s", STR_ARG(id));
    *ret_upload = upload;
    return true;
}

static bool hold(struct blob_store *store, const char *name, struct str id, struct blob_upload **ret_upload,
                 struct fail *f)
{
    bool good;

    must(pthread_mutex_lock(&store->lock) == 0);
    good = find_free(store, name, id, ret_upload, f);
    if (good)
        (*ret_upload)->held = true;
    must(pthread_mutex_unlock(&store->lock) == 0);
    return good;
}

bool blob_upload_resume(struct blob_store *store, struct str owner, struct str id, struct blob_upload **ret_upload,
                        struct fail *f)
{
    char name[NAME_LEN + 1];
    struct blob_upload *upload;

    if (!is_id(id))
        return fail(f, FAIL_NOT_FOUND, "there is no upload %.*s", STR_ARG(id));
    write_name(id, owner, name);
    if (!hold(store, name, id, &upload, f))
        return false;
    if (!open_file(upload, 0, f) || (upload->hash == NULL && !rehash(upload, f))) {
        EVP_MD_CTX_free(upload->hash); /* may have stopped half-way */
        upload->hash = NULL;
        blob_upload_release(upload);
        return false;
    }
    *ret_upload = upload;
    return true;
}

bool blob_upload_look(struct blob_store *store, struct str owner, struct str id, uint64_t *ret_offset, struct fail *f)
{
    char name[NAME_LEN + 1];
    struct blob_upload *upload;
    struct stat status;
    bool good;

    if (!is_id(id))
        return fail(f, FAIL_NOT_FOUND, "there is no upload %.*s", STR_ARG(id));
    write_name(id, owner, name);
    must(pthread_mutex_lock(&store->lock) == 0);
    good = find_free(store, name, id, &upload, f);
    if (good && fstatat(store->uploads_fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        good = blob_fail_errno(store, "upload", f);
    must(pthread_mutex_unlock(&store->lock) == 0);
    if (good)
        *ret_offset = (uint64_t)status.st_size;
    return good;
}

void blob_upload_release(struct blob_upload *upload)
{
    if (upload == NULL)
        return;
    if (upload->broken) {
        forget(upload);
        return;
    }
    close_fd_at(&upload->fd);
    upload->fd = -1;
    must(pthread_mutex_lock(&upload->store->lock) == 0);
    upload->held = false;
    must(pthread_mutex_unlock(&upload->store->lock) == 0);
}

/* --- while held ------------------------------------------------------------------------------------------------- */

struct str blob_upload_id(const struct blob_upload *upload)
{
    return (struct str){upload->name, BLOB_UPLOAD_ID_LEN};
}

uint64_t blob_upload_offset(const struct blob_upload *upload)
{
    return upload->offset;
}

/* What cannot be removed now is in the table again after the next start, and expires. */
static void remove_file(struct blob_upload *upload)
{
    (void)unlinkat(upload->store->uploads_fd, upload->name, 0);
    upload->broken = true;
}

/* The disk begins to write while bytes still arrive, so that the sync at the end has little left to do. Advice only. */
static void begin_writeback(struct blob_upload *upload)
{
    uint64_t waiting = upload->offset - upload->written_back;

    if (waiting < WRITEBACK_BYTES)
        return;
    (void)sync_file_range(upload->fd, (off_t)upload->written_back, (off_t)waiting, SYNC_FILE_RANGE_WRITE);
    upload->written_back = upload->offset;
}

static bool write_at(int fd, struct str bytes, uint64_t offset)
{
    while (bytes.len > 0) {
        ssize_t written = pwrite(fd, bytes.ptr, bytes.len, (off_t)offset);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        offset += (uint64_t)written;
        bytes = str_from(bytes, (size_t)written);
    }
    return true;
}

bool blob_upload_append(struct blob_upload *upload, struct str bytes, struct fail *f)
{
    if (upload->broken)
        return fail(f, FAIL_SYSTEM, "upload %.*s has failed before", STR_ARG(blob_upload_id(upload)));
    if (!write_at(upload->fd, bytes, upload->offset)) {
        bool failed = blob_fail_errno(upload->store, "write", f);

        remove_file(upload);
        return failed;
    }
    if (bytes.len > 0)
        must(EVP_DigestUpdate(upload->hash, bytes.ptr, bytes.len) == 1);
    upload->offset += bytes.len;
    begin_writeback(upload);
    return true;
}

/* --- the end ---------------------------------------------------------------------------------------------------- */

static void hash_text(EVP_MD_CTX *hash, char ret_digest[BLOB_DIGEST_LEN + 1])
{
    unsigned char bytes[32];

    must(EVP_DigestFinal_ex(hash, bytes, NULL) == 1);
    blob_digest_text(bytes, ret_digest);
}

static bool become_blob(struct blob_upload *upload, struct str digest, struct fail *f)
{
    char actual[BLOB_DIGEST_LEN + 1];

    if (upload->broken)
        return fail(f, FAIL_SYSTEM, "upload %.*s has failed before", STR_ARG(blob_upload_id(upload)));
    hash_text(upload->hash, actual);
    if (!str_is(digest, actual))
        return fail(f, FAIL_INPUT, "the uploaded bytes have the digest %s, not %.*s", actual, STR_ARG(digest));
    if (fdatasync(upload->fd) < 0)
        return blob_fail_errno(upload->store, "fdatasync", f);
    return blob_adopt(upload->store, upload->name, digest, f);
}

bool blob_upload_finish(struct blob_upload *upload, struct str digest, struct fail *f)
{
    bool good = become_blob(upload, digest, f);

    if (!good)
        remove_file(upload);
    forget(upload);
    return good;
}

void blob_upload_cancel(struct blob_upload *upload)
{
    remove_file(upload);
    forget(upload);
}

static bool is_idle(const struct blob_upload *upload, time_t before)
{
    struct stat status;

    if (fstatat(upload->store->uploads_fd, upload->name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT;
    return status.st_mtim.tv_sec < before;
}

/* Takes hold of all idle sessions; they hang on the list by `next`. */
static struct blob_upload *hold_idle(struct blob_store *store, time_t before)
{
    struct blob_upload *first = NULL;
    struct blob_upload *upload;
    size_t at = 0;

    must(pthread_mutex_lock(&store->lock) == 0);
    while ((upload = map_next(&store->uploads, &at)) != NULL) {
        if (upload->held || !is_idle(upload, before))
            continue;
        upload->held = true;
        upload->next = first;
        first = upload;
    }
    must(pthread_mutex_unlock(&store->lock) == 0);
    return first;
}

size_t blob_upload_expire(struct blob_store *store, int64_t idle_ms)
{
    struct blob_upload *upload = hold_idle(store, time(NULL) - (time_t)(idle_ms / 1000));
    size_t count = 0;

    while (upload != NULL) {
        struct blob_upload *next = upload->next;

        blob_upload_cancel(upload);
        upload = next;
        count++;
    }
    return count;
}
