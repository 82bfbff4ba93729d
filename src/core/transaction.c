#include "core/transaction.h"

#include "base/must.h"
#include "core/internal.h"

struct table *core_table_state(const struct core *core, const struct table_spec *spec)
{
    size_t at = table_slot(core, spec);

    must(core->table_slots[at] != NULL); /* the table belongs to a domain of this core */
    return core->table_slots[at];
}

struct transaction transaction_begin(struct core *core, struct turn *turn, const char *actor, struct str cause)
{
    return (struct transaction){
        .core = core,
        .turn = turn,
        .now_ms = turn->when_ms,
        .arena = &turn->arena,
        .random = &core->random,
        .actor = actor,
        .cause = arena_str(&turn->arena, cause),
        .first_change = turn->change_count,
        .first_effect = turn->effect_count,
    };
}

static void follow_changes(struct transaction *tx)
{
    size_t end = tx->turn->change_count;

    for (size_t i = tx->first_change; i < end; i++) {
        const struct change_entry entry = tx->turn->changes[i]; /* what follows adds entries */

        for (size_t k = 0; k < entry.table->follows_count; k++)
            entry.table->follows[k]->follow(tx, entry.before, entry.after);
    }
}

void transaction_end(struct transaction *tx, bool commit)
{
    if (!commit) {
        turn_undo(tx->turn, tx->first_change, tx->first_effect);
        return;
    }
    follow_changes(tx);
    reconcile_mark_changes(tx->core, tx->turn, tx->first_change);
}

const void *transaction_get(const struct transaction *tx, const struct table_spec *spec, struct str key)
{
    struct record *record = table_find(core_table_state(tx->core, spec), key);

    return record == NULL ? NULL : record->value;
}

/* record: what stands under the key, NULL when nothing does. */
static void change(struct transaction *tx, struct table *table, struct record *record, struct str key, void *block)
{
    struct change_entry *entry;

    must(tx->turn != NULL);
    entry = turn_change_add(tx->turn);
    entry->table = table;
    entry->key = arena_str(&tx->turn->arena, key);
    entry->after = block;
    entry->cause = tx->cause;
    entry->before = table_set_record(table, record, entry->key, block);
}

static bool step_allowed(const struct transaction *tx, const struct table_spec *spec, const void *before,
                         const void *after)
{
    int from;
    int to;

    if (spec->status == NULL || before == NULL)
        return true;
    from = spec->status(before);
    to = spec->status(after);
    if (from == to)
        return true;
    for (size_t i = 0; i < spec->status_rule_count; i++) {
        const struct status_rule *rule = &spec->status_rules[i];

        if (rule->from == from && rule->to == to && str_is(str_of(rule->actor), tx->actor))
            return true;
    }
    return false;
}

bool transaction_put(struct transaction *tx, const struct table_spec *spec, const void *value)
{
    struct table *table = core_table_state(tx->core, spec);
    struct record *record;
    struct str key;
    size_t size;

    buf_clear(&table->scratch);
    spec->key(value, &table->scratch);
    must(table->scratch.len > 0);
    must(!table->scratch.overflowed);
    key = buf_str(&table->scratch);
    record = table_find(table, key);
    if (!step_allowed(tx, spec, record == NULL ? NULL : record->value, value))
        return false;
    if (spec->invariant != NULL)
        must(spec->invariant(value));
    if (record == NULL || !value_equal(spec->shape, record->value, value))
        change(tx, table, record, key, value_block(spec->shape, value, &size));
    return true;
}

void transaction_delete(struct transaction *tx, const struct table_spec *spec, struct str key)
{
    struct table *table = core_table_state(tx->core, spec);
    struct record *record = table_find(table, key);

    if (record != NULL)
        change(tx, table, record, key, NULL);
}

struct walk transaction_walk(const struct transaction *tx, const struct table_spec *spec, const char *index,
                             struct str prefix)
{
    struct walk walk = {.tx = tx, .table = spec, .index = -1, .prefix = prefix};

