/* IPv4 addresses, ranges and MAC addresses as numbers, and their texts. Addresses are in host byte order. Pure. */
#pragma once

#include "base/str.h"

struct cidr {
    uint32_t address; /* host bits are zero */
    uint8_t bits;     /* 0-32 */
};

struct address_text {
    char text[20]; /* "255.255.255.255/32" */
};

enum { MAC_BYTES = 6 };

/* Dotted quad, nothing else. */
checked bool address_parse(struct str text, uint32_t *ret_address);
/* "172.31.0.0/16"; host bits that are set are cleared, as EC2 does with the CIDRs of rules. */
checked bool cidr_parse(struct str text, struct cidr *ret_cidr);
/* "02:00:5e:00:53:01", either case; not a group address. */
checked bool mac_parse(struct str text, uint8_t ret_mac[MAC_BYTES]);

struct address_text address_text(uint32_t address);
struct address_text cidr_text(struct cidr cidr);

uint32_t cidr_mask(struct cidr cidr);
bool cidr_holds(struct cidr cidr, uint32_t address);
bool cidr_within(struct cidr inner, struct cidr outer);
bool cidr_overlap(struct cidr a, struct cidr b);
