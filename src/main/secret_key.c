#include "main/secret_key.h"

#include "os/entropy.h"
#include "plane/secrets/secrets.h"
#include "plane/ssm/ssm.h"

bool secret_key_read(const struct data_dir *dir, struct secret_key *ret_key, struct fail *f)
{
    struct secret_key key = {.is_new = false};
    struct arena arena;
    struct fail why;
    struct str bytes;
    bool good;

    arena_init(&arena, (size_t)1 << 20);
    good = data_dir_read(dir, SECRET_KEY_FILE, &arena, &bytes, &why);
    if (!good && why.code != FAIL_NOT_FOUND) {
        *f = why;
    } else if (!good) {
        entropy_fill(key.bytes, sizeof(key.bytes));
        key.is_new = good = true;
    } else if (bytes.len == sizeof(key.bytes)) {
        memcpy(key.bytes, bytes.ptr, sizeof(key.bytes));
    } else {
        good = fail(f, FAIL_INPUT, "%s/" SECRET_KEY_FILE " has %zu bytes, not %zu: it is not the key that was there",
                    dir->path, bytes.len, sizeof(key.bytes));
    }
    arena_free(&arena);
    if (good)
        *ret_key = key;
    return good;
}

struct settle_job {
    struct job job;
    bool has_sealed, opens;
};

static bool look(struct job *job, struct transaction *tx)
{
    struct settle_job *of = list_item(&job->link, struct settle_job, job.link);
    struct sealed sealed;
    struct str value;

    of->has_sealed = secrets_any_sealed(tx, &sealed) || ssm_any_sealed(tx, &sealed);
    of->opens = of->has_sealed && vault_open(tx, &sealed, tx->arena, &value);
    return true;
}

bool secret_key_settle(const struct data_dir *dir, const struct secret_key *key, struct loop *loop, struct fail *f)
{
    struct settle_job of = {.job = {.actor = "start", .cause = STR("start"), .run = look}};

    if (!loop_run(loop, &of.job))
        return fail(f, FAIL_SYSTEM, "the records could not be looked at");
    if (of.has_sealed && key->is_new)
        return fail(f, FAIL_NOT_FOUND,
                    "%s/" SECRET_KEY_FILE " is missing, and there are secrets or parameters that only it opens: put it "
                    "back from a copy, or start with another --data",
                    dir->path);
    if (of.has_sealed && !of.opens)
        return fail(f, FAIL_CONFLICT,
                    "%s/" SECRET_KEY_FILE " is not the key that secrets and parameters were sealed with: put the right "
                    "one back",
                    dir->path);
    return !key->is_new ||
           data_dir_write(dir, SECRET_KEY_FILE, (struct str){(const char *)key->bytes, sizeof(key->bytes)}, f);
}
