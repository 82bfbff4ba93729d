#include "node/network/address.h"

#include <arpa/inet.h>
#include <stdio.h>

bool address_parse(struct str text, uint32_t *ret_address)
{
    char buffer[INET_ADDRSTRLEN];
    struct in_addr in;

    if (!str_to_buffer(text, buffer, sizeof(buffer)) || inet_pton(AF_INET, buffer, &in) != 1)
        return false;
    *ret_address = ntohl(in.s_addr);
    return true;
}

bool cidr_parse(struct str text, struct cidr *ret_cidr)
{
    struct str rest;
    struct str head = str_cut(text, '/', &rest);
    struct cidr cidr;
    uint64_t bits;

    if (!address_parse(head, &cidr.address) || rest.ptr == NULL || !str_to_uint64(rest, &bits) || bits > 32)
        return false;
    cidr.bits = (uint8_t)bits;
    cidr.address &= cidr_mask(cidr);
    *ret_cidr = cidr;
    return true;
}

static bool hex_digit(char c, uint8_t *ret_value)
{
    if (c >= '0' && c <= '9')
        *ret_value = (uint8_t)(c - '0');
    else if (c >= 'a' && c <= 'f')
        *ret_value = (uint8_t)(c - 'a' + 10);
    else if (c >= 'A' && c <= 'F')
        *ret_value = (uint8_t)(c - 'A' + 10);
    else
        return false;
    return true;
}

bool mac_parse(struct str text, uint8_t ret_mac[MAC_BYTES])
{
    uint8_t mac[MAC_BYTES];

    if (text.len != 3 * MAC_BYTES - 1)
        return false;
    for (size_t i = 0; i < MAC_BYTES; i++) {
        uint8_t high;
        uint8_t low;

        if (!hex_digit(text.ptr[3 * i], &high) || !hex_digit(text.ptr[3 * i + 1], &low))
            return false;
        if (i + 1 < MAC_BYTES && text.ptr[3 * i + 2] != ':')
            return false;
        mac[i] = (uint8_t)(high << 4 | low);
    }
    if ((mac[0] & 1) != 0)
        return false;
    memcpy(ret_mac, mac, MAC_BYTES);
    return true;
}

struct address_text address_text(uint32_t address)
{
    struct address_text result;

    (void)snprintf(result.text, sizeof(result.text), "%u.%u.%u.%u", address >> 24, address >> 16 & 255,
                   address >> 8 & 255, address & 255);
    return result;
}

struct address_text cidr_text(struct cidr cidr)
{
    struct address_text result = address_text(cidr.address);
    size_t len = strlen(result.text);

    (void)snprintf(result.text + len, sizeof(result.text) - len, "/%u", cidr.bits);
    return result;
}

uint32_t cidr_mask(struct cidr cidr)
{
    return cidr.bits == 0 ? 0 : UINT32_MAX << (32 - cidr.bits);
}

bool cidr_holds(struct cidr cidr, uint32_t address)
{
    return ((address ^ cidr.address) & cidr_mask(cidr)) == 0;
}

bool cidr_within(struct cidr inner, struct cidr outer)
{
    return inner.bits >= outer.bits && cidr_holds(outer, inner.address);
}

bool cidr_overlap(struct cidr a, struct cidr b)
{
    return cidr_within(a, b) || cidr_within(b, a);
}
