/* The blob store and its upload sessions, on a real directory below the temporary one. */
#include "os/blob_store.h"
#include "os/blob_upload.h"

#include "base/arena.h"
#include "base/must.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const struct str owner = STR_INIT("123456789012/us-east-1/app");

struct world {
    char directory[64];
    struct blob_store *store;
    struct fail f;
};

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof(*world));

    assert_non_null(world);
    (void)snprintf(world->directory, sizeof(world->directory), "/tmp/berth-blobs-XXXXXX");
    assert_non_null(mkdtemp(world->directory));
    assert_true(blob_store_open(world->directory, &world->store, &world->f));
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    if (world->store != NULL)
        blob_store_close(world->store);
    (void)nftw(world->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(world);
    return 0;
}

static void reopen(struct world *world)
{
    blob_store_close(world->store);
    world->store = NULL;
    assert_true(blob_store_open(world->directory, &world->store, &world->f));
}

static struct blob_upload *started(struct world *world, const char *bytes)
{
    struct blob_upload *upload = NULL;

    assert_true(blob_upload_start(world->store, owner, &upload, &world->f));
    assert_true(blob_upload_append(upload, str_of(bytes), &world->f));
    return upload;
}

/* Stores text as a blob; digest is room for its name. */
static struct str stored(struct world *world, const char *text, char digest[BLOB_DIGEST_LEN + 1])
{
    blob_digest(str_of(text), digest);
    assert_true(blob_upload_finish(started(world, text), str_of(digest), &world->f));
    return str_of(digest);
}

static void assert_blob(struct world *world, struct str digest, const char *text)
{
    auto_fd fd = -1;
    uint64_t size = 0;
    char bytes[256];

    assert_true(blob_open(world->store, digest, &fd, &size, &world->f));
    assert_int_equal(size, strlen(text));
    assert_int_equal(read(fd, bytes, sizeof(bytes)), strlen(text));
    assert_memory_equal(bytes, text, strlen(text));
}

static void assert_no_blob(struct world *world, struct str digest)
{
    uint64_t size;
    int fd;

    assert_false(blob_open(world->store, digest, &fd, &size, &world->f));
    assert_int_equal(world->f.code, FAIL_NOT_FOUND);
}

static size_t files_in(const char *directory, const char *below)
{
    char path[128];
    const struct dirent *entry;
    size_t count = 0;
    DIR *listing;

    (void)snprintf(path, sizeof(path), "%s/%s", directory, below);
    listing = opendir(path);
    assert_non_null(listing);
    while ((entry = readdir(listing)) != NULL)
        count += entry->d_name[0] == '.' ? 0 : 1;
    assert_int_equal(closedir(listing), 0);
    return count;
}

static void what_is_finished_can_be_read(void **state)
{
    struct world *world = *state;
    char digest[BLOB_DIGEST_LEN + 1];
    struct blob_upload *upload = started(world, "hello ");

    blob_digest(STR("hello world"), digest);
    assert_string_equal(digest, "sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9");
    assert_no_blob(world, str_of(digest));
    assert_true(blob_upload_append(upload, STR("world"), &world->f));
    assert_int_equal(blob_upload_offset(upload), 11);
    assert_true(blob_upload_finish(upload, str_of(digest), &world->f));
    assert_blob(world, str_of(digest), "hello world");
    reopen(world);
    assert_blob(world, str_of(digest), "hello world");
}

static void an_empty_blob_is_a_blob(void **state)
{
    struct world *world = *state;
    char digest[BLOB_DIGEST_LEN + 1];

    assert_blob(world, stored(world, "", digest), "");
}

static void a_wrong_digest_leaves_nothing(void **state)
{
    struct world *world = *state;
    char digest[BLOB_DIGEST_LEN + 1];

    blob_digest(STR("other"), digest);
    assert_false(blob_upload_finish(started(world, "this"), str_of(digest), &world->f));
    assert_int_equal(world->f.code, FAIL_INPUT);
    assert_no_blob(world, str_of(digest));
    assert_int_equal(files_in(world->directory, "uploads"), 0);
}

