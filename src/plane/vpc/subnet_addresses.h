/* Which addresses of a subnet its interfaces have: kept beside the table of interfaces, so that neither finding a free
 * one nor counting them walks the interfaces. */
#pragma once

#include "core/transaction.h"

/* How many interfaces the subnet has, which is how many addresses are taken. */
int32_t subnet_addresses_taken(const struct transaction *tx, struct str subnet_id);
bool subnet_address_is_taken(const struct transaction *tx, struct str subnet_id, uint32_t address);
/* The next free one at or behind `start`, round the `count` addresses from `first` on; false: all are taken. `start` is
 * one of them. */
bool subnet_address_find(const struct transaction *tx, struct str subnet_id, uint32_t first, uint32_t count,
                         uint32_t start, uint32_t *ret_address);
/* For the simulation: no address is taken twice, and what is kept is what a recount says. */
bool subnet_addresses_are_right(const struct transaction *tx);
