#include "node/network/names.h"

#include "node/network/address.h"

enum { NAME_BYTES_MAX = 253 /* RFC 1035, section 2.3.4, as text */ };

/* Letters, digits, "-" and "_" in labels between dots: what cannot break a line of dnsmasq's files. */
static bool is_name(struct str name)
{
    if (name.len == 0 || name.len > NAME_BYTES_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (!letter && c != '-' && c != '_' && (c != '.' || i == 0 || name.ptr[i - 1] == '.'))
            return false;
    }
    return true;
}

bool names_put_hosts(struct buf *out, const struct network_name *names, size_t count, struct fail *f)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t address;

        if (!is_name(names[i].name))
            return fail(f, FAIL_INPUT, "\"%.*s\" is not a DNS name", STR_ARG(names[i].name));
        if (!address_parse(names[i].address, &address))
            return fail(f, FAIL_INPUT, "\"%.*s\" is not an IPv4 address", STR_ARG(names[i].address));
        buf_printf(out, "%s %.*s\n", address_text(address).text, STR_ARG(names[i].name));
    }
    return true;
}

bool names_put_zones(struct buf *out, const struct str *zones, size_t count, struct fail *f)
{
    for (size_t i = 0; i < count; i++) {
        if (!is_name(zones[i]))
            return fail(f, FAIL_INPUT, "\"%.*s\" is not a DNS name", STR_ARG(zones[i]));
        buf_printf(out, "server=/%.*s/\n", STR_ARG(zones[i]));
    }
    return true;
}
