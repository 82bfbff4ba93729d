#include "plane/vpc/vpc.h"

bool ipv4_parse(struct str text, uint32_t *ret_address)
{
    uint32_t address = 0;
    struct str rest = text;

    for (int i = 0; i < 4; i++) {
        struct str part = str_cut(rest, '.', &rest);
        uint64_t value;

        if (!str_to_uint64(part, &value) || value > 255 || part.len > 3 || (part.len > 1 && part.ptr[0] == '0'))
            return false;
        if ((rest.ptr == NULL) != (i == 3))
            return false;
        address = address << 8 | (uint32_t)value;
    }
    *ret_address = address;
    return true;
}

bool ipv4_cidr_parse(struct str text, uint32_t *ret_first, unsigned *ret_prefix)
{
    struct str prefix_text;
    struct str address_part = str_cut(text, '/', &prefix_text);
    uint64_t prefix;
    uint32_t address;

    if (prefix_text.ptr == NULL || !str_to_uint64(prefix_text, &prefix) || prefix > 32 ||
        !ipv4_parse(address_part, &address))
        return false;
    if (prefix < 32 && (address & (UINT32_MAX >> prefix)) != 0)
        return false;
    *ret_first = address;
    *ret_prefix = (unsigned)prefix;
    return true;
}

/* By hand: a host's assignment names hundreds of addresses. */
struct str ipv4_text(struct arena *arena, uint32_t address)
{
    char *text = arena_alloc(arena, sizeof("255.255.255.255"));
    char *at = text;

    for (int shift = 24; shift >= 0; shift -= 8) {
        unsigned byte = address >> shift & 255;

        if (byte >= 100)
            *at++ = (char)('0' + byte / 100);
        if (byte >= 10)
            *at++ = (char)('0' + byte / 10 % 10);
        *at++ = (char)('0' + byte % 10);
        if (shift > 0)
            *at++ = '.';
    }
    return (struct str){text, (size_t)(at - text)};
}

bool ipv4_range_parse(struct str text, struct ipv4_range *ret_range)
{
    unsigned prefix;
    uint32_t first;

    if (!ipv4_cidr_parse(text, &first, &prefix))
        return false;
    *ret_range = (struct ipv4_range){first, prefix == 32 ? first : first | UINT32_MAX >> prefix};
    return true;
}
