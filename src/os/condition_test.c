#include "os/condition.h"

#include "base/must.h"
#include "base/when.h"
#include "os/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct bell {
    pthread_mutex_t lock;
    pthread_cond_t rings;
    bool rung;
};

static void *ring(void *context)
{
    struct bell *bell = context;

    (void)pthread_mutex_lock(&bell->lock);
    bell->rung = true;
    (void)pthread_cond_signal(&bell->rings);
    (void)pthread_mutex_unlock(&bell->lock);
    return NULL;
}

static void bell_init(struct bell *bell)
{
    *bell = (struct bell){.lock = PTHREAD_MUTEX_INITIALIZER};
    condition_init(&bell->rings);
}

static void a_wait_ends_at_its_time(void **state)
{
    int64_t until_ms = clock_monotonic_ms() + 20;
    struct bell bell;

    (void)state;
    bell_init(&bell);
    (void)pthread_mutex_lock(&bell.lock);
    while (condition_wait(&bell.rings, &bell.lock, until_ms))
        ; /* without a reason */
    assert_true(clock_monotonic_ms() >= until_ms);
    assert_false(condition_wait(&bell.rings, &bell.lock, until_ms)); /* over already */
    (void)pthread_mutex_unlock(&bell.lock);
}

static void a_wait_ends_with_the_signal(void **state)
{
    static const int64_t untils[] = {WHEN_NEVER, 60 * SECOND_MS};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        int64_t until_ms = untils[i] == WHEN_NEVER ? WHEN_NEVER : clock_monotonic_ms() + untils[i];
        struct bell bell;
        pthread_t thread;

        bell_init(&bell);
        (void)pthread_mutex_lock(&bell.lock);
        must(pthread_create(&thread, NULL, ring, &bell) == 0);
        while (!bell.rung)
            assert_true(condition_wait(&bell.rings, &bell.lock, until_ms));
        (void)pthread_mutex_unlock(&bell.lock);
        (void)pthread_join(thread, NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wait_ends_at_its_time),
        cmocka_unit_test(a_wait_ends_with_the_signal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
