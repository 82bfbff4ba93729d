#include "node/disk/limited_disk.h"

#include "base/attributes.h"
#include "base/log.h"
#include "node/runtime/small_file.h"
#include "os/files.h"
#include "os/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>

enum { MKFS_TIMEOUT_MS = 60000, LOOP_TRIES = 32 };

/* Tables that are made when they are needed, no journal: what a crash of the machine tears is made anew. */
static bool make_file_system(const char *path, struct fail *f)
{
    const char *argv[] = {
        "mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^has_journal", "-E", "lazy_itable_init=1,nodiscard", path, NULL};
    struct process_options options = {.argv = argv};
    struct process_exit end;
    struct process process;

    if (!process_start(&options, &process, f))
        return false;
    if (!process_wait(&process, MKFS_TIMEOUT_MS, &end, f)) {
        process_end(&process);
        return false;
    }
    return (!end.signaled && end.code == 0) || fail(f, FAIL_SYSTEM, "mkfs.ext4 %s ends with %d", path, end.code);
}

static bool make_disk(const char *path, int32_t gib, struct fail *f)
{
    char half[PATH_BYTES];
    auto_fd fd = -1;

    if (access(path, F_OK) == 0)
        return true;
    path_format(half, "%s.new", path);
    /* A mkfs that outlived its parent may still write into the last one. */
    if (unlink(half) != 0 && errno != ENOENT)
        return fail(f, FAIL_SYSTEM, "remove %s: %s", half, strerror(errno));
    fd = open(half, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, (off_t)gib << 30) != 0)
        return fail(f, FAIL_SYSTEM, "make %s: %s", half, strerror(errno));
    if (!make_file_system(half, f))
        return false;
    return rename(half, path) == 0 || fail(f, FAIL_SYSTEM, "rename %s: %s", half, strerror(errno));
}

/* ---- loop devices (loop(4)) ---- */

static int configure(int device, int file)
{
    struct loop_config config = {.fd = (uint32_t)file, .info = {.lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO}};

    if (ioctl(device, LOOP_CONFIGURE, &config) == 0)
        return 0;
    if (errno == EBUSY)
        return -1;
    config.info.lo_flags = LO_FLAGS_AUTOCLEAR; /* not every file system takes direct I/O */
    return ioctl(device, LOOP_CONFIGURE, &config);
}

/* A free one may be another's before it is ours: then the next. It frees itself when it is unmounted. */
static bool attach(int file, char ret_path[PATH_BYTES], int *ret_fd, struct fail *f)
{
    auto_fd control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);

    if (control < 0)
        return fail(f, FAIL_NOT_FOUND, "open /dev/loop-control: %s", strerror(errno));
    for (int i = 0; i < LOOP_TRIES; i++) {
        int number = ioctl(control, LOOP_CTL_GET_FREE);
        auto_fd device = -1;

        if (number < 0)
            return fail(f, FAIL_NOT_FOUND, "no loop device is free: %s", strerror(errno));
        path_format(ret_path, "/dev/loop%d", number);
        device = open(ret_path, O_RDWR | O_CLOEXEC);
        if (device >= 0 && configure(device, file) == 0) {
            *ret_fd = take_fd(&device);
            return true;
        }
        if (device >= 0 && errno != EBUSY)
            return fail(f, FAIL_NOT_FOUND, "loop device %s: %s", ret_path, strerror(errno));
    }
    return fail(f, FAIL_NOT_FOUND, "no loop device is free");
}

static bool is_mounted(const char *path)
{
    char above[PATH_BYTES];
    struct stat here;
    struct stat there;

    path_format(above, "%s/..", path);
    return stat(path, &here) == 0 && stat(above, &there) == 0 && here.st_dev != there.st_dev;
}

static bool mount_disk(const char *disk, const char *target, struct fail *f)
{
    auto_fd file = open(disk, O_RDWR | O_CLOEXEC);
    auto_fd device = -1;
    char path[PATH_BYTES];

    if (file < 0)
        return fail(f, FAIL_SYSTEM, "open %s: %s", disk, strerror(errno));
    if (!attach(file, path, &device, f))
        return false;
    return mount(path, target, "ext4", MS_NOATIME, "discard") == 0 ||
           fail(f, FAIL_SYSTEM, "mount %s on %s: %s", path, target, strerror(errno));
}

static bool open_limited(const char *directory, int32_t gib, struct fail *f)
{
    char disk[PATH_BYTES];
    char target[PATH_BYTES];

    path_format(disk, "%s/disk", directory);
    path_format(target, "%s/mount", directory);
    if (!directory_make(target, 0700, f))
        return false;
    return is_mounted(target) || (make_disk(disk, gib, f) && mount_disk(disk, target, f));
}

bool limited_disk_open(const char *directory, int32_t gib, char ret_place[DISK_PATH_BYTES], struct fail *f)
{
    bool limited = open_limited(directory, gib, f);

    if (!limited && f->code != FAIL_NOT_FOUND)
        return false;
    if (!limited)
        log_warning("what lies in %s has no limit: %s", directory, f->message);
    (void)snprintf(ret_place, DISK_PATH_BYTES, "%s%s", directory, limited ? "/mount" : "");
    return true;
}

bool limited_disk_close(const char *directory, struct fail *f)
{
    char target[PATH_BYTES];

    path_format(target, "%s/mount", directory);
    if (!is_mounted(target) || umount2(target, 0) == 0)
        return true;
    /* A process that is still ending holds it for a moment: it goes when that one is gone. */
    return umount2(target, MNT_DETACH) == 0 || fail(f, FAIL_SYSTEM, "unmount %s: %s", target, strerror(errno));
}

bool limited_disk_remove(const char *directory, struct fail *f)
{
    char disk[PATH_BYTES];

    path_format(disk, "%s/disk", directory);
    if (!limited_disk_close(directory, f))
        return false;
    return unlink(disk) == 0 || errno == ENOENT || fail(f, FAIL_SYSTEM, "remove %s: %s", disk, strerror(errno));
}
