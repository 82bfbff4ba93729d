#include "plane/vpc/describe_walk.h"

/* Shows the record behind the last of the list; it stays there if the filters let it. */
static bool take(const struct describe *d, const void *record, struct list_value *list)
{
    size_t size = d->table->noun->size;
    void *noun = (char *)list->items + list->count * size;

    memcpy(noun, d->kind->noun(record), size);
    if (d->show != NULL)
        d->show(d->call, record, noun);
    if (!filters_match(d->table, d->filters, noun))
        return false;
    list->count++;
    return true;
}

static bool describe_ids(const struct describe *d, struct list_value *list)
{
    for (size_t i = 0; i < d->id_count; i++) {
        const void *record;

        if (!resource_find(d->call, d->kind, d->ids[i], &record))
            return false;
        if (str_is_among(d->ids[i], d->ids, i))
            continue;
        (void)take(d, record, list);
    }
    return true;
}

bool describe_run(const struct describe *d, void *ret_list, struct str *ret_next_token)
{
    struct walk walk = transaction_walk(d->call->tx, d->kind->table, NULL,
                                        KEY_PREFIX(d->call->arena, d->call->principal->account, d->call->region));
    size_t room = d->id_count > 0 ? d->id_count : transaction_count(d->call->tx, d->kind->table);
    struct list_value *list = ret_list;
    const void *record;

    if (!filters_check(d->table, d->filters, d->call->fail))
        return false;
    list->items = arena_alloc(d->call->arena, (room + 1) * d->table->noun->size);
    if (d->id_count > 0)
        return describe_ids(d, list);
    if (!page_begin(d->call->arena, d->next_token, "InvalidNextToken", &walk.at, d->call->fail))
        return false;
    while ((record = walk_next(&walk)) != NULL) {
        struct str here = walk.at;

        if (!take(d, record, list) || list->count < d->limit)
            continue;
        if (walk_next(&walk) != NULL)
            *ret_next_token = page_token(d->call->arena, here);
        break;
    }
    return true;
}
