/* Turns: what changed, how it is undone, and its rows. */
#include "base/must.h"
#include "core/internal.h"

struct change_entry *turn_change_add(struct turn *turn)
{
    if (turn->change_count == turn->change_capacity) {
        turn->change_capacity = turn->change_capacity == 0 ? 32 : turn->change_capacity * 2;
        turn->changes = realloc(turn->changes, turn->change_capacity * sizeof(*turn->changes));
        must(turn->changes != NULL);
    }
    return &turn->changes[turn->change_count++];
}

void turn_undo(struct turn *turn, size_t first_change, size_t first_effect)
{
    while (turn->change_count > first_change) {
        struct change_entry *entry = &turn->changes[--turn->change_count];

        free(table_set(entry->table, entry->key, entry->before));
    }
    turn->effect_count = first_effect;
}

/* Whether nothing came after it: no later turn has begun yet, so the table holds the newest. */
static bool is_newest(const struct change_entry *entry)
{
    const struct record *record = table_find(entry->table, entry->key);

    return (record == NULL ? NULL : record->value) == entry->after;
}

void turn_encode(struct turn *turn)
{
    size_t *starts = arena_array(&turn->arena, size_t, turn->change_count + 1);

    turn->rows = arena_array(&turn->arena, struct row, turn->change_count + 1);
    for (size_t i = 0; i < turn->change_count; i++) {
        const struct change_entry *entry = &turn->changes[i];
        size_t start = turn->encoded.len;

        if (!is_newest(entry))
            continue;
        if (entry->after != NULL)
            value_encode(entry->table->spec->shape, entry->after, &turn->encoded);
        starts[turn->row_count] = start;
        turn->rows[turn->row_count] = (struct row){
            .table = entry->table->spec->name,
            .key = entry->key,
            .bytes = {entry->after == NULL ? NULL : "", turn->encoded.len - start},
        };
        turn->row_count++;
    }
    must(!turn->encoded.overflowed);
    for (size_t i = 0; i < turn->row_count; i++)
        if (turn->rows[i].bytes.ptr != NULL && turn->encoded.ptr != NULL)
            turn->rows[i].bytes.ptr = turn->encoded.ptr + starts[i];
}

const struct row *turn_rows(const struct turn *turn, size_t *ret_count)
{
    *ret_count = turn->row_count;
    return turn->rows;
}
