#include "base/map.h"

#include "base/must.h"

enum { CAPACITY_MIN = 16 };

void map_free(struct map *map)
{
    free(map->slots);
    *map = (struct map){0};
}

/* Linear probing: the slot of key, or the free one where it belongs. */
static struct map_slot *find(const struct map *map, struct str key, uint64_t hash)
{
    size_t mask = map->capacity - 1;

    for (size_t at = hash & mask;; at = (at + 1) & mask) {
        struct map_slot *slot = &map->slots[at];

        if (slot->value == NULL || (slot->hash == hash && str_eq(slot->key, key)))
            return slot;
    }
}

static void grow(struct map *map)
{
    struct map grown = {.capacity = map->capacity == 0 ? CAPACITY_MIN : map->capacity * 2, .count = map->count};

    grown.slots = calloc(grown.capacity, sizeof(*grown.slots));
    must(grown.slots != NULL);
    for (size_t i = 0; i < map->capacity; i++)
        if (map->slots[i].value != NULL)
            *find(&grown, map->slots[i].key, map->slots[i].hash) = map->slots[i];
    free(map->slots);
    *map = grown;
}

void *map_get(const struct map *map, struct str key)
{
    return map->count == 0 ? NULL : find(map, key, str_hash(key))->value;
}

void *map_put(struct map *map, struct str key, void *value)
{
    uint64_t hash = str_hash(key);
    struct map_slot *slot;
    void *before;

    must(value != NULL);
    if ((map->count + 1) * 4 > map->capacity * 3)
        grow(map);
    slot = find(map, key, hash);
    before = slot->value;
    if (before == NULL)
        map->count++;
    *slot = (struct map_slot){key, hash, value};
    return before;
}

/* Deletion without tombstones (Knuth, The Art of Computer Programming 6.4, Algorithm R): later entries of the run
 * move back into the hole when they may stand there. */
void *map_remove(struct map *map, struct str key)
{
    size_t mask = map->capacity - 1;
    struct map_slot *slot;
    size_t hole;
    void *value;

    if (map->count == 0)
        return NULL;
    slot = find(map, key, str_hash(key));
    value = slot->value;
    if (value == NULL)
        return NULL;
    hole = (size_t)(slot - map->slots);
    for (size_t at = (hole + 1) & mask; map->slots[at].value != NULL; at = (at + 1) & mask) {
        size_t home = map->slots[at].hash & mask;

        if (((at - home) & mask) >= ((at - hole) & mask)) {
            map->slots[hole] = map->slots[at];
            hole = at;
        }
    }
    map->slots[hole].value = NULL;
    map->count--;
    return value;
}

void *map_next(const struct map *map, size_t *at)
{
    while (*at < map->capacity) {
        void *value = map->slots[(*at)++].value;

        if (value != NULL)
            return value;
    }
    return NULL;
}
