/* Events a second that the log store takes in and gives out. Prints figures; asserts nothing.
 *   bench_log_store DIRECTORY [THREADS]      the directory must exist; its file log_bench.db is replaced */
#include "os/log_store.h"

#include <inttypes.h>
#include <pthread.h>
#include <time.h>

enum { BATCHES = 8000, BATCH_EVENTS = 100, MESSAGE_BYTES = 150, STREAMS = 20 };

static double seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void quit(const struct fail *f)
{
    (void)fprintf(stderr, "%s\n", f->message);
    exit(1);
}

static struct log_group_key group(void)
{
    return (struct log_group_key){STR("000000000000"), STR("us-east-1"), STR("/bench")};
}

struct worker {
    pthread_t thread;
    struct log_store *store;
    size_t number;
    size_t batches;
};

static void *append(void *context)
{
    struct worker *worker = context;
    char text[MESSAGE_BYTES + 1];
    struct log_input events[BATCH_EVENTS];
    struct fail f;

    (void)memset(text, 'x', sizeof(text));
    for (size_t i = 0; i < worker->batches; i++) {
        char name[32];
        uint64_t ordinal;
        struct log_append batch = {.events = events, .count = BATCH_EVENTS, .ingestion_ms = (int64_t)i};

        (void)snprintf(name, sizeof(name), "task/%zu/%zu", worker->number, i % STREAMS);
        batch.stream = (struct log_stream_key){group(), str_of(name)};
        for (size_t j = 0; j < BATCH_EVENTS; j++)
            events[j] = (struct log_input){1795341600000 + (int64_t)i, {text, MESSAGE_BYTES}};
        if (!log_store_append(worker->store, &batch, &ordinal, &f))
            quit(&f);
    }
    return NULL;
}

static void bench_append(struct log_store *store, size_t threads)
{
    struct worker workers[64];
    size_t events = BATCHES / threads * threads * BATCH_EVENTS;
    double start = seconds();

    for (size_t i = 0; i < threads; i++) {
        workers[i] = (struct worker){.store = store, .number = i, .batches = BATCHES / threads};
        if (pthread_create(&workers[i].thread, NULL, append, &workers[i]) != 0)
            exit(1);
    }
    for (size_t i = 0; i < threads; i++)
        (void)pthread_join(workers[i].thread, NULL);
    (void)printf("append, %zu thread(s), batches of %d: %.0f events/s\n", threads, BATCH_EVENTS,
                 (double)events / (seconds() - start));
}

static void bench_filter(struct log_store *store, size_t threads)
{
    struct log_filter query = {
        .group = group(), .end_ms = INT64_MAX, .limit = 10000, .bytes_max = 64 << 20, .scan_max = SIZE_MAX};
    struct log_filter_page page;
    struct arena arena;
    size_t total = 0;
    double start = seconds();
    struct fail f;

    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    do {
        char token[128];

        if (!log_store_filter(store, &query, &arena, &page, &f))
            quit(&f);
        total += page.count;
        if (page.next_token.ptr != NULL && str_to_buffer(page.next_token, token, sizeof(token)))
            query.token = str_of(token);
        if (page.next_token.ptr != NULL)
            page.next_token.ptr = token;
        arena_reset(&arena);
    } while (page.next_token.ptr != NULL);
    (void)printf("filter, %zu streams merged: %.0f events/s\n", threads * STREAMS, (double)total / (seconds() - start));
    arena_free(&arena);
}

static void bench_forget(struct log_store *store)
{
    struct log_group_key key = group();
    double start = seconds();
    double slowest = 0;
    size_t removed;
    size_t total = 0;
    struct fail f;

    if (!log_store_delete_group(store, &key, &f))
        quit(&f);
    (void)printf("delete group: %.1f ms\n", (seconds() - start) * 1e3);
    start = seconds();
    do {
        double slice = seconds();

        if (!log_store_reclaim(store, 10000, &removed, &f))
            quit(&f);
        total += removed;
        slice = seconds() - slice;
        slowest = slice > slowest ? slice : slowest;
    } while (removed > 0);
    (void)printf("reclaim in slices of 10000: %.0f events/s, slowest slice %.1f ms\n",
                 (double)total / (seconds() - start), slowest * 1e3);
}

int main(int argc, char **argv)
{
    size_t threads = argc > 2 ? (size_t)strtoul(argv[2], NULL, 10) : 1;
    struct log_store *store;
    char path[4096];
    double start;
    bool set_aside;
    struct fail f;

    if (argc < 2 || threads == 0 || threads > 64 ||
        snprintf(path, sizeof(path), "%s/log_bench.db", argv[1]) >= (int)sizeof(path))
        return 2;
    if (!log_store_open(path, &store, &set_aside, &f) || !log_store_reset(store, &f))
        quit(&f);
    bench_append(store, threads);
    bench_filter(store, threads);
    bench_forget(store);
    start = seconds();
    if (!log_store_reset(store, &f))
        quit(&f);
    (void)printf("reset: %.1f ms\n", (seconds() - start) * 1e3);
    log_store_close(store);
    return 0;
}