    for (int i = 0; index != NULL && i < INDEXES_MAX && spec->indexes[i].name != NULL; i++)
        if (str_is(str_of(spec->indexes[i].name), index))
            walk.index = i;
    must(index == NULL || walk.index >= 0);
    return walk;
}

static struct tree_node *walk_step(const struct walk *walk, const struct tree *tree)
{
    if (walk->at.ptr == NULL)
        return tree_at(tree, walk->prefix);
    if (walk->node != NULL && walk->node_key == walk->at.ptr && walk->changes == tree->changes)
        return tree_next(walk->node);
    return tree_after(tree, walk->at);
}

const void *walk_next(struct walk *walk)
{
    const struct table *table = core_table_state(walk->tx->core, walk->table);
    const struct tree *tree = walk->index < 0 ? &table->records : &table->indexes[walk->index];
    struct tree_node *node = walk_step(walk, tree);
    const struct record *record;

    if (node == NULL || !str_starts(node->key, walk->prefix))
        return NULL;
    walk->at = arena_str(walk->tx->arena, node->key);
    walk->node = node;
    walk->node_key = walk->at.ptr;
    walk->changes = tree->changes;
    record = walk->index < 0 ? tree_item(node, struct record, node) : tree_item(node, struct index_entry, node)->record;
    return record->value;
}

size_t transaction_count(const struct transaction *tx, const struct table_spec *spec)
{
    return core_table_state(tx->core, spec)->records.count;
}

void *transaction_derived(const struct transaction *tx, const struct derived_spec *spec)
{
    struct table *table = core_table_state(tx->core, spec->table);
    void *derived = table_derived_find(table, spec);

    if (derived == NULL) {
        derived = table_derived_make(table, spec);
        if (spec->other_table != NULL)
            table_derived_make_other(core_table_state(tx->core, spec->other_table), spec, derived);
    }
    return derived;
}

void transaction_effect(struct transaction *tx, const char *kind, struct str target, struct str bytes)
{
    struct turn *turn = tx->turn;

    must(turn != NULL);
    if (turn->effect_count == turn->effect_capacity) {
        turn->effect_capacity = turn->effect_capacity == 0 ? 16 : turn->effect_capacity * 2;
        turn->effects = realloc(turn->effects, turn->effect_capacity * sizeof(*turn->effects));
        must(turn->effects != NULL);
    }
    turn->effects[turn->effect_count++] = (struct effect){
        .kind = kind, .target = arena_str(&turn->arena, target), .bytes = arena_str(&turn->arena, bytes)};
}

int64_t transaction_number(struct transaction *tx)
{
    enum { NUMBERS_A_MS = 1024 };
    int64_t first = tx->now_ms * NUMBERS_A_MS;

    must(tx->turn != NULL);
    tx->core->number = first > tx->core->number ? first : tx->core->number + 1;
    return tx->core->number;
}

const struct settings *transaction_settings(const struct transaction *tx)
{
    return tx->core->options.settings;
}

void transaction_secret(const struct transaction *tx, void *bytes, size_t len)
{
    tx->core->options.secret(bytes, len);
}

size_t transaction_service_uses(const struct transaction *tx, struct str account, struct str service,
                                struct service_use *ret_uses, size_t max)
{
    size_t count = 0;

    for (size_t i = 0; i < tx->core->options.domain_count; i++) {
        const struct domain_spec *domain = tx->core->options.domains[i];

        if (domain->service_uses != NULL)
            count += domain->service_uses(tx, account, service, ret_uses + count, max - count);
    }
    return count;
}

void transaction_seed(struct transaction *tx, struct str account, struct str region)
{
    for (size_t i = 0; i < tx->core->options.domain_count; i++) {
        const struct domain_spec *domain = tx->core->options.domains[i];

        if (domain->seed != NULL)
            domain->seed(tx, account, region);
    }
}
