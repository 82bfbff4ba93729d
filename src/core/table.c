#include "core/table.h"

#include "base/must.h"
#include "core/transaction.h"

void key_add(struct buf *key, struct str part)
{
    if (key->len > 0)
        buf_add_char(key, KEY_SEPARATOR);
    buf_add(key, part);
}

void key_add_number(struct buf *key, int64_t number)
{
    char digits[20];

    must(number >= 0);
    for (size_t i = sizeof(digits); i-- > 0; number /= 10)
        digits[i] = (char)('0' + number % 10);
    key_add(key, (struct str){digits, sizeof(digits)});
}

struct str key_join(struct arena *arena, const struct str *parts, size_t count)
{
    size_t len = count - 1;
    char *at;
    char *text;

    for (size_t i = 0; i < count; i++)
        len += parts[i].len;
    text = at = arena_alloc(arena, len + 2);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            *at++ = KEY_SEPARATOR;
        if (parts[i].len > 0)
            memcpy(at, parts[i].ptr, parts[i].len);
        at += parts[i].len;
    }
    return (struct str){text, len};
}

struct str key_prefix_join(struct arena *arena, const struct str *parts, size_t count)
{
    struct str key = key_join(arena, parts, count);

    ((char *)(uintptr_t)key.ptr)[key.len] = KEY_SEPARATOR; /* key_join leaves room for it */
    return (struct str){key.ptr, key.len + 1};
}

void table_init(struct table *table, const struct table_spec *spec)
{
    *table = (struct table){.spec = spec};
    while (table->index_count < INDEXES_MAX && spec->indexes[table->index_count].name != NULL)
        table->index_count++;
}

struct record *table_find(const struct table *table, struct str key)
{
    return map_get(&table->by_key, key);
}

static struct index_entry *index_entry_new(struct record *record, struct str key)
{
    struct index_entry *entry = malloc(sizeof(*entry) + key.len);

    must(entry != NULL);
    memcpy(entry->key, key.ptr, key.len);
    entry->node.key = (struct str){entry->key, key.len};
    entry->record = record;
    return entry;
}

static void index_drop(struct table *table, struct record *record, size_t index)
{
    struct index_entry *entry = record->indexes[index];

    if (entry == NULL)
        return;
    must(tree_remove(&table->indexes[index], entry->node.key) == &entry->node);
    free(entry);
    record->indexes[index] = NULL;
}

/* The record's key in that index, in the table's scratch; empty: it does not stand there. */
static const struct buf *index_key(struct table *table, const struct record *record, size_t index)
{
    struct buf *key = &table->scratch;

    buf_clear(key);
    table->spec->indexes[index].key(record->value, key);
    if (key->len > 0)
        key_add(key, record->node.key);
    must(!key->overflowed);
    return key;
}

/* Brings one index in line with the record's value. */
static void index_update(struct table *table, struct record *record, size_t index)
{
    const struct buf *key = index_key(table, record, index);
    struct index_entry *entry = record->indexes[index];

    if (key->len == 0) {
        index_drop(table, record, index);
        return;
    }
    if (entry == NULL || !str_eq(entry->node.key, buf_str(key))) {
        index_drop(table, record, index);
        entry = index_entry_new(record, buf_str(key));
        must(tree_add(&table->indexes[index], &entry->node, entry->node.key));
        record->indexes[index] = entry;
    }
}

static void record_remove(struct table *table, struct record *record)
{
    for (size_t i = 0; i < table->index_count; i++)
        index_drop(table, record, i);
    must(map_remove(&table->by_key, record->node.key) == record);
    must(tree_remove(&table->records, record->node.key) == &record->node);
    free(record);
}

/* In the map, not in the tree yet. */
static struct record *record_new(struct table *table, struct str key)
{
    struct record *record = calloc(1, sizeof(*record) + key.len);

    must(record != NULL);
    memcpy(record->key, key.ptr, key.len);
    record->node.key = (struct str){record->key, key.len};
    must(map_put(&table->by_key, record->node.key, record) == NULL);
    return record;
}

static struct record *record_add(struct table *table, struct str key)
{
    struct record *record = record_new(table, key);

    must(tree_add(&table->records, &record->node, record->node.key));
    return record;
}

static void tell_derived(const struct table *table, struct str key, const void *before, const void *after)
{
    for (size_t i = 0; i < table->derived_count; i++)
        if (table->derived[i].is_other)
            table->derived[i].spec->other_changed(table->derived[i].value, key, before, after);
        else if (table->derived[i].spec->changed != NULL)
            table->derived[i].spec->changed(table->derived[i].value, key, before, after);
}