static void names_that_are_no_digest_are_refused(void **state)
{
    static const char *const names[] = {
        "",
        "sha256:",
        "../../../../etc/passwd",
        "sha256:../../../../../../../../../../../../../../../../../../../../etc/passwd",
        "sha256:B94D27B9934D3E08A52E52D7DA7DABFAC484EFE37A5380EE9088F7ACE2EFCDE9",
        "sha512:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9",
        "sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde",
        "sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde90",
    };
    struct world *world = *state;
    uint64_t size;
    int fd;

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        assert_false(blob_open(world->store, str_of(names[i]), &fd, &size, &world->f));
        assert_int_equal(world->f.code, FAIL_INPUT);
        assert_false(blob_delete(world->store, str_of(names[i]), &world->f));
        assert_int_equal(world->f.code, FAIL_INPUT);
    }
}

static void a_session_is_resumed_also_after_a_restart(void **state)
{
    struct world *world = *state;
    struct blob_upload *upload = started(world, "first ");
    char id[BLOB_UPLOAD_ID_LEN + 1];
    char digest[BLOB_DIGEST_LEN + 1];

    assert_true(str_to_buffer(blob_upload_id(upload), id, sizeof(id)));
    blob_upload_release(upload);
    assert_true(blob_upload_resume(world->store, owner, str_of(id), &upload, &world->f));
    assert_true(blob_upload_append(upload, STR("second "), &world->f));
    blob_upload_release(upload);

    reopen(world);
    assert_true(blob_upload_resume(world->store, owner, str_of(id), &upload, &world->f));
    assert_int_equal(blob_upload_offset(upload), 13);
    assert_true(blob_upload_append(upload, STR("third"), &world->f));
    blob_digest(STR("first second third"), digest);
    assert_true(blob_upload_finish(upload, str_of(digest), &world->f));
    assert_blob(world, str_of(digest), "first second third");
    assert_false(blob_upload_resume(world->store, owner, str_of(id), &upload, &world->f));
    assert_int_equal(world->f.code, FAIL_NOT_FOUND);
}

static void a_session_has_one_holder_and_one_owner(void **state)
{
    struct world *world = *state;
    struct blob_upload *upload = started(world, "x");
    struct blob_upload *second;
    char id[BLOB_UPLOAD_ID_LEN + 1];
    uint64_t offset;

    assert_true(str_to_buffer(blob_upload_id(upload), id, sizeof(id)));
    assert_false(blob_upload_resume(world->store, owner, str_of(id), &second, &world->f));
    assert_int_equal(world->f.code, FAIL_CONFLICT);
    assert_false(blob_upload_look(world->store, owner, str_of(id), &offset, &world->f));
    assert_int_equal(world->f.code, FAIL_CONFLICT);
    blob_upload_release(upload);
    assert_true(blob_upload_look(world->store, owner, str_of(id), &offset, &world->f));
    assert_int_equal(offset, 1);
    assert_false(blob_upload_look(world->store, STR("someone else"), str_of(id), &offset, &world->f));
    assert_int_equal(world->f.code, FAIL_NOT_FOUND);
    assert_false(blob_upload_resume(world->store, STR("someone else"), str_of(id), &second, &world->f));
    assert_int_equal(world->f.code, FAIL_NOT_FOUND);
    assert_false(
        blob_upload_resume(world->store, owner, STR("../../../../../../../../etc/password"), &second, &world->f));
    assert_int_equal(world->f.code, FAIL_NOT_FOUND);
    assert_true(blob_upload_resume(world->store, owner, str_of(id), &second, &world->f));
    blob_upload_cancel(second);
    assert_int_equal(files_in(world->directory, "uploads"), 0);
}

static void the_same_blob_twice_is_one_blob(void **state)
{
    struct world *world = *state;
    struct blob_upload *one = started(world, "layer");
    struct blob_upload *two = started(world, "layer");
    char digest[BLOB_DIGEST_LEN + 1];

    blob_digest(STR("layer"), digest);
    assert_true(blob_upload_finish(two, str_of(digest), &world->f));
    assert_true(blob_upload_finish(one, str_of(digest), &world->f));
    assert_blob(world, str_of(digest), "layer");
    assert_int_equal(files_in(world->directory, "uploads"), 0);
}

enum { PUSHERS = 4, PUSHES = 25, PIECE = 4096 };

static void *push_often(void *context)
{
    struct world *world = context;
    struct fail f;

    for (int i = 0; i < PUSHES; i++) {
        char digest[BLOB_DIGEST_LEN + 1];
        char bytes[PIECE];
        struct blob_upload *upload;

        memset(bytes, 'a' + i, sizeof(bytes));
        blob_digest((struct str){bytes, sizeof(bytes)}, digest);
        if (!blob_upload_start(world->store, owner, &upload, &f) ||
            !blob_upload_append(upload, (struct str){bytes, sizeof(bytes)}, &f) ||
            !blob_upload_finish(upload, str_of(digest), &f))
            return "a push failed";
    }
    return NULL;
}

