#include "node/image/tar.h"

#include "base/buf.h"
#include "node/image/problem.h"
#include "node/image/tar_header.h"

#include <inttypes.h>

void tar_begin(struct tar_reader *reader, struct stream *stream, const struct image_limits *limits)
{
    *reader = (struct tar_reader){.stream = stream, .limits = limits, .piece = STR("")};
    /* Room for all that the limits let through: a record of 19 bytes can become 80, a map's arrays double. */
    arena_init(&reader->arena, (size_t)(limits->tar_header_bytes_max * 6 +
                                        limits->sparse_parts_max * 4 * sizeof(struct tar_extent) + 64 * KIB));
}

void tar_end(struct tar_reader *reader)
{
    arena_free(&reader->arena);
}

/* --- bytes --- */

/* At least one byte in reader->piece, unless the stream is at its end. */
static bool refill(struct tar_reader *reader, struct fail *f)
{
    return reader->piece.len > 0 || stream_read(reader->stream, &reader->piece, f);
}

static struct str take(struct tar_reader *reader, uint64_t len_max)
{
    size_t len = reader->piece.len < len_max ? reader->piece.len : (size_t)len_max;
    struct str taken = str_to(reader->piece, len);

    reader->piece = str_from(reader->piece, len);
    return taken;
}

static bool truncated(struct fail *f)
{
    return image_fail(f, IMAGE_MALFORMED, "archive: unexpected end");
}

/* Fills the block; *ret_len is less than a block only at the end of the stream. */
static bool read_block(struct tar_reader *reader, char block[TAR_BLOCK], size_t *ret_len, struct fail *f)
{
    size_t len = 0;

    while (len < TAR_BLOCK) {
        struct str part;

        if (!refill(reader, f))
            return false;
        part = take(reader, TAR_BLOCK - len);
        if (part.len == 0)
            break;
        memcpy(block + len, part.ptr, part.len);
        len += part.len;
    }
    *ret_len = len;
    return true;
}

static bool read_whole_block(struct tar_reader *reader, char block[TAR_BLOCK], struct fail *f)
{
    size_t len;

    if (!read_block(reader, block, &len, f))
        return false;
    return len == TAR_BLOCK || truncated(f);
}

static bool skip(struct tar_reader *reader, uint64_t len, struct fail *f)
{
    while (len > 0) {
        struct str part;

        if (!refill(reader, f))
            return false;
        part = take(reader, len);
        if (part.len == 0)
            return truncated(f);
        len -= part.len;
    }
    return true;
}

