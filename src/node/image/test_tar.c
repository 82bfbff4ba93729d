#include "node/image/test_tar.h"

#include "base/must.h"
#include "node/image/tree_remove.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <locale.h>
#include <zlib.h>
#include <zstd.h>

static la_ssize_t keep(struct archive *archive, void *context, const void *bytes, size_t len)
{
    (void)archive;
    buf_add(context, (struct str){bytes, len});
    return (la_ssize_t)len;
}

static void describe(struct archive_entry *entry, const struct tar_row *row)
{
    mode_t mode = row->mode != 0 ? row->mode : row->type == S_IFDIR ? 0755 : 0644;

    archive_entry_set_pathname_utf8(entry, row->name);
    archive_entry_set_filetype(entry, row->type == 0 ? AE_IFREG : row->type);
    archive_entry_set_perm(entry, mode);
    archive_entry_set_uid(entry, row->uid);
    archive_entry_set_gid(entry, row->gid);
    archive_entry_set_mtime(entry, row->mtime.tv_sec, row->mtime.tv_nsec);
    archive_entry_set_rdevmajor(entry, row->major);
    archive_entry_set_rdevminor(entry, row->minor);
    if (row->type == S_IFLNK)
        archive_entry_set_symlink_utf8(entry, row->link);
    if (row->type == 0)
        archive_entry_set_hardlink_utf8(entry, row->link);
    if (row->xattr != NULL)
        archive_entry_xattr_add_entry(entry, row->xattr, row->xattr_value.ptr, row->xattr_value.len);
}

static void write_entry(struct archive *archive, const struct tar_row *row)
{
    struct archive_entry *entry = archive_entry_new();
    size_t len = row->content == NULL ? 0 : strlen(row->content);

    describe(entry, row);
    if (row->type == S_IFREG)
        archive_entry_set_size(entry, row->hole + (int64_t)len);
    if (row->hole > 0)
        archive_entry_sparse_add_entry(entry, row->hole, (int64_t)len);
    must(archive_write_header(archive, entry) >= ARCHIVE_WARN);
    for (int64_t at = 0; at < row->hole; at += 4096)
        must(archive_write_data(archive, (const char[4096]){0}, 4096) >= 0);
    if (len > 0)
        must(archive_write_data(archive, row->content, len) == (la_ssize_t)len);
    archive_entry_free(entry);
}

void tar_write(struct buf *bytes, const struct tar_row *entries, size_t count)
{
    struct archive *archive = archive_write_new();
    locale_t utf8 =
        newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0); /* libarchive 3.6 crashes on names it cannot say */
    locale_t old = uselocale(utf8);

    must(archive_write_set_format_pax(archive) == ARCHIVE_OK);
    must(archive_write_set_bytes_in_last_block(archive, 1) == ARCHIVE_OK);
    must(archive_write_open(archive, bytes, NULL, keep, NULL) == ARCHIVE_OK);
    for (size_t i = 0; i < count; i++)
        write_entry(archive, &entries[i]);
    must(archive_write_close(archive) == ARCHIVE_OK);
    must(archive_write_free(archive) == ARCHIVE_OK);
    (void)uselocale(old);
    freelocale(utf8);
}

void gzip_write(struct buf *bytes, struct str plain)
{
    z_stream z = {0};
    char *out;

    must(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    out = buf_extend(bytes, deflateBound(&z, plain.len));
    must(out != NULL);
    z.next_in = (Bytef *)(uintptr_t)plain.ptr;
    z.avail_in = (uInt)plain.len;
    z.next_out = (Bytef *)out;
    z.avail_out = (uInt)deflateBound(&z, plain.len);
    must(deflate(&z, Z_FINISH) == Z_STREAM_END);
    bytes->len -= z.avail_out;
    must(deflateEnd(&z) == Z_OK);
}

void zstd_write(struct buf *bytes, struct str plain)
{
    size_t room = ZSTD_compressBound(plain.len);
    char *out = buf_extend(bytes, room);
    size_t used;

    must(out != NULL);
    used = ZSTD_compress(out, room, plain.ptr, plain.len, 3);
    must(!ZSTD_isError(used));
    bytes->len -= room - used;
}

static bool read_memory(struct stream *stream, struct str *ret_piece, struct fail *f)
{
    struct memory_stream *memory = stream_owner(stream, struct memory_stream);
    size_t len = memory->left.len < memory->piece_max ? memory->left.len : memory->piece_max;

    (void)f;
    *ret_piece = str_to(memory->left, len);
    memory->left = str_from(memory->left, len);
    return true;
}

struct memory_stream memory_stream(struct str bytes, size_t piece_max)
{
    return (struct memory_stream){{read_memory}, bytes, piece_max};
}

int temporary_directory(char ret_path[64])
{
    const char *base = getenv("TMPDIR");
    int fd;

    (void)snprintf(ret_path, 64, "%s/berth-image-XXXXXX", base == NULL || strlen(base) > 40 ? "/tmp" : base);
    must(mkdtemp(ret_path) != NULL);
    fd = open(ret_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    must(fd >= 0);
    return fd;
}

void temporary_directory_remove(const char *path)
{
    struct fail f;

    if (!image_tree_remove(AT_FDCWD, path, &f))
        (void)fprintf(stderr, "%s: %s\n", path, f.message);
}
