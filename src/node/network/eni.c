#include "node/network/eni.h"

#include "base/must.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

enum { RECORD_BYTES_MAX = 2048, LINK_TAIL = 12 };

bool network_id_set(struct network_id *id, struct str text, const char *prefix, struct fail *f)
{
    bool good = text.len <= NETWORK_ID_MAX && str_starts(text, str_of(prefix)) && text.len > strlen(prefix);

    for (size_t i = 0; good && i < text.len; i++) {
        char c = text.ptr[i];
        good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    }
    if (!good || !str_to_buffer(text, id->text, sizeof(id->text)))
        return fail(f, FAIL_INPUT, "\"%.*s\" is not an id that starts with \"%s\"", STR_ARG(text), prefix);
    return true;
}

/* Puts a group in its place; one that is there already is passed over. */
static bool add_group(struct eni *eni, struct str text, struct fail *f)
{
    struct network_id group;
    size_t at = 0;

    if (!network_id_set(&group, text, "sg-", f))
        return false;
    while (at < eni->group_count && strcmp(eni->groups[at].text, group.text) < 0)
        at++;
    if (at < eni->group_count && strcmp(eni->groups[at].text, group.text) == 0)
        return true;
    if (eni->group_count == NETWORK_ENI_GROUPS_MAX)
        return fail(f, FAIL_INPUT, "more than %d security groups", NETWORK_ENI_GROUPS_MAX);
    memmove(&eni->groups[at + 1], &eni->groups[at], (eni->group_count - at) * sizeof(group));
    eni->groups[at] = group;
    eni->group_count++;
    return true;
}

const struct cidr eni_public_space = {.address = 0xC6120000, .bits = 15};

bool eni_set(struct eni *eni, const struct network_eni *wanted, struct fail *f)
{
    struct eni made = {.namespace_fd = wanted->namespace_fd};

    if (!network_id_set(&made.id, wanted->id, "eni-", f) || !network_id_set(&made.vpc, wanted->vpc, "vpc-", f) ||
        !network_id_set(&made.subnet, wanted->subnet, "subnet-", f))
        return false;
    if (!address_parse(wanted->address, &made.address))
        return fail(f, FAIL_INPUT, "\"%.*s\" is not an IPv4 address", STR_ARG(wanted->address));
    if (wanted->public_address.ptr != NULL && (!address_parse(wanted->public_address, &made.public_address) ||
                                               !cidr_holds(eni_public_space, made.public_address)))
        return fail(f, FAIL_INPUT, "\"%.*s\" is not an address of %s", STR_ARG(wanted->public_address),
                    cidr_text(eni_public_space).text);
    if (!mac_parse(wanted->mac, made.mac))
        return fail(f, FAIL_INPUT, "\"%.*s\" is not a MAC address", STR_ARG(wanted->mac));
    for (size_t i = 0; i < wanted->group_count; i++) {
        if (!add_group(&made, wanted->groups[i], f))
            return false;
    }
    if (made.group_count == 0)
        return fail(f, FAIL_INPUT, "%s has no security group", made.id.text);
    if (wanted->inside.ptr != NULL && !network_id_set(&made.inside, wanted->inside, "eni-", f))
        return false;
    *eni = made;
    return true;
}

/* One line: id vpc subnet address mac public-address|private [the ENI it is inside] group... */
void eni_write(const struct eni *eni, struct buf *out)
{
    const uint8_t *mac = eni->mac;

    buf_printf(out, "%s %s %s %s %02x:%02x:%02x:%02x:%02x:%02x %s", eni->id.text, eni->vpc.text, eni->subnet.text,
               address_text(eni->address).text, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5],
               eni->public_address != 0 ? address_text(eni->public_address).text : "private");
    if (eni->inside.text[0] != '\0')
        buf_printf(out, " %s", eni->inside.text);
    for (size_t i = 0; i < eni->group_count; i++)
        buf_printf(out, " %s", eni->groups[i].text);
    buf_add_char(out, '\n');
}

