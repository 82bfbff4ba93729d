#include "node/image/unpack.h"

#include "node/image/layer_path.h"
#include "node/image/problem.h"
#include "node/image/test_tar.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <cmocka.h>

/* A layer unpacked into <path>/root; <path>/outside is what an attack would reach. */
struct fixture {
    char path[64];
    int fd;
    int root;
    struct image_limits limits;
    struct unpack_result result;
    struct fail f;
};

static int set_up(void **state)
{
    struct fixture *t = calloc(1, sizeof(*t));

    t->fd = temporary_directory(t->path);
    assert_int_equal(mkdirat(t->fd, "outside", 0755), 0);
    assert_int_equal(mkdirat(t->fd, "root", 0755), 0);
    t->root = openat(t->fd, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    image_limits_fill(&t->limits);
    *state = t;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *t = *state;

    (void)close(t->root);
    (void)close(t->fd);
    temporary_directory_remove(t->path);
    free(t);
    return 0;
}

static bool unpack_bytes(struct fixture *t, struct str bytes)
{
    struct memory_stream memory = memory_stream(bytes, 700);

    return image_unpack(&memory.stream, t->root, &t->limits, &t->result, &t->f);
}

static bool unpack_rows(struct fixture *t, const struct tar_row *rows, size_t count)
{
    auto_buf bytes = {0};

    tar_write(&bytes, rows, count);
    return unpack_bytes(t, buf_str(&bytes));
}

#define UNPACK(t, rows) unpack_rows((t), (rows), COUNT_OF(rows))

static struct stat status_of(const struct fixture *t, const char *path)
{
    struct stat status = {0};

    if (fstatat(t->root, path, &status, AT_SYMLINK_NOFOLLOW) != 0)
        assert_int_equal(errno, ENOENT);
    return status;
}

static void assert_content(const struct fixture *t, const char *path, const char *content)
{
    char text[256] = "";
    auto_fd fd = openat(t->root, path, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_true(read(fd, text, sizeof(text) - 1) >= 0);
    assert_string_equal(text, content);
}

static bool is_opaque(const struct fixture *t, const char *path)
{
    char value[2] = "";
    auto_fd fd = openat(t->root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    assert_true(fd >= 0);
    return fgetxattr(fd, LAYER_OPAQUE, value, sizeof(value)) == 1 && value[0] == 'y';
}

static bool is_whiteout(const struct fixture *t, const char *path)
{
    struct stat status = status_of(t, path);

    return layer_is_whiteout(&status);
}

static void attributes_come_through(void **state)
{
    static const char capability[20] = {1, 0, 0, 2, 0, 4}; /* VFS_CAP_REVISION_2, effective, cap_net_bind_service */
    static const struct tar_row rows[] = {
        {.name = "./", .type = S_IFDIR, .mode = 0751, .mtime = {5, 0}},
        {.name = "d/", .type = S_IFDIR, .mode = 01777, .uid = 7, .gid = 8, .mtime = {1000, 123456789}},
        {.name = "d/f", .type = S_IFREG, .mode = 06755, .uid = 1, .gid = 2, .content = "hello", .mtime = {-1, 0}},
        {.name = "d/cap", .type = S_IFREG, .xattr = "security.capability", .xattr_value = {capability, 20}},
        {.name = "d/l", .type = S_IFLNK, .link = "/etc/passwd", .uid = 3, .gid = 4, .mtime = {77, 1}},
        {.name = "h", .type = 0, .link = "d/f"},
        {.name = "null", .type = S_IFCHR, .mode = 0666, .major = 1, .minor = 3},
        {.name = "disk", .type = S_IFBLK, .mode = 0600, .major = 259, .minor = 70000},
        {.name = "fifo", .type = S_IFIFO, .mode = 0622},
        {.name = "big", .type = S_IFREG, .uid = 4000000000, .gid = 3000000000},
    };
    struct fixture *t = *state;
    struct stat status;
    char value[32];

    assert_true(UNPACK(t, rows));
    assert_int_equal(t->result.entries, COUNT_OF(rows));
    assert_int_equal(t->result.bytes, 5);
    status = status_of(t, ".");
    assert_int_equal(status.st_mode, S_IFDIR | 0751);
    assert_int_equal(status.st_mtim.tv_sec, 5);
    status = status_of(t, "d");
    assert_int_equal(status.st_mode, S_IFDIR | 01777);
    assert_int_equal(status.st_uid, 7);
    assert_int_equal(status.st_gid, 8);
    assert_int_equal(status.st_mtim.tv_sec, 1000);
    assert_int_equal(status.st_mtim.tv_nsec, 123456789);
    status = status_of(t, "d/f");
    assert_int_equal(status.st_mode, S_IFREG | 06755);
    assert_int_equal(status.st_uid, 1);
    assert_int_equal(status.st_mtim.tv_sec, -1);
    assert_int_equal(status.st_ino, status_of(t, "h").st_ino);
    assert_content(t, "h", "hello");
    status = status_of(t, "d/l");
    assert_true(S_ISLNK(status.st_mode));
    assert_int_equal(status.st_uid, 3);
    assert_int_equal(status.st_mtim.tv_sec, 77);
    assert_int_equal(status_of(t, "null").st_rdev, makedev(1, 3));
    assert_int_equal(status_of(t, "null").st_mode, S_IFCHR | 0666);
    assert_int_equal(status_of(t, "disk").st_rdev, makedev(259, 70000));
    assert_int_equal(status_of(t, "fifo").st_mode, S_IFIFO | 0622);
    assert_int_equal(status_of(t, "big").st_uid, 4000000000);
    assert_int_equal(status_of(t, "big").st_gid, 3000000000);
    {
        auto_fd fd = openat(t->root, "d/cap", O_RDONLY | O_CLOEXEC);

        assert_int_equal(fgetxattr(fd, "security.capability", value, sizeof(value)), 20);
        assert_memory_equal(value, capability, 20);
    }
}

/* One ustar block with a name that says nothing, and its content padded to blocks. */
static void add_block(struct buf *bytes, char type, struct str content)
{
    static const char zeros[512];
    char header[512] = "x";
    unsigned sum = 0;

    (void)snprintf(header + 100, 8, "%07o", 0644);
    (void)snprintf(header + 124, 12, "%011zo", content.len);
    memcpy(header + 257,
           "ustar\0"
           "00",
           8);
    header[156] = type;
    memset(header + 148, ' ', 8);
    for (size_t i = 0; i < sizeof(header); i++)
        sum += (unsigned char)header[i];
    (void)snprintf(header + 148, 8, "%06o", sum);
    buf_add(bytes, (struct str){header, sizeof(header)});
    buf_add(bytes, content);
    if (content.len % 512 != 0)
        buf_add(bytes, (struct str){zeros, 512 - content.len % 512});
}

/* A file with one pax record, written by hand: libarchive's writer would normalise the name. */
static void add_pax_entry(struct buf *bytes, const char *key, const char *value, char type, const char *content)
{
    char record[64];
    size_t len = strlen(key) + strlen(value) + strlen("12 =\n"); /* a record counts its own length of two digits */

    assert_in_range(len, 10, 60);
    (void)snprintf(record, sizeof(record), "%zu %s=%s\n", len, key, value);
    assert_int_equal(strlen(record), len);
    add_block(bytes, 'x', str_of(record));
    add_block(bytes, type, str_of(content));
}

static void names_come_through_byte_for_byte(void **state)
{
    static const char composed[] = "caf\xc3\xa9";
    static const char decomposed[] = "cafe\xcc\x81"; /* equal to it after normalisation */
    static const char bad[] = "bad-\xff\xfe";        /* no UTF-8 at all */
    struct fixture *t = *state;
    auto_buf bytes = {0};
    char target[32] = "";

    add_pax_entry(&bytes, "path", composed, '0', "composed");
    add_pax_entry(&bytes, "path", decomposed, '0', "decomposed");
    add_pax_entry(&bytes, "path", bad, '0', "bad");
    add_pax_entry(&bytes, "linkpath", decomposed, '2', "");
    if (!unpack_bytes(t, buf_str(&bytes)))
        fail_msg("%s", t->f.message);
    assert_content(t, composed, "composed");
    assert_content(t, decomposed, "decomposed");
    assert_content(t, bad, "bad");
    assert_true(readlinkat(t->root, "x", target, sizeof(target) - 1) > 0);
    assert_string_equal(target, decomposed);
}

static void times_before_1970_and_between_seconds_come_through(void **state)
{
    static const struct {
        const char *text;
        struct timespec time;
    } rows[] = {
        {"0", {0, 0}},   {"1.5", {1, 500000000}},   {"1.0000000019", {1, 1}},
        {"-1", {-1, 0}}, {"-1.5", {-2, 500000000}}, {"-0.25", {-1, 750000000}},
    };
    struct fixture *t = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        auto_buf bytes = {0};
        struct stat status;

        add_pax_entry(&bytes, "mtime", rows[i].text, '0', "");
        assert_true(unpack_bytes(t, buf_str(&bytes)));
        status = status_of(t, "x");
        assert_int_equal(status.st_mtim.tv_sec, rows[i].time.tv_sec);
        assert_int_equal(status.st_mtim.tv_nsec, rows[i].time.tv_nsec);
    }
}

static void broken_pax_records_are_refused(void **state)
{
    static const char *const rows[] = {
        "11 path=x\n",
        "8 path=x\n",
        "9 path=x ",
        "9path=xx\n",
        "5 =x\n",
        "99999999999 path=x\n",
        "x path=x\n",
        "12 mtime=1x\n",
        "11 size=-1\n",
        "12 uid=zero\n",
        "20 GNU.sparse.map=1\n",
        "23 GNU.sparse.offset=1\n",
        "25 GNU.sparse.numbytes=1\n",
        "26 GNU.sparse.map=5,5,6,1\n",
    };
    struct fixture *t = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        auto_buf bytes = {0};

        add_block(&bytes, 'x', str_of(rows[i]));
        add_block(&bytes, '0', STR("content"));
        if (unpack_bytes(t, buf_str(&bytes)))
            fail_msg("taken: %s", rows[i]);
        assert_int_equal(image_problem_of(&t->f), IMAGE_MALFORMED);
    }
}

/* The forms of sparse files that libarchive's writer does not make: the same file each time. */
static void every_form_of_sparse_file_is_read(void **state)
{
    static const char map_1_0[512] = "2\n3\n2\n10\n1\n";
    static const char form_0_0[] = "22 GNU.sparse.size=12\n26 GNU.sparse.numblocks=2\n23 GNU.sparse.offset=3\n"
                                   "25 GNU.sparse.numbytes=2\n24 GNU.sparse.offset=10\n25 GNU.sparse.numbytes=1\n";
    static const char form_0_1[] = "22 GNU.sparse.size=12\n27 GNU.sparse.map=3,2,10,1\n";
    static const char form_1_0[] = "22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n26 GNU.sparse.realsize=12\n"
                                   "21 GNU.sparse.name=x\n";
    static const char *const forms[] = {form_0_0, form_0_1, form_1_0};
    static const char wanted[12] = "\0\0\0ab\0\0\0\0\0c\0";
    struct fixture *t = *state;

    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        auto_buf bytes = {0};
        auto_buf content = {0};
        char text[16] = "";
        auto_fd fd = -1;

        if (forms[i] == form_1_0)
            buf_add(&content, (struct str){map_1_0, sizeof(map_1_0)});
        buf_add_cstr(&content, "abc");
        add_block(&bytes, 'x', str_of(forms[i]));
        add_block(&bytes, '0', buf_str(&content));
        if (!unpack_bytes(t, buf_str(&bytes)))
            fail_msg("form %zu: %s", i, t->f.message);
        fd = openat(t->root, "x", O_RDONLY | O_CLOEXEC);
        assert_int_equal(read(fd, text, sizeof(text)), 12);
        assert_memory_equal(text, wanted, 12);
    }
}

