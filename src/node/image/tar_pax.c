#include "base/must.h"
#include "node/image/problem.h"
#include "node/image/tar_header.h"

#include <string.h>

static bool malformed(const char *key, struct fail *f)
{
    return image_fail(f, IMAGE_MALFORMED, "archive: pax record \"%.100s\" is malformed", key);
}

bool tar_extent_add(struct arena *arena, struct tar_overrides *overrides, uint64_t offset, uint64_t len, struct fail *f)
{
    const struct tar_extent *last =
        overrides->extent_count == 0 ? NULL : &overrides->extents[overrides->extent_count - 1];
    uint64_t end;

    if (__builtin_add_overflow(offset, len, &end) || end > INT64_MAX ||
        (last != NULL && offset < last->offset + last->len))
        return image_fail(f, IMAGE_MALFORMED, "archive: broken map of a sparse file");
    if (overrides->extent_count == overrides->extents_max)
        return image_fail(f, IMAGE_OVER_LIMIT, "archive: a sparse file has more than %zu parts",
                          overrides->extents_max);
    if (overrides->extent_count == overrides->extent_room) {
        size_t room = overrides->extent_room == 0 ? 32 : overrides->extent_room * 2;
        struct tar_extent *grown = arena_array(arena, struct tar_extent, room);

        if (overrides->extent_count > 0)
            memcpy(grown, overrides->extents, overrides->extent_count * sizeof(*grown));
        overrides->extents = grown;
        overrides->extent_room = room;
    }
    must(overrides->extents != NULL);
    overrides->extents[overrides->extent_count++] = (struct tar_extent){offset, len};
    return true;
}

static bool take_name(struct arena *arena, struct str value, struct str *ret_name)
{
    if (str_find(value, '\0') != value.len)
        return false;
    *ret_name = value.len == 0 ? (struct str){NULL, 0} : arena_str(arena, value);
    return true;
}

/* "1350244992.023960108", "-5.25"; digits behind the ninth are cut off. */
static bool take_time(struct str value, bool *ret_has, struct timespec *ret_time)
{
    struct str fraction;
    struct str whole = str_cut(value, '.', &fraction);
    bool negative = value.len > 0 && value.ptr[0] == '-';
    struct timespec time = {0};
    long unit = 100000000;

    if (!str_to_int64(whole, &time.tv_sec))
        return false;
    for (size_t i = 0; i < fraction.len; i++, unit /= 10) {
        if (fraction.ptr[i] < '0' || fraction.ptr[i] > '9')
            return false;
        time.tv_nsec += (fraction.ptr[i] - '0') * unit;
    }
    if (negative && time.tv_nsec > 0) {
        time.tv_sec--;
        time.tv_nsec = 1000000000 - time.tv_nsec;
    }
    *ret_time = time;
    *ret_has = true;
    return true;
}

static bool take_number(struct str value, bool *ret_has, uint64_t *ret_number)
{
    *ret_has = true;
    return str_to_uint64(value, ret_number) && *ret_number <= INT64_MAX;
}

/* Form 0.1: "offset,length,offset,length". */
static bool take_map(struct str value, struct arena *arena, struct tar_overrides *o, struct fail *f)
{
    struct str rest = value;

    o->sparse = true;
    while (rest.len > 0) {
        uint64_t offset, len;

        if (!str_to_uint64(str_cut(rest, ',', &rest), &offset) || rest.ptr == NULL ||
            !str_to_uint64(str_cut(rest, ',', &rest), &len))
            return malformed("GNU.sparse.map", f);
        if (!tar_extent_add(arena, o, offset, len, f))
            return false;
    }
    return true;
}

/* Form 0.0: records "offset" and "numbytes" by turns. */
static bool take_map_half(struct str value, bool is_offset, struct arena *arena, struct tar_overrides *o,
                          struct fail *f)
{
    uint64_t number;

    if (!str_to_uint64(value, &number) || is_offset == o->extent_open)
        return malformed("GNU.sparse.offset", f);
    o->sparse = true;
    o->extent_open = is_offset;
    if (is_offset)
        return tar_extent_add(arena, o, number, 0, f);
    o->extents[o->extent_count - 1].len = number;
    return number <= (uint64_t)INT64_MAX - o->extents[o->extent_count - 1].offset ||
           malformed("GNU.sparse.numbytes", f);
}

static bool take_xattr(struct str name, struct str value, struct arena *arena, struct tar_overrides *o)
{
    if (name.len == 0 || str_find(name, '\0') != name.len)
        return false;
    o->xattrs[o->xattr_count++] = (struct tar_xattr){arena_cstr(arena, name), arena_str(arena, value)};
    o->xattr_bytes += name.len + value.len;
    return true;
}

static const struct str xattr_prefix = STR_INIT("SCHILY.xattr.");

