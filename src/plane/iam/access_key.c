#include "plane/iam/access_key.h"

#include "base/must.h"
#include "plane/iam/iam.h"

/* ---- tables ---- */

static void access_key_key(const void *record, struct buf *key)
{
    key_add(key, ((const struct access_key_record *)record)->access_key_id);
}

static void root_index(const void *record, struct buf *key)
{
    const struct access_key_record *access_key = record;

    if (access_key->kind == ACCESS_KEY_KIND_ROOT)
        key_add(key, access_key->account_id);
}

static void owner_index(const void *record, struct buf *key)
{
    const struct access_key_record *access_key = record;

    if (access_key->owner_id.ptr != NULL)
        key_add(key, access_key->owner_id);
}

const struct table_spec access_key_table = {
    .name = "access_key",
    .shape = &access_key_record_shape,
    .key = access_key_key,
    .indexes = {{"root", root_index}, {"owner", owner_index}},
};

static void last_use_key(const void *record, struct buf *key)
{
    key_add(key, ((const struct last_use_record *)record)->id);
}

const struct table_spec last_use_table = {.name = "iam_last_use", .shape = &last_use_record_shape, .key = last_use_key};

/* ---- making and taking away ---- */

struct str iam_secret_new(struct transaction *tx, size_t len)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char *bytes = arena_alloc(tx->arena, len);
    char *text = arena_alloc(tx->arena, len + 1);

    transaction_secret(tx, bytes, len);
    for (size_t i = 0; i < len; i++)
        text[i] = alphabet[bytes[i] % 64];
    return (struct str){text, len};
}

void access_key_revoke_all(struct transaction *tx, struct str owner_id)
{
    struct walk walk = transaction_walk(tx, &access_key_table, "owner", KEY_PREFIX(tx->arena, owner_id));
    const struct access_key_record *key;

    while ((key = walk_next(&walk)) != NULL) {
        struct access_key_record changed = *key;

        changed.status = IAM_STATUS_TYPE_INACTIVE; /* not deleted: a task may still name it as its own */
        must(transaction_put(tx, &access_key_table, &changed));
    }
}

/* ---- when they were last used ---- */

static struct str used_id(const struct access_key_record *key)
{
    if (key->kind == ACCESS_KEY_KIND_SESSION)
        return key->owner_id;
    return key->kind == ACCESS_KEY_KIND_USER || key->kind == ACCESS_KEY_KIND_ROOT ? key->access_key_id
                                                                                  : (struct str){NULL, 0};
}

void iam_use_note(struct transaction *tx, const struct iam_use *use)
{
    const struct access_key_record *key = transaction_get(tx, &access_key_table, use->access_key);
    struct last_use_record record = {.service = use->service, .region = use->region};

    if (key == NULL || used_id(key).ptr == NULL)
        return;
    record.id = used_id(key);
    SET(&record, used_at, tx->now_ms);
    must(transaction_put(tx, &last_use_table, &record));
}

/* ---- keys of sessions go when their time is long over ---- */

static int64_t expire(struct transaction *tx, struct str key)
{
    const struct access_key_record *record = transaction_get(tx, &access_key_table, key);

    if (record == NULL || !record->has_expires_at)
        return WHEN_NEVER;
    if (tx->now_ms < record->expires_at + KEY_KEPT_MS)
        return record->expires_at + KEY_KEPT_MS;
    transaction_delete(tx, &access_key_table, key);
    return WHEN_NEVER;
}

const struct reconciler_spec access_key_reconciler = {"access_key", &access_key_table, expire};

void access_key_mark(const struct transaction *tx, const void *before, const void *after, struct marks *marks)
{
    const struct access_key_record *key = after;

    (void)tx;
    (void)before;
    if (key != NULL && key->has_expires_at)
        marks_add(marks, &access_key_reconciler, key->access_key_id);
}
