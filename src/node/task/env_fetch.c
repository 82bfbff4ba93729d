/* The environment files of a task come from the S3 server that the host was told of (docs/decisions/0114). */
#include "node/task/engine.h"
#include "node/task/env_file.h"
#include "node/task/s3_object.h"
#include "os/files.h"

enum { ATTEMPTS = 2 };

#define FAILED "failed to download env files"

/* "arn:aws:s3:::bucket/key"; the server has checked its form. */
static void name_object(struct str arn, struct s3_object *object)
{
    for (size_t i = 0; i < 5; i++)
        (void)str_cut(arn, ':', &arn);
    object->bucket = str_cut(arn, '/', &object->key);
}

/* Keys of the S3 server's own where the operator gave some; one that knows Berth's sessions takes the execution role's.
 */
static struct s3_object object_of(const struct task_engine *engine, const struct host_task_assignment *assignment)
{
    const struct host_s3 *s3 = &engine->options.s3;
    const struct host_credentials *role = assignment->execution_credentials;
    struct s3_object object = {.endpoint = s3->endpoint,
                               .access_key = str_of(s3->access_key),
                               .secret = str_of(s3->secret),
                               .region = assignment->region};

    if (s3->access_key == NULL) {
        object.access_key = role->access_key_id;
        object.secret = role->secret_access_key;
        object.session_token = role->session_token;
    }
    return object;
}

static bool get(const struct s3_object *object, struct buf *text, struct fail *f)
{
    for (unsigned attempt = 1;; attempt++) {
        if (s3_object_get(object, text, f))
            return true;
        if (f->code != FAIL_SYSTEM || attempt == ATTEMPTS)
            return fail_in(f, FAILED ": service call has been retried %u time(s)", attempt);
    }
}

/* One that cannot be read is refused here, and not when its container starts. */
static bool fetch_one(const struct s3_object *object, const char *path, struct arena *arena, struct fail *f)
{
    auto_buf text = {.limit = ENV_FILE_BYTES_MAX};
    struct env_lines lines;

    if (!get(object, &text, f))
        return false;
    if (!env_file_parse(buf_str(&text), arena, &lines, f))
        return fail_in(f, FAILED ": %.*s/%.*s", STR_ARG(object->bucket), STR_ARG(object->key));
    return file_replace(path, buf_str(&text), 0600, f);
}

static bool fetch_of(const struct task_engine *engine, const struct hosted *hosted, size_t i, struct arena *arena,
                     struct fail *f)
{
    const struct ecs_environment_files *files = &hosted->task->containers[i].definition->environment_files;
    struct s3_object object;

    if (files->count == 0)
        return true;
    if (engine->options.s3.endpoint == NULL)
        return fail(f, FAIL_INPUT,
                    FAILED ": no S3 server is configured: start this host with --s3-endpoint URL, or with "
                           "BERTH_S3_ENDPOINT in its environment");
    if (hosted->task->assignment->execution_credentials == NULL)
        return fail(f, FAIL_DENIED, FAILED ": the task has no execution role");
    object = object_of(engine, hosted->task->assignment);
    for (size_t k = 0; k < files->count; k++) {
        name_object(files->items[k].value, &object);
        if (!fetch_one(&object, env_file_path(hosted->dir, i, k, arena), arena, f))
            return false;
    }
    return true;
}

bool env_fetch(const struct task_engine *engine, const struct hosted *hosted, struct fail *f)
{
    struct arena arena;
    bool good = true;

    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    for (size_t i = 0; good && i < hosted->task->container_count; i++) {
        good = fetch_of(engine, hosted, i, &arena, f);
        arena_reset(&arena);
    }
    arena_free(&arena);
    return good;
}