static void add_derived(struct table *table, const struct derived *derived)
{
    table->derived = realloc(table->derived, (table->derived_count + 1) * sizeof(*table->derived));
    must(table->derived != NULL);
    table->derived[table->derived_count++] = *derived;
}

void *table_derived_find(const struct table *table, const struct derived_spec *spec)
{
    for (size_t i = 0; i < table->derived_count; i++)
        if (table->derived[i].spec == spec)
            return table->derived[i].value;
    return NULL;
}

void *table_derived_make(struct table *table, const struct derived_spec *spec)
{
    void *value = spec->make();

    add_derived(table, &(struct derived){.spec = spec, .value = value});
    if (spec->changed == NULL)
        return value;
    for (struct tree_node *node = tree_at(&table->records, STR("")); node != NULL; node = tree_next(node))
        spec->changed(value, node->key, NULL, tree_item(node, struct record, node)->value);
    return value;
}

void table_derived_make_other(struct table *table, const struct derived_spec *spec, void *value)
{
    add_derived(table, &(struct derived){.spec = spec, .value = value, .is_other = true});
    for (struct tree_node *node = tree_at(&table->records, STR("")); node != NULL; node = tree_next(node))
        spec->other_changed(value, node->key, NULL, tree_item(node, struct record, node)->value);
}

static void end_derived(struct table *table)
{
    for (size_t i = 0; i < table->derived_count; i++)
        if (!table->derived[i].is_other)
            table->derived[i].spec->end(table->derived[i].value);
    free(table->derived);
    table->derived = NULL;
    table->derived_count = 0;
}

void *table_set_record(struct table *table, struct record *record, struct str key, void *block)
{
    void *before = record == NULL ? NULL : record->value;

    tell_derived(table, key, before, block);
    if (block == NULL) {
        if (record != NULL)
            record_remove(table, record);
        return before;
    }
    if (record == NULL)
        record = record_add(table, key);
    record->value = block;
    for (size_t i = 0; i < table->index_count; i++)
        index_update(table, record, i);
    return before;
}

void *table_set(struct table *table, struct str key, void *block)
{
    return table_set_record(table, table_find(table, key), key, block);
}

void table_load(struct table *table, struct str key, void *block)
{
    struct record *record = table_find(table, key);

    if (record == NULL && block != NULL)
        record = record_new(table, key);
    if (record == NULL)
        return;
    free(record->value);
    record->value = block;
    if (block == NULL) {
        must(map_remove(&table->by_key, key) == record);
        free(record);
    }
}

static void fill_index(struct table *table, size_t index, struct tree_node **nodes)
{
    size_t count = 0;

    for (struct tree_node *node = table->records.first; node != NULL; node = tree_next(node)) {
        struct record *record = tree_item(node, struct record, node);
        const struct buf *key = index_key(table, record, index);

        if (key->len == 0)
            continue;
        record->indexes[index] = index_entry_new(record, buf_str(key));
        nodes[count++] = &record->indexes[index]->node;
    }
    tree_fill(&table->indexes[index], nodes, count);
}

void table_loaded(struct table *table)
{
    struct tree_node **nodes = malloc((table->by_key.count + 1) * sizeof(struct tree_node *));
    struct record *record;
    size_t count = 0;
    size_t at = 0;

    must(nodes != NULL);
    while ((record = map_next(&table->by_key, &at)) != NULL)
        nodes[count++] = &record->node;
    tree_fill(&table->records, nodes, count);
    for (size_t i = 0; i < table->index_count; i++)
        fill_index(table, i, nodes);
    free((void *)nodes);
}

/* All at once: nothing is taken out of the trees one by one. */
void table_free(struct table *table)
{
    struct tree_node *next;

    end_derived(table);
    for (struct tree_node *node = table->records.first; node != NULL; node = next) {
        struct record *record = tree_item(node, struct record, node);

        next = tree_next(node);
        for (size_t i = 0; i < table->index_count; i++)
            free(record->indexes[i]);
        free(record->value);
        free(record);
    }
    table->records = (struct tree){.root = NULL};
    for (size_t i = 0; i < table->index_count; i++)
        table->indexes[i] = (struct tree){.root = NULL};
    map_free(&table->by_key);
    buf_free(&table->scratch);
}