static void long_names_come_through(void **state)
{
    char deep[1500] = "";
    const struct tar_row rows[] = {{.name = deep, .type = S_IFREG, .content = "deep"}};
    struct fixture *t = *state;

    for (size_t i = 0; i < 10; i++)
        (void)snprintf(deep + 130 * i, sizeof(deep) - 130 * i, "%0129zu/", i);
    (void)snprintf(deep + 1300, sizeof(deep) - 1300, "%0120d", 0);
    assert_true(UNPACK(t, rows));
    assert_content(t, deep, "deep");
}

static void holes_stay_holes(void **state)
{
    static const struct tar_row rows[] = {
        {.name = "sparse", .type = S_IFREG, .content = "end", .hole = 64 << 20},
    };
    struct fixture *t = *state;
    struct stat status;

    assert_true(UNPACK(t, rows));
    status = status_of(t, "sparse");
    assert_int_equal(status.st_size, (64 << 20) + 3);
    assert_true(status.st_blocks < 2048);
    assert_true(t->result.bytes < 1 << 20);
}

static void whiteouts_take_overlay_s_form(void **state)
{
    static const struct tar_row rows[] = {
        {.name = "d", .type = S_IFDIR},
        {.name = "d/.wh.gone", .type = S_IFREG},
        {.name = "d/kept", .type = S_IFREG, .content = "kept"},
        {.name = "o", .type = S_IFDIR},
        {.name = "o/before", .type = S_IFREG},
        {.name = "o/.wh..wh..opq", .type = S_IFREG},
        {.name = "o/after", .type = S_IFREG},
        {.name = "same", .type = S_IFREG, .content = "here"},
        {.name = ".wh.same", .type = S_IFREG},
        {.name = ".wh.again", .type = S_IFREG},
        {.name = "again", .type = S_IFDIR},
        {.name = "made", .type = S_IFDIR},
        {.name = ".wh.made", .type = S_IFREG},
        {.name = ".wh.implied", .type = S_IFREG},
        {.name = "implied/file", .type = S_IFREG},
        {.name = ".wh..wh.plnk/1.2", .type = S_IFREG},
        {.name = ".wh..wh.aufs", .type = S_IFREG},
        {.name = "new/.wh.x", .type = S_IFREG},
    };
    struct fixture *t = *state;

    assert_true(UNPACK(t, rows));
    assert_true(is_whiteout(t, "d/gone"));
    assert_false(is_opaque(t, "d"));
    assert_content(t, "d/kept", "kept");
    assert_true(is_opaque(t, "o"));
    assert_true(S_ISREG(status_of(t, "o/before").st_mode));
    assert_true(S_ISREG(status_of(t, "o/after").st_mode));
    assert_content(t, "same", "here");
    assert_true(is_opaque(t, "again"));
    assert_true(is_opaque(t, "made"));
    assert_true(is_opaque(t, "implied"));
    assert_true(S_ISREG(status_of(t, "implied/file").st_mode));
    assert_true(is_whiteout(t, "new/x"));
    assert_int_equal(status_of(t, ".wh..wh.plnk").st_mode, 0);
    assert_int_equal(status_of(t, ".wh..wh.aufs").st_mode, 0);
    assert_int_equal(status_of(t, "d/.wh.gone").st_mode, 0);
}

