/* A layer's blob, decompressed and unpacked below the limits of a small host. Whatever it holds, nothing beside the
 * layer's root directory changes, and all of it can be removed again. */
#include "base/must.h"
#include "node/image/inflate.h"
#include "node/image/test_tar.h"
#include "node/image/tree_remove.h"
#include "node/image/unpack.h"

#include <dirent.h>
#include <fcntl.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[64];
static int fd = -1;

static void remove_path(void)
{
    temporary_directory_remove(path);
}

static size_t count_names(int parent_fd, const char *name)
{
    DIR *dir = fdopendir(openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    size_t count = 0;

    must(dir != NULL);
    while (readdir(dir) != NULL)
        count++;
    (void)closedir(dir);
    return count;
}

static void unpack(struct stream *blob, int root_fd)
{
    struct image_limits limits = {.layer_unpacked_bytes_max = 1 << 20,
                                  .layer_entries_max = 100,
                                  .path_depth_max = 20,
                                  .directory_bytes_max = 1 << 14,
                                  .sparse_parts_max = 100,
                                  .ratio_free_bytes = 1 << 16,
                                  .zstd_window_log_max = 20};
    struct unpack_result result;
    struct inflater *inflater;
    struct fail f;

    image_limits_fill(&limits);
    if (!inflater_open(blob, &limits, &inflater, &f))
        return;
    if (image_unpack(inflater_stream(inflater), root_fd, &limits, &result, &f))
        (void)!stream_drain(inflater_stream(inflater), &f);
    inflater_close(inflater);
}

/* Sets the check sums right, so that what is tried lies behind them. */
static void sum_up(struct buf *archive)
{
    for (size_t at = 0; at + 512 <= archive->len; at += 512) {
        char *header = archive->ptr + at;
        unsigned sum = 0;

        if (memcmp(header + 257, "ustar", 5) != 0)
            continue;
        memset(header + 148, ' ', 8);
        for (size_t i = 0; i < 512; i++)
            sum += (unsigned char)header[i];
        (void)snprintf(header + 148, 7, "%06o", sum);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_buf archive = {0};
    struct memory_stream blob;
    struct fail f;
    int root_fd;

    buf_add(&archive, (struct str){(const char *)data, size});
    sum_up(&archive);
    blob = memory_stream(buf_str(&archive), 300);
    if (fd < 0) {
        fd = temporary_directory(path);
        must(mkdirat(fd, "outside", 0700) == 0);
        must(atexit(remove_path) == 0);
    }
    must(mkdirat(fd, "root", 0755) == 0);
    root_fd = openat(fd, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    must(root_fd >= 0);
    unpack(&blob.stream, root_fd);
    (void)close(root_fd);
    must(count_names(fd, ".") == 4);
    must(count_names(fd, "outside") == 2);
    must(image_tree_remove(fd, "root", &f));
    return 0;
}
