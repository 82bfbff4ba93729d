/* Ranges of bytes. */
#include "edge/registry/range.h"

/* The last `count` bytes, or all when there are fewer. */
static enum range_kind suffix(uint64_t count, uint64_t size, uint64_t *ret_offset, uint64_t *ret_count)
{
    if (count == 0 || size == 0)
        return RANGE_OUTSIDE;
    *ret_count = count < size ? count : size;
    *ret_offset = size - *ret_count;
    return RANGE_PART;
}

enum range_kind range_parse(struct str text, uint64_t size, uint64_t *ret_offset, uint64_t *ret_count)
{
    static const struct str unit = STR_INIT("bytes=");
    uint64_t first;
    uint64_t last = UINT64_MAX;
    struct str start;
    struct str end;

    if (!str_starts(text, unit))
        return RANGE_WHOLE;
    start = str_cut(str_from(text, unit.len), '-', &end);
    if (end.ptr == NULL || (end.len > 0 && !str_to_uint64(end, &last)))
        return RANGE_WHOLE;
    if (start.len == 0)
        return end.len == 0 ? RANGE_WHOLE : suffix(last, size, ret_offset, ret_count);
    if (!str_to_uint64(start, &first) || first > last)
        return RANGE_WHOLE;
    if (first >= size)
        return RANGE_OUTSIDE;
    *ret_offset = first;
    *ret_count = last < size ? last - first + 1 : size - first;
    return RANGE_PART;
}

bool content_range_parse(struct str text, uint64_t *ret_first, uint64_t *ret_last)
{
    static const struct str unit = STR_INIT("bytes ");
    uint64_t first;
    uint64_t last;
    struct str rest;

    if (str_starts(text, unit))
        text = str_from(text, unit.len);
    text = str_cut(text, '/', &rest);
    text = str_cut(text, '-', &rest);
    if (!str_to_uint64(text, &first) || !str_to_uint64(rest, &last) || first > last)
        return false;
    *ret_first = first;
    *ret_last = last;
    return true;
}