static void later_entries_replace_earlier_ones(void **state)
{
    static const struct tar_row rows[] = {
        {.name = "a", .type = S_IFREG, .content = "one"},
        {.name = "a", .type = S_IFREG, .content = "two"},
        {.name = "dir", .type = S_IFDIR, .mode = 0700, .mtime = {1, 0}},
        {.name = "dir/in", .type = S_IFREG},
        {.name = "dir", .type = S_IFDIR, .mode = 0711, .mtime = {2, 0}},
        {.name = "tree/x/y", .type = S_IFREG},
        {.name = "tree", .type = S_IFLNK, .link = "dir"},
        {.name = "tree/through", .type = S_IFREG},
        {.name = "tree", .type = S_IFDIR},
        {.name = "tree/own", .type = S_IFREG},
    };
    struct fixture *t = *state;

    assert_true(UNPACK(t, rows));
    assert_content(t, "a", "two");
    assert_int_equal(status_of(t, "dir").st_mode, S_IFDIR | 0711);
    assert_int_equal(status_of(t, "dir").st_mtim.tv_sec, 2);
    assert_true(S_ISREG(status_of(t, "dir/in").st_mode));
    assert_true(S_ISREG(status_of(t, "dir/through").st_mode));
    assert_true(S_ISDIR(status_of(t, "tree").st_mode));
    assert_true(S_ISREG(status_of(t, "tree/own").st_mode));
    assert_int_equal(status_of(t, "dir/own").st_mode, 0);
}

