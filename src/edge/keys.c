#include <openssl/crypto.h> /* first: it uses the attribute name that base/attributes.h defines, `unused` */

#include "edge/keys.h"

#include "base/map.h"
#include "base/must.h"
#include "os/entropy.h"
#include "plane/iam/iam.h"

#include <pthread.h>

enum { SIGNING_KEYS = 64, SIGNING_LABEL = 256 };

/* A key and what it was derived from, so that none outlives a change of its secret: "secret/date/region/service". */
struct signing_key {
    char of[SIGNING_LABEL];
    struct sigv4_key key;
};

struct keys {
    pthread_rwlock_t lock;                    /* protects the map; nothing else is locked under it */
    struct map map;                           /* struct access_key_record blocks of our own, by access key id */
    pthread_mutex_t signing_lock;             /* protects the signing keys; nothing else is locked under it */
    struct signing_key signing[SIGNING_KEYS]; /* at the hash of what it is of; the next one takes its place */
    char decoy[40];                           /* constant */
};

struct keys *keys_new(void)
{
    struct keys *keys = calloc(1, sizeof(*keys));

    must(keys != NULL);
    must(pthread_rwlock_init(&keys->lock, NULL) == 0);
    must(pthread_mutex_init(&keys->signing_lock, NULL) == 0);
    entropy_fill(keys->decoy, sizeof(keys->decoy));
    return keys;
}

void keys_clear(struct keys *keys)
{
    size_t at = 0;
    void *record;

    (void)pthread_rwlock_wrlock(&keys->lock);
    while ((record = map_next(&keys->map, &at)) != NULL)
        free(record);
    map_free(&keys->map);
    keys->map = (struct map){0};
    (void)pthread_rwlock_unlock(&keys->lock);
}

void keys_free(struct keys *keys)
{
    keys_clear(keys);
    (void)pthread_rwlock_destroy(&keys->lock);
    (void)pthread_mutex_destroy(&keys->signing_lock);
    OPENSSL_cleanse(keys->signing, sizeof(keys->signing));
    free(keys);
}

void keys_changed(struct keys *keys, const struct change *change)
{
    struct access_key_record *copy = NULL;
    void *before;
    size_t size;

    if (change->table != &access_key_table)
        return;
    if (change->after != NULL)
        copy = value_block(&access_key_record_shape, change->after, &size);
    (void)pthread_rwlock_wrlock(&keys->lock);
    if (copy != NULL)
        before = map_put(&keys->map, copy->access_key_id, copy);
    else
        before = map_remove(&keys->map, ((const struct access_key_record *)change->before)->access_key_id);
    (void)pthread_rwlock_unlock(&keys->lock);
    free(before);
}

static const enum principal_kind principal_kinds[] = {
    [ACCESS_KEY_KIND_ROOT] = PRINCIPAL_ROOT,       [ACCESS_KEY_KIND_ROOT_SESSION] = PRINCIPAL_ROOT,
    [ACCESS_KEY_KIND_USER] = PRINCIPAL_USER,       [ACCESS_KEY_KIND_USER_SESSION] = PRINCIPAL_USER,
    [ACCESS_KEY_KIND_SESSION] = PRINCIPAL_SESSION, [ACCESS_KEY_KIND_FEDERATED] = PRINCIPAL_SESSION,
};

/* A key works while it is active, and so does the one that it was made with. */
static bool works(const struct keys *keys, const struct access_key_record *record)
{
    const struct access_key_record *parent;

    if (record->status != IAM_STATUS_TYPE_NONE && record->status != IAM_STATUS_TYPE_ACTIVE)
        return false;
    if (record->parent_key_id.ptr == NULL)
        return true;
    parent = map_get(&keys->map, record->parent_key_id);
    return parent != NULL && works(keys, parent);
}

bool keys_find(struct keys *keys, struct str access_key, struct arena *arena, struct key_found *ret_found)
{
    const struct access_key_record *record;

    (void)pthread_rwlock_rdlock(&keys->lock);
    record = map_get(&keys->map, access_key);
    if (record != NULL)
        *ret_found = (struct key_found){
            .principal = {.kind = principal_kinds[record->kind],
                          .account = arena_str(arena, record->account_id),
                          .access_key = arena_str(arena, record->access_key_id),
                          .arn = arena_str(arena, record->principal_arn),
                          .user_id = arena_str(arena, record->user_id)},
            .secret = arena_str(arena, record->secret),
            .session_token = arena_str(arena, record->session_token),
            .expires_ms = record->has_expires_at ? record->expires_at : WHEN_NEVER,
            .works = works(keys, record),
        };
    (void)pthread_rwlock_unlock(&keys->lock);
    return record != NULL;
}

struct str keys_decoy(const struct keys *keys)
{
    return (struct str){keys->decoy, sizeof(keys->decoy)};
}

bool keys_signing_key(struct keys *keys, const struct sigv4_claim *claim, struct str secret, struct sigv4_key *ret_key)
{
    char of[SIGNING_LABEL];
    int len = snprintf(of, sizeof(of), "%.*s/%.*s/%.*s/%.*s", STR_ARG(secret), STR_ARG(claim->date),
                       STR_ARG(claim->region), STR_ARG(claim->service));
    struct signing_key *slot = &keys->signing[str_hash(str_of(of)) % SIGNING_KEYS];
    bool hit;

    if (len < 0 || len >= SIGNING_LABEL) {
        sigv4_derive_key(claim, secret, ret_key);
        return false;
    }
    (void)pthread_mutex_lock(&keys->signing_lock);
    hit = strcmp(slot->of, of) == 0;
    if (hit)
        *ret_key = slot->key;
    (void)pthread_mutex_unlock(&keys->signing_lock);
    if (hit)
        return true;
    sigv4_derive_key(claim, secret, ret_key);
    (void)pthread_mutex_lock(&keys->signing_lock);
    memcpy(slot->of, of, sizeof(of));
    slot->key = *ret_key;
    (void)pthread_mutex_unlock(&keys->signing_lock);
    return false;
}

bool secret_eq(struct str sent, struct str secret)
{
    return sent.len == secret.len && CRYPTO_memcmp(sent.ptr, secret.ptr, secret.len) == 0;
}