static uint64_t padding_of(uint64_t size)
{
    return (TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK;
}

/* The content of a header that describes the next entry. */
static bool read_body(struct tar_reader *reader, uint64_t size, struct buf *body, struct fail *f)
{
    if (size > reader->limits->tar_header_bytes_max - reader->prelude_bytes)
        return image_fail(f, IMAGE_OVER_LIMIT, "archive: extended headers of more than %" PRIu64 " bytes",
                          reader->limits->tar_header_bytes_max);
    reader->prelude_bytes += size;
    buf_clear(body);
    while (body->len < size) {
        struct str part;

        if (!refill(reader, f))
            return false;
        part = take(reader, size - body->len);
        if (part.len == 0)
            return truncated(f);
        buf_add(body, part);
    }
    return skip(reader, padding_of(size), f);
}

/* --- sparse maps --- */

/* One decimal line of the map that form 1.0 puts in front of the content. */
static bool read_map_number(struct tar_reader *reader, uint64_t *ret_number, struct fail *f)
{
    char digits[20];
    size_t len = 0;

    for (;;) {
        struct str byte;

        if (!refill(reader, f))
            return false;
        byte = take(reader, reader->left == 0 ? 0 : 1);
        if (byte.len == 0 || len == sizeof(digits))
            return image_fail(f, IMAGE_MALFORMED, "archive: broken map of a sparse file");
        reader->left--;
        if (byte.ptr[0] == '\n')
            break;
        digits[len++] = byte.ptr[0];
    }
    return str_to_uint64((struct str){digits, len}, ret_number) ||
           image_fail(f, IMAGE_MALFORMED, "archive: broken map of a sparse file");
}

static bool read_content_map(struct tar_reader *reader, struct tar_overrides *overrides, struct fail *f)
{
    uint64_t before = reader->left;
    uint64_t count, offset, len, pad;

    if (!read_map_number(reader, &count, f))
        return false;
    for (; count > 0; count--)
        if (!read_map_number(reader, &offset, f) || !read_map_number(reader, &len, f) ||
            !tar_extent_add(&reader->arena, overrides, offset, len, f))
            return false;
    pad = padding_of(before - reader->left);
    if (pad > reader->left)
        return truncated(f);
    reader->left -= pad;
    return skip(reader, pad, f);
}

/* The map must account for every byte of content and stay within the file. */
static bool use_map(struct tar_reader *reader, const struct tar_overrides *overrides, struct fail *f)
{
    struct tar_entry *entry = &reader->entry;
    uint64_t sum = 0;

    entry->sparse = true;
    entry->size = overrides->real_size;
    entry->extents = overrides->extents;
    entry->extent_count = overrides->extent_count;
    for (size_t i = 0; i < entry->extent_count; i++) {
        const struct tar_extent *extent = &entry->extents[i];

        sum += extent->len; /* cannot overflow: extents are apart and end below 2^63 */
        if (extent->offset + extent->len > entry->size)
            return image_fail(f, IMAGE_MALFORMED, "archive: the map of %.200s leaves the file", entry->name);
    }
    if (!overrides->has_real_size || overrides->extent_open || sum != reader->left)
        return image_fail(f, IMAGE_MALFORMED, "archive: the map of %.200s does not fit its content", entry->name);
    return true;
}

static bool read_sparse(struct tar_reader *reader, struct tar_overrides *overrides, bool more, struct fail *f)
{
    char block[TAR_BLOCK];

    while (more)
        if (!read_whole_block(reader, block, f) || !tar_sparse_block_read(block, &reader->arena, overrides, &more, f))
            return false;
    if (overrides->map_in_content && !read_content_map(reader, overrides, f))
        return false;
    return use_map(reader, overrides, f);
}

/* --- entries --- */

static void apply(struct tar_entry *entry, const struct tar_overrides *overrides)
{
    if (overrides->name.ptr != NULL)
        entry->name = overrides->name.ptr;
    if (overrides->sparse_name.ptr != NULL)
        entry->name = overrides->sparse_name.ptr;
    if (overrides->link.ptr != NULL)
        entry->link = overrides->link.ptr;
    if (overrides->has_uid)
        entry->uid = overrides->uid;
    if (overrides->has_gid)
        entry->gid = overrides->gid;
    if (overrides->has_mtime)
        entry->mtime = overrides->mtime;
    entry->atime = overrides->has_atime ? overrides->atime : entry->mtime;
    entry->xattrs = overrides->xattrs;
    entry->xattr_count = overrides->xattr_count;
}

static bool ends_in_slash(const char *name)
{
    return str_ends(str_of(name), STR("/"));
}

static bool type_of(char type, const struct tar_entry *entry, enum tar_type *ret_type, struct fail *f)
{
    switch (type) {
    case '\0': /* before POSIX a directory was a file with a slash */
        *ret_type = ends_in_slash(entry->name) ? TAR_DIRECTORY : TAR_FILE;
        return true;
    case 'S':
    case '7': /* a contiguous file */
        *ret_type = TAR_FILE;
        return true;
    default:
        if (type < TAR_FILE || type > TAR_FIFO)
            return image_fail(f, IMAGE_MALFORMED, "archive: %.200s has type '%c', which no layer has", entry->name,
                              type >= ' ' && type <= '~' ? type : '?');
        *ret_type = (enum tar_type)type;
        return true;
    }
}

static bool finish_entry(struct tar_reader *reader, const struct tar_header *header, struct tar_overrides *overrides,
                         struct fail *f)
{
    struct tar_entry *entry = &reader->entry;
    uint64_t size = overrides->has_size ? overrides->size : header->size;

    apply(entry, overrides);
    if (!type_of(header->type, entry, &entry->type, f))
        return false;
    if (overrides->xattr_bytes > reader->limits->xattr_bytes_max)
        return image_fail(f, IMAGE_OVER_LIMIT, "archive: %.200s has more than %" PRIu64 " bytes of extended attributes",
                          entry->name, reader->limits->xattr_bytes_max);
    reader->left = entry->type == TAR_FILE ? size : 0;
    reader->padding = padding_of(reader->left);
    entry->size = reader->left;
    if (entry->type == TAR_FILE && (overrides->sparse || overrides->map_in_content))
        return read_sparse(reader, overrides, header->gnu_sparse_more, f);
    return true;
}

/* A GNU long name; its NUL is counted in its size. */
static bool take_long(struct tar_reader *reader, struct str body, struct str *ret_text)
{
    *ret_text = arena_str(&reader->arena, str_to(body, str_find(body, '\0')));
    return true;
}

/* Reads a header that only describes the next one; false in *ret_was when it is an entry's own. */
static bool read_prelude(struct tar_reader *reader, const struct tar_header *header, struct tar_overrides *overrides,
                         bool *ret_was, struct fail *f)
{
    auto_buf body = {.limit = (size_t)reader->limits->tar_header_bytes_max + 1};

    *ret_was = true;
    switch (header->type) {
    case 'x':
        return read_body(reader, header->size, &body, f) && tar_pax_read(buf_str(&body), &reader->arena, overrides, f);
    case 'g':
        return read_body(reader, header->size, &body, f);
    case 'L':
        return read_body(reader, header->size, &body, f) && take_long(reader, buf_str(&body), &overrides->name);
    case 'K':
        return read_body(reader, header->size, &body, f) && take_long(reader, buf_str(&body), &overrides->link);
    default:
        *ret_was = false;
        return true;
    }
}

/* Reads the block that starts an entry; *ret_ended when the archive is over. */
static bool read_start(struct tar_reader *reader, char block[TAR_BLOCK], bool *ret_ended, struct fail *f)
{
    size_t len;

    if (!read_block(reader, block, &len, f))
        return false;
    *ret_ended = len == 0;
    if (len == 0)
        return true;
    if (len < TAR_BLOCK)
        return truncated(f);
    if (!tar_block_is_zero(block))
        return true;
    *ret_ended = true;
    if (!read_block(reader, block, &len, f))
        return false;
    if (len == TAR_BLOCK && !tar_block_is_zero(block))
        return image_fail(f, IMAGE_MALFORMED, "archive: goes on behind its end mark");
    return true;
}

/* Goes over the headers that describe the entry, to the one it starts with. */
static bool read_headers(struct tar_reader *reader, struct tar_header *header, struct tar_overrides *overrides,
                         struct fail *f)
{
    char block[TAR_BLOCK];
    bool described = false;
    bool prelude = true;

    while (prelude) {
        if (!reader->ended && !read_start(reader, block, &reader->ended, f))
            return false;
        if (reader->ended)
            return !described || truncated(f);
        if (!tar_header_read(block, &reader->arena, &reader->entry, overrides, header, f) ||
            !read_prelude(reader, header, overrides, &prelude, f))
            return false;
        described = prelude && (described || header->type != 'g');
    }
    return true;
}

static void forget_entry(struct tar_reader *reader)
{
    arena_reset(&reader->arena);
    reader->entry = (struct tar_entry){0};
    reader->left = reader->padding = reader->prelude_bytes = 0;
    reader->offset = reader->extent_done = 0;
    reader->extent = 0;
}

bool tar_next(struct tar_reader *reader, const struct tar_entry **ret_entry, struct fail *f)
{
    struct tar_overrides overrides = {.extents_max = (size_t)reader->limits->sparse_parts_max};
    struct tar_header header;

    if (!skip(reader, reader->left, f) || !skip(reader, reader->padding, f))
        return false;
    forget_entry(reader);
    if (!read_headers(reader, &header, &overrides, f))
        return false;
    if (!reader->ended && !finish_entry(reader, &header, &overrides, f))
        return false;
    *ret_entry = reader->ended ? NULL : &reader->entry;
    return true;
}

/* Where the next byte of content goes, and how many may follow it there. */
static uint64_t next_run(struct tar_reader *reader, uint64_t *ret_offset)
{
    const struct tar_entry *entry = &reader->entry;

    if (!entry->sparse) {
        *ret_offset = reader->offset;
        return reader->left;
    }
    while (reader->extent < entry->extent_count && reader->extent_done == entry->extents[reader->extent].len) {
        reader->extent++;
        reader->extent_done = 0;
    }
    if (reader->extent == entry->extent_count)
        return 0;
    *ret_offset = entry->extents[reader->extent].offset + reader->extent_done;
    return entry->extents[reader->extent].len - reader->extent_done;
}

bool tar_read(struct tar_reader *reader, struct str *ret_bytes, uint64_t *ret_offset, struct fail *f)
{
    uint64_t offset = 0;
    uint64_t run = reader->left == 0 ? 0 : next_run(reader, &offset);
    struct str part = STR("");

    if (run > 0) {
        if (!refill(reader, f))
            return false;
        part = take(reader, run);
        if (part.len == 0)
            return truncated(f);
    }
    reader->left -= part.len;
    reader->offset += part.len;
    reader->extent_done += part.len;
    *ret_bytes = part;
    *ret_offset = offset;
    return true;
}
