#include "plane/vpc/subnet_addresses.h"

#include "base/map.h"
#include "base/must.h"
#include "plane/vpc/vpc.h"

/* A subnet is a /16 at most: the low half of an address tells it from all others there. */
enum { ADDRESSES = 1 << 16, BITS_A_WORD = 64 };

/* A subnet that has, or had, interfaces: few, and kept. */
struct subnet_addresses {
    int32_t count;
    uint64_t taken[ADDRESSES / BITS_A_WORD];
    size_t id_len;
    char id[];
};

static struct subnet_addresses *addresses_get(struct map *subnets, struct str id)
{
    struct subnet_addresses *addresses = map_get(subnets, id);

    if (addresses != NULL)
        return addresses;
    addresses = calloc(1, sizeof(*addresses) + id.len);
    must(addresses != NULL);
    memcpy(addresses->id, id.ptr, id.len);
    addresses->id_len = id.len;
    (void)map_put(subnets, (struct str){addresses->id, id.len}, addresses);
    return addresses;
}

static bool is_taken(const struct subnet_addresses *addresses, uint32_t address)
{
    uint32_t at = address % ADDRESSES;

    return (addresses->taken[at / BITS_A_WORD] >> at % BITS_A_WORD & 1) != 0;
}

/* false, and nothing done: it is so already. */
static bool set_taken(struct map *subnets, const struct ec2_network_interface *interface, bool taken)
{
    struct subnet_addresses *addresses = addresses_get(subnets, interface->subnet_id);
    uint32_t address = 0;

    must(ipv4_parse(interface->private_ip_address, &address));
    if (is_taken(addresses, address) == taken)
        return false;
    addresses->taken[address % ADDRESSES / BITS_A_WORD] ^= UINT64_C(1) << address % BITS_A_WORD;
    addresses->count += taken ? 1 : -1;
    return true;
}

/* ---- beside the table ---- */

static void *make(void)
{
    struct map *subnets = calloc(1, sizeof(*subnets));

    must(subnets != NULL);
    return subnets;
}

static void changed(void *derived, struct str key, const void *before, const void *after)
{
    const struct network_interface_record *was = before;
    const struct network_interface_record *is = after;

    (void)key;
    if (was != NULL && is != NULL)
        return; /* an interface keeps its address */
    if (was != NULL)
        (void)set_taken(derived, was->interface, false);
    if (is != NULL)
        (void)set_taken(derived, is->interface, true); /* one that is given twice is a bug, but none to end for */
}

static void end(void *derived)
{
    struct map *subnets = derived;
    struct subnet_addresses *addresses;

    for (size_t at = 0; (addresses = map_next(subnets, &at)) != NULL;)
        free(addresses);
    map_free(subnets);
    free(subnets);
}

static const struct derived_spec derived_addresses = {
    .table = &network_interface_table, .make = make, .changed = changed, .end = end};

/* NULL: none is taken. */
static const struct subnet_addresses *addresses_of(const struct transaction *tx, struct str subnet_id)
{
    return map_get(transaction_derived(tx, &derived_addresses), subnet_id);
}

/* ---- questions ---- */

int32_t subnet_addresses_taken(const struct transaction *tx, struct str subnet_id)
{
    const struct subnet_addresses *addresses = addresses_of(tx, subnet_id);

    return addresses == NULL ? 0 : addresses->count;
}

bool subnet_address_is_taken(const struct transaction *tx, struct str subnet_id, uint32_t address)
{
    const struct subnet_addresses *addresses = addresses_of(tx, subnet_id);

    return addresses != NULL && is_taken(addresses, address);
}

bool subnet_address_find(const struct transaction *tx, struct str subnet_id, uint32_t first, uint32_t count,
                         uint32_t start, uint32_t *ret_address)
{
    const struct subnet_addresses *addresses = addresses_of(tx, subnet_id);

    for (uint32_t i = 0; i < count; i++) {
        *ret_address = first + (start - first + i) % count;
        if (addresses == NULL || !is_taken(addresses, *ret_address))
            return true;
    }
    return false;
}

bool subnet_addresses_are_right(const struct transaction *tx)
{
    struct walk walk = transaction_walk(tx, &network_interface_table, NULL, STR(""));
    const struct network_interface_record *record;
    const struct subnet_addresses *kept;
    struct subnet_addresses *counted;
    struct map *recount = make();
    bool right = true;

    while (right && (record = walk_next(&walk)) != NULL)
        right = set_taken(recount, record->interface, true);
    for (size_t at = 0; right && (counted = map_next(recount, &at)) != NULL;) {
        kept = addresses_of(tx, (struct str){counted->id, counted->id_len});
        right = kept != NULL && kept->count == counted->count &&
                memcmp(kept->taken, counted->taken, sizeof(kept->taken)) == 0;
    }
    end(recount);
    return right;
}
