/* User namespaces made by many threads: none waits for another's. */
#include "node/runtime/user_namespace.h"

#include "base/must.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <pthread.h>

static void *make_user_namespaces(void *context)
{
    const struct container_id_map map = {.host_first = 1 << 20, .count = 1 << 16};
    struct fail f;

    (void)context;
    for (int i = 0; i < 50; i++) {
        auto_fd network = -1;

        must(user_namespace_open_network(&map, &network, &f));
    }
    return NULL;
}

static void threads_make_user_namespaces_at_once(void **state)
{
    pthread_t threads[4];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, make_user_namespaces, NULL), 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(threads_make_user_namespaces_at_once)};

    if (geteuid() != 0) {
        (void)fprintf(stderr, "needs root\n");
        return 77; /* skipped */
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
