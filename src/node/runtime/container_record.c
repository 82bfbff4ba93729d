/* Owns the form of record.json. */
#include "node/runtime/container_record.h"

#include "os/files.h"

#include <jansson.h>

bool container_record_write(const char *directory, const struct container_record *record, struct fail *f)
{
    char path[PATH_BYTES];
    bool done;
    json_t *json =
        json_pack("{s:s,s:s,s:b,s:s,s:s,s:I}", "id", record->id, "task", record->task_id, "native", record->native,
                  "cgroup", record->cgroup, "log", record->log_path, "started_ms", (json_int_t)record->started_ms);
    auto_free char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);

    json_decref(json);
    if (text == NULL)
        return fail(f, FAIL_INPUT, "%s: the log path is not UTF-8, or memory is short", record->id);
    path_format(path, "%s/record.json", directory);
    done = file_replace(path, str_of(text), 0600, f);
    return done;
}

static bool copy_text(const char *text, char *to, size_t size)
{
    return str_to_buffer(str_of(text), to, size);
}

bool container_record_read(const char *directory, struct container_record *ret_record, struct fail *f)
{
    struct container_record record = {0};
    char path[PATH_BYTES];
    json_error_t error;
    const char *id = NULL;
    const char *task = NULL;
    const char *cgroup = NULL;
    const char *log = NULL;
    int native = 0;
    json_int_t started_ms = 0;
    json_t *json;
    bool good;

    path_format(path, "%s/record.json", directory);
    json = json_load_file(path, 0, &error);
    good = json != NULL &&
           json_unpack_ex(json, &error, 0, "{s:s,s:s,s:b,s:s,s:s,s:I}", "id", &id, "task", &task, "native", &native,
                          "cgroup", &cgroup, "log", &log, "started_ms", &started_ms) == 0 &&
           copy_text(id, record.id, sizeof(record.id)) && copy_text(task, record.task_id, sizeof(record.task_id)) &&
           copy_text(cgroup, record.cgroup, sizeof(record.cgroup)) &&
           copy_text(log, record.log_path, sizeof(record.log_path)) && container_id_valid(record.id);
    json_decref(json);
    if (!good)
        return fail(f, FAIL_INPUT, "%s: %s", path, error.text);
    record.native = native != 0;
    record.started_ms = started_ms;
    *ret_record = record;
    return true;
}
