/* Any text as an expression: read, named, run. */
#include "plane/cloudwatch/metric_math.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PERIODS = 4, MEMORY_MAX = 16 << 20 };

static const double series[PERIODS] = {1, NAN, -3, 4};

static const double *find(void *context, struct str id)
{
    (void)context;
    (void)id;
    return series;
}

static const double *metric(void *context, size_t index, struct str *ret_id)
{
    (void)context;
    *ret_id = STR("m1");
    return index < 2 ? series : NULL;
}

static void count(void *context, struct str id)
{
    *(size_t *)context += id.len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct math_node *node;
    struct arena arena;
    struct fail f;
    size_t len = 0;
    double *result;

    arena_init(&arena, MEMORY_MAX);
    if (metric_math_read((struct str){(const char *)data, size}, &arena, &node, &f)) {
        struct math_scope scope = {&arena, PERIODS, 60000, find, metric, NULL};

        metric_math_names(node, count, &len);
        (void)metric_math_names_all(node);
        if (!metric_math_run(node, &scope, &result, &f))
            result = NULL;
    }
    arena_free(&arena);
    return 0;
}