static void many_pushers_of_the_same_blobs_all_succeed(void **state)
{
    struct world *world = *state;
    pthread_t threads[PUSHERS];

    for (size_t i = 0; i < PUSHERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, push_often, world), 0);
    for (size_t i = 0; i < PUSHERS; i++) {
        void *problem = NULL;

        assert_int_equal(pthread_join(threads[i], &problem), 0);
        assert_null(problem);
    }
    assert_int_equal(files_in(world->directory, "uploads"), 0);
}

static void only_idle_sessions_expire(void **state)
{
    struct world *world = *state;
    struct blob_upload *held = started(world, "held");
    struct blob_upload *idle = started(world, "idle");
    struct blob_upload *fresh = started(world, "fresh");
    char path[256];
    const struct timespec long_ago[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};

    (void)snprintf(path, sizeof(path), "%s/uploads", world->directory);
    {
        auto_fd uploads = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *listing = opendir(path);
        const struct dirent *entry;

        assert_non_null(listing);
        while ((entry = readdir(listing)) != NULL)
            if (!str_starts(str_of(entry->d_name), blob_upload_id(fresh)) && entry->d_name[0] != '.')
                assert_int_equal(utimensat(uploads, entry->d_name, long_ago, 0), 0);
        assert_int_equal(closedir(listing), 0);
    }
    blob_upload_release(idle);
    blob_upload_release(fresh);
    assert_int_equal(blob_upload_expire(world->store, 3600000), 1);
    assert_int_equal(files_in(world->directory, "uploads"), 2);
    blob_upload_cancel(held);
}