enum key {
    PATH,
    LINK_PATH,
    SIZE,
    UID,
    GID,
    MTIME,
    ATIME,
    SPARSE_NAME,
    SPARSE_SIZE,
    SPARSE_MAP,
    SPARSE_OFFSET,
    SPARSE_BYTES,
    SPARSE_MAJOR,
    OTHER
};

static const struct {
    struct str name;
    enum key key;
} keys[] = {
    {STR_INIT("path"), PATH},
    {STR_INIT("linkpath"), LINK_PATH},
    {STR_INIT("size"), SIZE},
    {STR_INIT("uid"), UID},
    {STR_INIT("gid"), GID},
    {STR_INIT("mtime"), MTIME},
    {STR_INIT("atime"), ATIME},
    {STR_INIT("GNU.sparse.name"), SPARSE_NAME},
    {STR_INIT("GNU.sparse.size"), SPARSE_SIZE},
    {STR_INIT("GNU.sparse.realsize"), SPARSE_SIZE},
    {STR_INIT("GNU.sparse.map"), SPARSE_MAP},
    {STR_INIT("GNU.sparse.offset"), SPARSE_OFFSET},
    {STR_INIT("GNU.sparse.numbytes"), SPARSE_BYTES},
    {STR_INIT("GNU.sparse.major"), SPARSE_MAJOR},
};

static enum key key_of(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        if (str_eq(keys[i].name, name))
            return keys[i].key;
    return OTHER;
}

/* An empty value takes an earlier record of the key back, so that the fixed header counts. */
static bool take_scalar(enum key key, struct str value, struct arena *arena, struct tar_overrides *o)
{
    switch (key) {
    case PATH:
        return take_name(arena, value, &o->name);
    case LINK_PATH:
        return take_name(arena, value, &o->link);
    case SPARSE_NAME:
        return take_name(arena, value, &o->sparse_name);
    case SIZE:
        return value.len == 0 ? !(o->has_size = false) : take_number(value, &o->has_size, &o->size);
    case UID:
        o->has_uid = value.len > 0;
        return !o->has_uid || str_to_int64(value, &o->uid);
    case GID:
        o->has_gid = value.len > 0;
        return !o->has_gid || str_to_int64(value, &o->gid);
    case MTIME:
        return value.len == 0 ? !(o->has_mtime = false) : take_time(value, &o->has_mtime, &o->mtime);
    case ATIME:
        return value.len == 0 ? !(o->has_atime = false) : take_time(value, &o->has_atime, &o->atime);
    case SPARSE_SIZE:
        return take_number(value, &o->has_real_size, &o->real_size);
    case SPARSE_MAJOR:
        o->map_in_content = str_is(value, "1");
        return o->map_in_content || str_is(value, "0");
    case SPARSE_MAP:
    case SPARSE_OFFSET:
    case SPARSE_BYTES:
    case OTHER:
        break;
    }
    return true;
}

static bool take_record(struct str name, struct str value, struct arena *arena, struct tar_overrides *o, struct fail *f)
{
    enum key key = key_of(name);
    bool good;

    if (key == SPARSE_MAP)
        return take_map(value, arena, o, f);
    if (key == SPARSE_OFFSET || key == SPARSE_BYTES)
        return take_map_half(value, key == SPARSE_OFFSET, arena, o, f);
    if (str_starts(name, xattr_prefix))
        good = take_xattr(str_from(name, xattr_prefix.len), value, arena, o);
    else
        good = take_scalar(key, value, arena, o);
    return good || malformed(arena_cstr(arena, name), f);
}

/* Takes "<length> <key>=<value>\n" off the front; the length counts all of it. */
static bool next_record(struct str *rest, struct str *ret_name, struct str *ret_value)
{
    struct str behind;
    struct str digits = str_cut(*rest, ' ', &behind);
    uint64_t len;
    struct str body;

    if (behind.ptr == NULL || digits.len > 10 || !str_to_uint64(digits, &len) || len > rest->len ||
        len < digits.len + sizeof(" k=\n") - 1 || rest->ptr[len - 1] != '\n')
        return false;
    body = str_to(behind, len - digits.len - 2);
    *ret_name = str_cut(body, '=', ret_value);
    *rest = str_from(*rest, len);
    return ret_value->ptr != NULL && ret_name->len > 0;
}

bool tar_pax_read(struct str records, struct arena *arena, struct tar_overrides *overrides, struct fail *f)
{
    struct str rest = records;
    struct str name, value;
    size_t xattrs = 0;

    while (rest.len > 0) {
        if (!next_record(&rest, &name, &value))
            return image_fail(f, IMAGE_MALFORMED, "archive: a pax header is malformed");
        xattrs += str_starts(name, xattr_prefix);
    }
    overrides->xattrs = arena_array(arena, struct tar_xattr, xattrs);
    overrides->xattr_count = 0;
    for (rest = records; next_record(&rest, &name, &value);)
        if (!take_record(name, value, arena, overrides, f))
            return false;
    return true;
}
