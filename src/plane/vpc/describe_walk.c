#include "plane/vpc/describe_walk.h"

size_t describe_room(const struct call *call, const struct resource_kind *kind, size_t ids)
{
    return transaction_count(call->tx, kind->table) + ids + 1;
}

static bool describe_ids(struct describe *d)
{
    for (size_t i = 0; i < d->id_count; i++) {
        const void *record;

        if (!resource_find(d->call, d->kind, d->ids[i], &record))
            return false;
        if (filters_match(d->filter_table, d->filters, d->call->arena, record))
            d->take(d, record);
    }
    return true;
}

bool describe_run(struct describe *d)
{
    struct walk walk = transaction_walk(d->call->tx, d->kind->table, NULL,
                                        KEY_PREFIX(d->call->arena, d->call->principal->account, d->call->region));
    const void *record;
    size_t taken = 0;

    if (!filters_check(d->filter_table, d->filters, d->call->fail))
        return false;
    if (d->id_count > 0)
        return describe_ids(d);
    if (!page_begin(d->call->arena, d->next_token, "InvalidNextToken", &walk.at, d->call->fail))
        return false;
    while ((record = walk_next(&walk)) != NULL) {
        struct str here = walk.at;

        if (!filters_match(d->filter_table, d->filters, d->call->arena, record))
            continue;
        d->take(d, record);
        if (++taken < d->limit)
            continue;
        if (walk_next(&walk) != NULL)
            d->ret_next_token = page_token(d->call->arena, here);
        break;
    }
    return true;
}
