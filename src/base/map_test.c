#include "base/map.h"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { KEYS = 500 };

/* Random puts and removes against a plain array as the model. */
static void behaves_like_an_array(void **state)
{
    static char names[KEYS][8];
    void *expected[KEYS] = {0};
    struct map map = {0};
    struct random random;
    size_t count = 0;

    (void)state;
    random_seed(&random, 7);
    for (size_t i = 0; i < KEYS; i++)
        (void)snprintf(names[i], sizeof(names[i]), "k%zu", i);
    for (size_t step = 0; step < 20000; step++) {
        size_t i = (size_t)random_below(&random, KEYS);
        void *value = random_chance(&random, 500) ? &expected[i] : NULL;
        void *before = value != NULL ? map_put(&map, str_of(names[i]), value) : map_remove(&map, str_of(names[i]));

        assert_ptr_equal(before, expected[i]);
        count += (size_t)(value != NULL) - (size_t)(before != NULL);
        expected[i] = value;
        assert_int_equal(map.count, count);
    }
    for (size_t i = 0; i < KEYS; i++)
        assert_ptr_equal(map_get(&map, str_of(names[i])), expected[i]);
    map_free(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(behaves_like_an_array)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
