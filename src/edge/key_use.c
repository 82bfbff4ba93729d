#include "edge/key_use.h"

#include "base/map.h"
#include "base/must.h"
#include "plane/iam/iam.h"

#include <pthread.h>

/* AWS's own figure lags by more. */
#define GRAIN_MS MINUTE_MS

enum { SEEN_MAX = 4096 }; /* then all are forgotten, and some noted once too often */

struct seen {
    int64_t noted_ms;
    size_t len;
    char key[];
};

struct key_use {
    struct loop *loop;
    pthread_mutex_t lock; /* protects the map; nothing else is locked under it */
    struct map seen;      /* struct seen by access key id */
};

struct key_use *key_use_new(struct loop *loop)
{
    struct key_use *use = calloc(1, sizeof(*use));

    must(use != NULL);
    use->loop = loop;
    must(pthread_mutex_init(&use->lock, NULL) == 0);
    return use;
}

static void forget_all(struct key_use *use)
{
    size_t at = 0;
    void *seen;

    while ((seen = map_next(&use->seen, &at)) != NULL)
        free(seen);
    map_free(&use->seen);
    use->seen = (struct map){0};
}

void key_use_free(struct key_use *use)
{
    forget_all(use);
    (void)pthread_mutex_destroy(&use->lock);
    free(use);
}

/* Whether it is time to note that key again; then it counts as noted. */
static bool is_due(struct key_use *use, struct str key, int64_t now_ms)
{
    struct seen *seen;
    bool due;

    (void)pthread_mutex_lock(&use->lock);
    seen = map_get(&use->seen, key);
    due = seen == NULL || now_ms >= seen->noted_ms + GRAIN_MS;
    if (due && seen == NULL) {
        if (use->seen.count == SEEN_MAX)
            forget_all(use);
        seen = malloc(sizeof(*seen) + key.len);
        must(seen != NULL);
        seen->len = key.len;
        memcpy(seen->key, key.ptr, key.len);
        must(map_put(&use->seen, (struct str){seen->key, seen->len}, seen) == NULL);
    }
    if (due)
        seen->noted_ms = now_ms;
    (void)pthread_mutex_unlock(&use->lock);
    return due;
}

/* ---- the job ---- */

struct note {
    struct job job;
    struct arena arena;
    struct iam_use use;
};

static bool run(struct job *job, struct transaction *tx)
{
    iam_use_note(tx, &list_item(&job->link, struct note, job.link)->use);
    return true;
}

static void done(struct job *job, bool durable)
{
    struct note *note = list_item(&job->link, struct note, job.link);

    (void)durable; /* a use that is lost is noted again in a minute */
    arena_free(&note->arena);
    free(note);
}

void key_use_note(struct key_use *use, const struct principal *principal, struct str service, struct str region,
                  int64_t now_ms)
{
    struct note *note;

    if (principal->access_key.len == 0 || !is_due(use, principal->access_key, now_ms))
        return;
    note = calloc(1, sizeof(*note));
    must(note != NULL);
    arena_init(&note->arena, (size_t)64 << 10);
    note->use = (struct iam_use){.access_key = arena_str(&note->arena, principal->access_key),
                                 .service = arena_str(&note->arena, service),
                                 .region = arena_str(&note->arena, region)};
    note->job = (struct job){.actor = "api", .cause = STR("access key use"), .run = run, .done = done};
    loop_submit(use->loop, &note->job);
}