static void linked_parents_resolve_inside_the_layer(void **state)
{
    static const struct tar_row rows[] = {
        {.name = "usr/lib/", .type = S_IFDIR},
        {.name = "lib", .type = S_IFLNK, .link = "usr/lib"},
        {.name = "lib/a", .type = S_IFREG},
        {.name = "abs", .type = S_IFLNK, .link = "/usr/lib"},
        {.name = "abs/b", .type = S_IFREG},
        {.name = "up", .type = S_IFLNK, .link = "../../../../../usr"},
        {.name = "up/c", .type = S_IFREG},
        {.name = "dangling", .type = S_IFLNK, .link = "/not/there/yet"},
        {.name = "dangling/d", .type = S_IFREG},
        {.name = "s1", .type = S_IFLNK, .link = "s2"},
        {.name = "s2", .type = S_IFLNK, .link = "usr/../lib"},
        {.name = "s1/e/f", .type = S_IFREG},
        {.name = "/absolute/g", .type = S_IFREG},
        {.name = "hard", .type = 0, .link = "/s1/a"},
    };
    struct fixture *t = *state;

    assert_true(UNPACK(t, rows));
    assert_true(S_ISREG(status_of(t, "usr/lib/a").st_mode));
    assert_true(S_ISREG(status_of(t, "usr/lib/b").st_mode));
    assert_true(S_ISREG(status_of(t, "usr/c").st_mode));
    assert_true(S_ISREG(status_of(t, "not/there/yet/d").st_mode));
    assert_true(S_ISREG(status_of(t, "usr/lib/e/f").st_mode));
    assert_true(S_ISREG(status_of(t, "absolute/g").st_mode));
    assert_int_equal(status_of(t, "hard").st_ino, status_of(t, "usr/lib/a").st_ino);
}