static void make_old(struct world *world, struct str digest)
{
    const struct timespec long_ago[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    char path[256];

    (void)snprintf(path, sizeof(path), "%s/sha256/%.2s/%.*s", world->directory, digest.ptr + 7,
                   STR_ARG(str_from(digest, 7)));
    assert_int_equal(utimensat(AT_FDCWD, path, long_ago, 0), 0);
}

static bool is_the_kept_one(void *context, struct str digest)
{
    return str_eq(digest, *(struct str *)context);
}

static bool count_blob(void *context, const struct blob_entry *blob)
{
    assert_int_equal(blob->digest.len, BLOB_DIGEST_LEN);
    (*(size_t *)context)++;
    return true;
}

static void the_sweep_takes_what_is_old_and_unused(void **state)
{
    struct world *world = *state;
    char digests[4][BLOB_DIGEST_LEN + 1];
    struct str unused_one = stored(world, "unused", digests[0]);
    struct str used = stored(world, "used", digests[1]);
    struct str young = stored(world, "young", digests[2]);
    struct str pushed_again = stored(world, "pushed again", digests[3]);
    struct blob_sweep sweep = {.is_used = is_the_kept_one, .context = &used, .grace_ms = 60000};
    struct blob_sweep_result result = {0};
    size_t count = 0;

    make_old(world, unused_one);
    make_old(world, used);
    make_old(world, pushed_again);
    (void)stored(world, "pushed again", digests[3]);
    assert_true(blob_each(world->store, count_blob, &count, &world->f));
    assert_int_equal(count, 4);
    assert_true(blob_sweep(world->store, &sweep, &result, &world->f));
    assert_int_equal(result.removed_count, 1);
    assert_int_equal(result.removed_bytes, 6);
    assert_int_equal(result.kept_count, 3);
    assert_no_blob(world, unused_one);
    assert_blob(world, used, "used");
    assert_blob(world, young, "young");
    assert_blob(world, pushed_again, "pushed again");
}

static void a_reader_keeps_what_is_deleted(void **state)
{
    struct world *world = *state;
    char digest[BLOB_DIGEST_LEN + 1];
    struct str name = stored(world, "still here", digest);
    auto_fd fd = -1;
    uint64_t size;
    char bytes[16];

    assert_true(blob_open(world->store, name, &fd, &size, &world->f));
    assert_true(blob_delete(world->store, name, &world->f));
    assert_true(blob_delete(world->store, name, &world->f));
    assert_no_blob(world, name);
    assert_int_equal(read(fd, bytes, sizeof(bytes)), 10);
}

static void a_store_is_open_once(void **state)
{
    struct world *world = *state;
    struct blob_store *second;

    assert_false(blob_store_open(world->directory, &second, &world->f));
    assert_int_equal(world->f.code, FAIL_CONFLICT);
}

static size_t resident_kib(void)
{
    auto_file file = fopen("/proc/self/statm", "r");
    unsigned long total;
    unsigned long resident = 0;

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lu %lu", &total, &resident), 2);
    return (size_t)resident * (size_t)sysconf(_SC_PAGESIZE) / 1024;
}

static void a_large_blob_needs_little_memory(void **state)
{
    enum { PIECE_BYTES = 64 << 10, PIECES = 512 };
    struct world *world = *state;
    struct blob_upload *upload = started(world, "");
    auto_free char *piece = calloc(1, PIECE_BYTES);
    size_t before_kib = resident_kib();

    assert_non_null(piece);
    for (size_t i = 0; i < PIECES; i++)
        assert_true(blob_upload_append(upload, (struct str){piece, PIECE_BYTES}, &world->f));
    assert_true(blob_upload_finish(
        upload, STR("sha256:83ee47245398adee79bd9c0a8bc57b821e92aba10f5f9ade8a5d1fae4d8c4302"), &world->f));
    assert_true(resident_kib() - before_kib < 4096);
}

/* --- a full disk: a small tmpfs in mount and user namespaces of a child's own ------------------------------------ */

static void write_file(const char *path, const char *text)
{
    auto_fd fd = open(path, O_WRONLY | O_CLOEXEC);

    must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
}

static void write_map(const char *path, unsigned outside)
{
    char map[64];

    (void)snprintf(map, sizeof(map), "0 %u 1", outside);
    write_file(path, map);
}

static void enter_small_disk(const char *directory)
{
    unsigned uid = getuid();
    unsigned gid = getgid();

    must(unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0);
    write_file("/proc/self/setgroups", "deny");
    write_map("/proc/self/uid_map", uid);
    write_map("/proc/self/gid_map", gid);
    must(mount("tmpfs", directory, "tmpfs", 0, "size=1m,nr_inodes=1000") == 0);
}

static void fill_the_disk(const char *directory)
{
    struct blob_store *store;
    struct blob_upload *upload;
    struct fail f;
    char piece[32 << 10] = "";
    char digest[BLOB_DIGEST_LEN + 1];
    int appended = 0;

    enter_small_disk(directory);
    must(blob_store_open(directory, &store, &f));
    must(blob_upload_start(store, owner, &upload, &f));
    while (blob_upload_append(upload, (struct str){piece, sizeof(piece)}, &f))
        must(++appended < 64);
    must(f.code == FAIL_LIMIT);
    must(str_starts(str_of(f.message), STR("no space left")));
    must(!blob_upload_append(upload, STR("more"), &f));
    blob_upload_release(upload);
    must(files_in(directory, "uploads") == 0);

    /* and the room is there again */
    must(blob_upload_start(store, owner, &upload, &f));
    must(blob_upload_append(upload, (struct str){piece, sizeof(piece)}, &f));
    blob_digest((struct str){piece, sizeof(piece)}, digest);
    must(blob_upload_finish(upload, str_of(digest), &f));
    blob_store_close(store);
}

static void a_full_disk_is_told_and_nothing_stays(void **state)
{
    char directory[] = "/tmp/berth-small-XXXXXX";
    int status = -1;
    pid_t child;

    (void)state;
#ifdef __SANITIZE_THREAD__
    skip(); /* its own thread keeps a process from making a user namespace */
#endif
    assert_non_null(mkdtemp(directory));
    child = fork();
    if (child == 0) {
        fill_the_disk(directory);
        _exit(0);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(rmdir(directory), 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

#define world_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(what_is_finished_can_be_read),
        world_test(an_empty_blob_is_a_blob),
        world_test(a_wrong_digest_leaves_nothing),
        world_test(names_that_are_no_digest_are_refused),
        world_test(a_session_is_resumed_also_after_a_restart),
        world_test(a_session_has_one_holder_and_one_owner),
        world_test(the_same_blob_twice_is_one_blob),
        world_test(many_pushers_of_the_same_blobs_all_succeed),
        world_test(only_idle_sessions_expire),
        world_test(the_sweep_takes_what_is_old_and_unused),
        world_test(a_reader_keeps_what_is_deleted),
        world_test(a_store_is_open_once),
        world_test(a_large_blob_needs_little_memory),
        cmocka_unit_test(a_full_disk_is_told_and_nothing_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
