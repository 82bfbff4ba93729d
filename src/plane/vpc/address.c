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

static uint32_t host_bits(unsigned prefix)
{
    return prefix == 32 ? 0 : UINT32_MAX >> prefix;
}

/* As it stands, host bits and all. */
static bool parse(struct str text, uint32_t *ret_address, unsigned *ret_prefix)
{
    struct str prefix_text;
    struct str address_text = str_cut(text, '/', &prefix_text);
    uint64_t prefix;

    if (prefix_text.ptr == NULL || prefix_text.len > 2 || !str_to_uint64(prefix_text, &prefix) || prefix > 32 ||
        !ipv4_parse(address_text, ret_address))
        return false;
    *ret_prefix = (unsigned)prefix;
    return true;
}

bool ipv4_network_parse(struct str text, uint32_t *ret_first, unsigned *ret_prefix)
{
    uint32_t address;

    if (!parse(text, &address, ret_prefix))
        return false;
    *ret_first = address & ~host_bits(*ret_prefix);
    return true;
}

bool ipv4_cidr_parse(struct str text, uint32_t *ret_first, unsigned *ret_prefix)
{
    uint32_t address;
    unsigned prefix;

    if (!parse(text, &address, &prefix) || (address & host_bits(prefix)) != 0)
        return false;
    *ret_first = address;
    *ret_prefix = prefix;
    return true;
}

struct str ipv4_cidr_text(struct arena *arena, uint32_t first, unsigned prefix)
{
    return arena_printf(arena, "%.*s/%u", STR_ARG(ipv4_text(arena, first)), prefix);
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

/* Ranges of default VPCs are of 172.16.0.0/12, one an installation (main/vpc_range.c): by the second byte the ranges of
 * public addresses are apart as well. */
struct ipv4_range public_range(const struct settings *settings)
{
    enum { SPACE = 0xC6120000, BITS = 13, PARTS = 16 };
    uint32_t first = 0;
    unsigned prefix;

    if (!ipv4_network_parse(settings->default_vpc_cidr, &first, &prefix))
        first = 0;
    first = SPACE + ((first >> 16) % PARTS << BITS);
    return (struct ipv4_range){first, first + (1U << BITS) - 1};
}

bool ipv4_range_parse(struct str text, struct ipv4_range *ret_range)
{
    unsigned prefix;
    uint32_t first;

    if (!ipv4_cidr_parse(text, &first, &prefix))
        return false;
    *ret_range = (struct ipv4_range){first, first | host_bits(prefix)};
    return true;
}
