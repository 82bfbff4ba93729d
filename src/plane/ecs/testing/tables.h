/* A core of some tables alone, for tests of what is derived from them: changes that are taken back, at once or with
 * their turn, and changes that stand. */
#pragma once

#include "core/core.h"

struct tables {
    struct settings settings;
    struct domain_spec domain;
    const struct domain_spec *domains[1];
    struct engine *engine;
    struct core *core;
    struct arena arena;
    struct transaction view;
    struct random random; /* of the changes */
    const char *actor;    /* "api", until a test says who else */
};

void tables_begin(struct tables *tables, const struct table_spec *const *specs, size_t count, uint64_t seed);
void tables_end(struct tables *tables);

/* A turn with that change, at 1000 ms. What stood in the arena is gone. */
void tables_change(struct tables *tables, void (*change)(struct transaction *tx, struct random *random), bool commits,
                   bool durable);