bool eni_read(struct eni *eni, struct str text)
{
    struct str rest;
    struct str line = str_cut(text, '\n', &rest);
    struct str groups[NETWORK_ENI_GROUPS_MAX];
    struct network_eni read = {.groups = groups};
    struct str public_address;
    struct fail ignored;

    if (rest.ptr == NULL || rest.len != 0)
        return false;
    read.id = str_cut(line, ' ', &line);
    read.vpc = str_cut(line, ' ', &line);
    read.subnet = str_cut(line, ' ', &line);
    read.address = str_cut(line, ' ', &line);
    read.mac = str_cut(line, ' ', &line);
    public_address = str_cut(line, ' ', &line);
    /* Before there were public addresses, records said "public" of what was let out. */
    if (!str_is(public_address, "private") && !str_is(public_address, "public"))
        read.public_address = public_address;
    if (str_starts(line, STR("eni-")))
        read.inside = str_cut(line, ' ', &line);
    while (line.ptr != NULL && read.group_count < NETWORK_ENI_GROUPS_MAX)
        groups[read.group_count++] = str_cut(line, ' ', &line);
    return line.ptr == NULL && eni_set(eni, &read, &ignored);
}

bool eni_save(const struct eni *eni, int directory_fd, struct fail *f)
{
    auto_buf text = {.limit = RECORD_BYTES_MAX};
    char unfinished[NETWORK_ID_MAX + 2];
    auto_fd fd = -1;

    eni_write(eni, &text);
    must(!text.overflowed);
    (void)snprintf(unfinished, sizeof(unfinished), "%s~", eni->id.text);
    fd = openat(directory_fd, unfinished, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, text.ptr, text.len) != (ssize_t)text.len ||
        renameat(directory_fd, unfinished, directory_fd, eni->id.text) < 0)
        return fail(f, FAIL_SYSTEM, "write record of %s: %s", eni->id.text, strerror(errno));
    return true;
}

bool eni_load(struct eni *eni, int directory_fd, struct str id, struct fail *f)
{
    char text[RECORD_BYTES_MAX];
    struct network_id name;
    auto_fd fd = -1;
    ssize_t len;

    if (!network_id_set(&name, id, "eni-", f))
        return false;
    fd = openat(directory_fd, name.text, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail(f, errno == ENOENT ? FAIL_NOT_FOUND : FAIL_SYSTEM, "open record of %s: %s", name.text,
                    strerror(errno));
    len = read(fd, text, sizeof(text));
    if (len < 0)
        return fail(f, FAIL_SYSTEM, "read record of %s: %s", name.text, strerror(errno));
    if (!eni_read(eni, (struct str){text, (size_t)len}) || strcmp(eni->id.text, name.text) != 0)
        return fail(f, FAIL_NOT_FOUND, "the record of %s is damaged", name.text);
    return true;
}

bool eni_forget(struct str id, int directory_fd, struct fail *f)
{
    struct network_id name;

    if (!network_id_set(&name, id, "eni-", f))
        return false;
    if (unlinkat(directory_fd, name.text, 0) < 0 && errno != ENOENT)
        return fail(f, FAIL_SYSTEM, "remove record of %s: %s", name.text, strerror(errno));
    return true;
}

/* Interface names have 15 bytes: the tail of the id tells ENIs apart. */
struct eni_link eni_link(const struct eni *eni)
{
    size_t len = strlen(eni->id.text) - strlen("eni-");
    const char *tail = eni->id.text + strlen("eni-") + (len > LINK_TAIL ? len - LINK_TAIL : 0);
    struct eni_link link;

    (void)snprintf(link.name, sizeof(link.name), "eni%s", tail);
    return link;
}

/* Listing. */

static bool keep(struct arena *arena, const char *text, struct str *ret_kept)
{
    size_t len = strlen(text);
    char *kept = arena_try(arena, len + 1);

    if (kept == NULL)
        return false;
    memcpy(kept, text, len + 1);
    *ret_kept = (struct str){kept, len};
    return true;
}

bool eni_show(const struct eni *eni, struct arena *arena, struct network_eni *out)
{
    const uint8_t *mac = eni->mac;
    struct str *groups = arena_try(arena, eni->group_count * sizeof(*groups));
    char mac_text[18];

    (void)snprintf(mac_text, sizeof(mac_text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
                   mac[5]);
    for (size_t i = 0; groups != NULL && i < eni->group_count; i++) {
        if (!keep(arena, eni->groups[i].text, &groups[i]))
            return false;
    }
    *out = (struct network_eni){.groups = groups, .group_count = eni->group_count};
    if (eni->inside.text[0] != '\0' && !keep(arena, eni->inside.text, &out->inside))
        return false;
    if (eni->public_address != 0 && !keep(arena, address_text(eni->public_address).text, &out->public_address))
        return false;
    return groups != NULL && keep(arena, eni->id.text, &out->id) && keep(arena, eni->vpc.text, &out->vpc) &&
           keep(arena, eni->subnet.text, &out->subnet) && keep(arena, address_text(eni->address).text, &out->address) &&
           keep(arena, mac_text, &out->mac);
}
