#include "node/image/tar_header.h"

#include "node/image/problem.h"

#include <string.h>

struct field {
    unsigned at;
    unsigned len;
};

/* POSIX.1-2017, "ustar Interchange Format"; the last four are GNU's, in the place of prefix. */
static const struct field NAME = {0, 100}, MODE = {100, 8}, UID = {108, 8}, GID = {116, 8}, SIZE = {124, 12},
                          MTIME = {136, 12}, CHECKSUM = {148, 8}, LINK = {157, 100}, MAGIC = {257, 8}, MAJOR = {329, 8},
                          MINOR = {337, 8}, PREFIX = {345, 155}, GNU_MAP = {386, 96}, GNU_REAL_SIZE = {483, 12},
                          MAP_OFFSET = {0, 12}, MAP_LEN = {12, 12};
enum { TYPE_AT = 156, GNU_MORE_AT = 482, GNU_BLOCK_MORE_AT = 504, MAP_ROW = 24, GNU_BLOCK_ROWS = 21 };

bool tar_block_is_zero(const char block[TAR_BLOCK])
{
    for (size_t i = 0; i < TAR_BLOCK; i++)
        if (block[i] != 0)
            return false;
    return true;
}

static struct str text_at(const char *block, struct field field)
{
    return (struct str){block + field.at, strnlen(block + field.at, field.len)};
}

/* GNU's binary form: high bit set, then a big-endian two's complement number. */
static bool read_base256(struct str raw, int64_t *ret_value)
{
    bool negative = (raw.ptr[0] & 0x40) != 0;
    uint64_t value = negative ? UINT64_MAX : 0;

    for (size_t i = 0; i < raw.len; i++) {
        unsigned char byte = (unsigned char)raw.ptr[i];

        if (i == 0)
            byte = (unsigned char)(negative ? byte | 0x80 : byte & 0x7f);
        if (value >> 56 != (negative ? 0xff : 0))
            return false;
        value = value << 8 | byte;
    }
    *ret_value = (int64_t)value;
    return (*ret_value < 0) == negative;
}

static bool read_octal(struct str raw, int64_t *ret_value)
{
    int64_t value = 0;
    size_t at = 0;

    while (at < raw.len && raw.ptr[at] == ' ')
        at++;
    for (; at < raw.len && raw.ptr[at] >= '0' && raw.ptr[at] <= '7'; at++)
        value = value << 3 | (raw.ptr[at] - '0'); /* twelve digits at most: 36 bits */
    for (; at < raw.len; at++)
        if (raw.ptr[at] != ' ' && raw.ptr[at] != '\0')
            return false;
    *ret_value = value;
    return true;
}

static bool read_number(const char *block, struct field field, int64_t *ret_value)
{
    struct str raw = {block + field.at, field.len};

    return (raw.ptr[0] & 0x80) != 0 ? read_base256(raw, ret_value) : read_octal(raw, ret_value);
}

/* Some old writers summed signed characters. */
static bool checksum_holds(const char *block)
{
    int64_t said;
    int64_t sum = 0, signed_sum = 0;

    for (unsigned i = 0; i < TAR_BLOCK; i++) {
        char c = block[i];

        if (i >= CHECKSUM.at && i < CHECKSUM.at + CHECKSUM.len)
            c = ' ';
        sum += (unsigned char)c;
        signed_sum += (signed char)c;
    }
    return read_number(block, CHECKSUM, &said) && (said == sum || said == signed_sum);
}

static bool read_map_rows(const char *rows, size_t count, struct arena *arena, struct tar_overrides *overrides,
                          struct fail *f)
{
    for (size_t i = 0; i < count; i++) {
        const char *row = rows + i * MAP_ROW;
        int64_t offset, len;

        if (row[0] == '\0')
            break;
        if (!read_number(row, MAP_OFFSET, &offset) || !read_number(row, MAP_LEN, &len) || offset < 0 || len < 0)
            return image_fail(f, IMAGE_MALFORMED, "archive: broken map of a sparse file");
        if (!tar_extent_add(arena, overrides, (uint64_t)offset, (uint64_t)len, f))
            return false;
    }
    return true;
}

static bool read_gnu_sparse(const char *block, struct arena *arena, struct tar_overrides *overrides,
                            struct tar_header *header, struct fail *f)
{
    int64_t real_size;

    if (!read_number(block, GNU_REAL_SIZE, &real_size) || real_size < 0)
        return image_fail(f, IMAGE_MALFORMED, "archive: broken header of a sparse file");
    overrides->sparse = true;
    overrides->has_real_size = true;
    overrides->real_size = (uint64_t)real_size;
    header->gnu_sparse_more = block[GNU_MORE_AT] != 0;
    return read_map_rows(block + GNU_MAP.at, GNU_MAP.len / MAP_ROW, arena, overrides, f);
}

bool tar_sparse_block_read(const char block[TAR_BLOCK], struct arena *arena, struct tar_overrides *overrides,
                           bool *ret_more, struct fail *f)
{
    if (!read_map_rows(block, GNU_BLOCK_ROWS, arena, overrides, f))
        return false;
    *ret_more = block[GNU_BLOCK_MORE_AT] != 0;
    return true;
}

static struct str name_of(const char *block, struct arena *arena)
{
    struct str name = text_at(block, NAME);
    bool posix = memcmp(block + MAGIC.at, "ustar\0", 6) == 0;
    struct str prefix = posix ? text_at(block, PREFIX) : STR("");

    if (prefix.len == 0)
        return arena_str(arena, name);
    return arena_printf(arena, "%.*s/%.*s", STR_ARG(prefix), STR_ARG(name));
}

static bool read_numbers(const char *block, struct tar_entry *entry, uint64_t *ret_size)
{
    int64_t mode, size, mtime, major = 0, minor = 0;

    if (!read_number(block, MODE, &mode) || !read_number(block, UID, &entry->uid) ||
        !read_number(block, GID, &entry->gid) || !read_number(block, SIZE, &size) || size < 0 ||
        !read_number(block, MTIME, &mtime))
        return false;
    if (memcmp(block + MAGIC.at, "ustar", 5) == 0 &&
        (!read_number(block, MAJOR, &major) || !read_number(block, MINOR, &minor)))
        return false;
    entry->mode = (uint32_t)mode;
    entry->mtime = (struct timespec){mtime, 0};
    entry->major = (uint32_t)major;
    entry->minor = (uint32_t)minor;
    *ret_size = (uint64_t)size;
    return true;
}

bool tar_header_read(const char block[TAR_BLOCK], struct arena *arena, struct tar_entry *entry,
                     struct tar_overrides *overrides, struct tar_header *ret_header, struct fail *f)
{
    struct tar_header header = {.type = block[TYPE_AT]};

    if (!checksum_holds(block))
        return image_fail(f, IMAGE_MALFORMED, "archive: a header's check sum is wrong");
    if (!read_numbers(block, entry, &header.size))
        return image_fail(f, IMAGE_MALFORMED, "archive: a header holds a number that is none");
    entry->name = name_of(block, arena).ptr;
    entry->link = arena_str(arena, text_at(block, LINK)).ptr;
    if (header.type == 'S' && !read_gnu_sparse(block, arena, overrides, &header, f))
        return false;
    *ret_header = header;
    return true;
}