static void assert_nothing_outside(const struct fixture *t)
{
    struct stat status;

    assert_int_equal(fstatat(t->fd, "outside", &status, 0), 0);
    assert_true(S_ISDIR(status.st_mode));
    assert_int_equal(status.st_nlink, 2);
    assert_int_not_equal(unlinkat(t->fd, "outside/x", 0), 0);
    assert_int_not_equal(unlinkat(t->fd, "x", 0), 0);
    assert_int_equal(fstatat(t->fd, "root", &status, AT_SYMLINK_NOFOLLOW), 0);
    assert_true(S_ISDIR(status.st_mode));
}

/* Each attack is refused; none touches what is outside. */
static void attacks_are_refused(void **state)
{
    static const struct tar_row rows[][3] = {
        {{.name = "../x", .type = S_IFREG}},
        {{.name = "a/../../x", .type = S_IFREG}},
        {{.name = "/../x", .type = S_IFREG}},
        {{.name = "../outside", .type = S_IFDIR, .mode = 0777}},
        {{.name = "..", .type = S_IFDIR}},
        {{.name = ".", .type = S_IFREG}},
        {{.name = "/", .type = S_IFLNK, .link = "/etc"}},
        {{.name = ".wh...", .type = S_IFREG}},
        {{.name = ".wh..", .type = S_IFREG}},
        {{.name = ".wh.", .type = S_IFREG}},
        {{.name = "a/.wh...", .type = S_IFREG}},
        {{.name = "../.wh.outside", .type = S_IFREG}},
        {{.name = "../outside/.wh..wh..opq", .type = S_IFREG}},
        {{.name = ".wh.d/x", .type = S_IFREG}},
        {{.name = "h", .type = 0, .link = "../outside"}},
        {{.name = "h", .type = 0, .link = "/etc/passwd"}},
        {{.name = "h", .type = 0, .link = "h"}},
        {{.name = "h", .type = 0, .link = "missing"}},
        {{.name = "d", .type = S_IFDIR}, {.name = "h", .type = 0, .link = "d"}},
        {{.name = "l", .type = S_IFLNK, .link = "../outside"}, {.name = "h", .type = 0, .link = "l/x"}},
        {{.name = "a", .type = S_IFLNK, .link = "b"},
         {.name = "b", .type = S_IFLNK, .link = "a"},
         {.name = "a/x", .type = S_IFREG}},
        {{.name = "f", .type = S_IFREG}, {.name = "f/x", .type = S_IFREG}},
        {{.name = "a", .type = S_IFREG, .uid = 5000000000}},
        {{.name = "a", .type = S_IFREG, .gid = UINT32_MAX}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t count = 0;
        struct fixture *t;
        void *own;

        while (count < COUNT_OF(rows[i]) && rows[i][count].name != NULL)
            count++;
        assert_int_equal(set_up(&own), 0);
        t = own;
        if (unpack_rows(t, rows[i], count))
            fail_msg("attack %zu (%s) was let through", i, rows[i][0].name);
        assert_int_equal(image_problem_of(&t->f), IMAGE_MALFORMED);
        assert_nothing_outside(t);
        assert_int_equal(tear_down(&own), 0);
    }
}

/* These are taken, and stay inside. */
static void tricks_stay_inside(void **state)
{
    static const struct tar_row rows[] = {
        {.name = "l", .type = S_IFLNK, .link = "../outside"},
        {.name = "l/x", .type = S_IFREG},
        {.name = "m", .type = S_IFLNK, .link = ".."},
        {.name = "m/x", .type = S_IFREG},
        {.name = "n", .type = S_IFLNK, .link = "../outside"},
        {.name = "n", .type = S_IFREG, .content = "not through the link"},
        {.name = "p", .type = S_IFLNK, .link = "/proc/self/cwd"},
        {.name = "p/x", .type = S_IFREG},
        {.name = "q", .type = S_IFLNK, .link = "/outside"},
        {.name = "q/.wh..wh..opq", .type = S_IFREG},
        {.name = "r", .type = S_IFLNK, .link = "../outside"},
        {.name = ".wh.r", .type = S_IFREG},
        {.name = "x1", .type = S_IFREG, .xattr = "trusted.overlay.redirect", .xattr_value = STR_INIT("/../..")},
    };
    struct fixture *t = *state;
    char value[8];

    assert_true(UNPACK(t, rows));
    assert_nothing_outside(t);
    assert_true(S_ISREG(status_of(t, "outside/x").st_mode));
    assert_true(S_ISREG(status_of(t, "x").st_mode));
    assert_true(S_ISREG(status_of(t, "proc/self/cwd/x").st_mode));
    assert_content(t, "n", "not through the link");
    assert_true(S_ISLNK(status_of(t, "r").st_mode));
    {
        auto_fd fd = openat(t->root, "x1", O_RDONLY | O_CLOEXEC);

        assert_int_equal(fgetxattr(fd, "trusted.overlay.redirect", value, sizeof(value)), -1);
    }
}

static void limits_hold(void **state)
{
    static const struct tar_row rows[] = {
        {.name = "a/b/c/d", .type = S_IFREG, .content = "0123456789"},
        {.name = "e", .type = S_IFREG, .content = "0123456789"},
        {.name = "dir", .type = S_IFDIR, .xattr = "user.x", .xattr_value = STR_INIT("0123456789")},
    };
    static const struct image_limits tight[] = {
        {.layer_entries_max = 2},        {.layer_unpacked_bytes_max = 15},
        {.layer_unpacked_bytes_max = 9}, {.path_bytes_max = 6},
        {.path_depth_max = 3},           {.xattr_bytes_max = 15},
        {.directory_bytes_max = 1},
    };
    struct fixture *t = *state;

    for (size_t i = 0; i < COUNT_OF(tight); i++) {
        t->limits = tight[i];
        image_limits_fill(&t->limits);
        if (UNPACK(t, rows))
            fail_msg("limit %zu does not hold", i);
        assert_int_equal(image_problem_of(&t->f), IMAGE_OVER_LIMIT);
    }
    t->limits = (struct image_limits){.layer_entries_max = 3,
                                      .layer_unpacked_bytes_max = 20,
                                      .path_bytes_max = 7,
                                      .path_depth_max = 4,
                                      .xattr_bytes_max = 16};
    image_limits_fill(&t->limits);
    if (!UNPACK(t, rows))
        fail_msg("%s", t->f.message);
}

static void broken_archives_are_refused(void **state)
{
    static const struct tar_row rows[] = {{.name = "a", .type = S_IFREG, .content = "0123456789"}};
    struct fixture *t = *state;
    auto_buf bytes = {0};

    tar_write(&bytes, rows, 1);
    assert_false(unpack_bytes(t, str_to(buf_str(&bytes), 517))); /* cut inside the content */
    assert_int_equal(image_problem_of(&t->f), IMAGE_MALFORMED);
    assert_false(unpack_bytes(t, str_to(buf_str(&bytes), 300))); /* cut inside the header */
    bytes.ptr[150] ^= 1;                                         /* check sum */
    assert_false(unpack_bytes(t, buf_str(&bytes)));
    assert_int_equal(image_problem_of(&t->f), IMAGE_MALFORMED);
    assert_false(unpack_bytes(t, STR("this is no archive at all, is it? this is no archive at all, is it?")));
}

static void empty_archives_are_empty_layers(void **state)
{
    static const char zeros[1024];
    struct fixture *t = *state;

    assert_true(unpack_bytes(t, STR("")));
    assert_true(unpack_bytes(t, (struct str){zeros, sizeof(zeros)}));
    assert_int_equal(t->result.entries, 0);
}

static bool read_broken(struct stream *stream, struct str *ret_piece, struct fail *f)
{
    (void)stream;
    (void)ret_piece;
    return image_fail(f, IMAGE_UNREACHABLE, "the line is dead");
}

static void a_broken_stream_is_named_as_the_cause(void **state)
{
    struct fixture *t = *state;
    struct stream stream = {read_broken};

    assert_false(image_unpack(&stream, t->root, &t->limits, &t->result, &t->f));
    assert_string_equal(t->f.message, "the line is dead");
    assert_int_equal(image_problem_of(&t->f), IMAGE_UNREACHABLE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(attributes_come_through),
        TEST(names_come_through_byte_for_byte),
        TEST(times_before_1970_and_between_seconds_come_through),
        TEST(broken_pax_records_are_refused),
        TEST(every_form_of_sparse_file_is_read),
        TEST(long_names_come_through),
        TEST(holes_stay_holes),
        TEST(whiteouts_take_overlay_s_form),
        TEST(later_entries_replace_earlier_ones),
        TEST(linked_parents_resolve_inside_the_layer),
        cmocka_unit_test(attacks_are_refused),
        TEST(tricks_stay_inside),
        TEST(limits_hold),
        TEST(broken_archives_are_refused),
        TEST(empty_archives_are_empty_layers),
        TEST(a_broken_stream_is_named_as_the_cause),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
