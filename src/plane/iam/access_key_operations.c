/* The operations on access keys: at most two a user. */
#include "base/must.h"
#include "plane/iam/access_key.h"
#include "plane/iam/iam.h"
#include "plane/iam/listing.h"
#include "plane/iam/operations.h"

enum { KEYS_PER_USER_MAX = 2 }; /* IAM user guide, "IAM and AWS STS quotas" */

static struct walk keys_of(const struct call *call, const struct user_record *user)
{
    return transaction_walk(call->tx, &access_key_table, "owner", KEY_PREFIX(call->arena, user->user->user_id));
}

static size_t count_keys(const struct call *call, const struct user_record *user)
{
    struct walk walk = keys_of(call, user);
    const struct access_key_record *key;
    size_t count = 0;

    while ((key = walk_next(&walk)) != NULL)
        count += key->kind == ACCESS_KEY_KIND_USER;
    return count;
}

bool iam_create_access_key(struct call *call, const struct iam_create_access_key_request *in,
                           struct iam_create_access_key_response *out)
{
    const struct user_record *user;
    struct iam_access_key *shown = arena_new(call->arena, struct iam_access_key);
    struct access_key_record key = {
        .account_id = call->principal->account, .kind = ACCESS_KEY_KIND_USER, .status = IAM_STATUS_TYPE_ACTIVE};

    if (in->user_name.ptr == NULL && call->principal->kind == PRINCIPAL_ROOT)
        return fail_api(call->fail, IAM_ERROR_LIMIT_EXCEEDED_EXCEPTION,
                        "Cannot exceed quota for AccessKeysPerAccount: 1. The root key of an account is made with it; "
                        "name a user with UserName.");
    if (!user_find_or_self(call, in->user_name, &user) ||
        !quota_check(count_keys(call, user), KEYS_PER_USER_MAX, "AccessKeysPerUser", call->fail))
        return false;
    key.access_key_id = iam_id_new(call->tx, "AKIA", ACCESS_KEY_ID_LEN);
    key.secret = iam_secret_new(call->tx, SECRET_KEY_LEN);
    key.owner_id = key.user_id = user->user->user_id;
    key.principal_arn = user->user->arn;
    SET(&key, created_at, call->tx->now_ms);
    must(transaction_put(call->tx, &access_key_table, &key));
    shown->user_name = user->user->user_name;
    shown->access_key_id = key.access_key_id;
    shown->secret_access_key = key.secret;
    shown->status = key.status;
    SET(shown, create_date, key.created_at);
    out->access_key = shown;
    return true;
}

static struct iam_access_key_metadata shown(const struct access_key_record *key, struct str user_name)
{
    struct iam_access_key_metadata metadata = {.user_name = user_name,
                                               .access_key_id = key->access_key_id,
                                               .status = key->status == IAM_STATUS_TYPE_NONE ? IAM_STATUS_TYPE_ACTIVE
                                                                                             : key->status};

    SET(&metadata, create_date, key->created_at);
    return metadata;
}

static void list_root_key(const struct call *call, struct iam_list_access_keys_response *out)
{
    const struct access_key_record *key = iam_root_key(call->tx, call->principal->account);

    out->access_key_metadata.items = arena_array(call->arena, struct iam_access_key_metadata, 1);
    SET(out, is_truncated, false);
    if (key != NULL)
        out->access_key_metadata.items[out->access_key_metadata.count++] = shown(key, (struct str){NULL, 0});
}

bool iam_list_access_keys(struct call *call, const struct iam_list_access_keys_request *in,
                          struct iam_list_access_keys_response *out)
{
    const struct access_key_record *key;
    const struct user_record *user;
    struct listing listing;
    size_t at;

    if (in->user_name.ptr == NULL && call->principal->kind == PRINCIPAL_ROOT) {
        list_root_key(call, out);
        return true;
    }
    if (!user_find_or_self(call, in->user_name, &user) ||
        !listing_begin(call,
                       &(struct listing_request){&access_key_table, "owner",
                                                 KEY_PREFIX(call->arena, user->user->user_id), LISTING_PAGE(in)},
                       &listing))
        return false;
    LISTING_ITEMS(&listing, &out->access_key_metadata);
    while ((key = walk_next(&listing.walk)) != NULL) {
        if (key->kind != ACCESS_KEY_KIND_USER)
            continue;
        if (!listing_take(&listing, &at))
            break;
        out->access_key_metadata.items[at] = shown(key, user->user->user_name);
    }
    LISTING_END(&listing, &out->access_key_metadata, out);
    return true;
}

static bool no_such_key(struct str id, struct fail *f)
{
    return fail_api(f, IAM_ERROR_NO_SUCH_ENTITY_EXCEPTION, "The Access Key with id %.*s cannot be found.", STR_ARG(id));
}

/* A key of that user; without a name, of the caller. */
static bool find(const struct call *call, struct str user_name, struct str id, const struct access_key_record **ret_key)
{
    const struct access_key_record *key = transaction_get(call->tx, &access_key_table, id);
    const struct user_record *user;

    if (!user_find_or_self(call, user_name, &user))
        return false;
    if (key == NULL || key->kind != ACCESS_KEY_KIND_USER || !str_eq(key->owner_id, user->user->user_id))
        return no_such_key(id, call->fail);
    *ret_key = key;
    return true;
}

bool iam_update_access_key(struct call *call, const struct iam_update_access_key_request *in, void *out)
{
    const struct access_key_record *key;
    struct access_key_record changed;

    (void)out;
    if (in->status == IAM_STATUS_TYPE_EXPIRED)
        return fail_api(call->fail, "ValidationError", "Value 'Expired' at 'status' is not one of Active, Inactive.");
    if (!find(call, in->user_name, in->access_key_id, &key))
        return false;
    changed = *key;
    changed.status = in->status;
    must(transaction_put(call->tx, &access_key_table, &changed));
    return true;
}

bool iam_delete_access_key(struct call *call, const struct iam_delete_access_key_request *in, void *out)
{
    const struct access_key_record *key;

    (void)out;
    if (!find(call, in->user_name, in->access_key_id, &key))
        return false;
    transaction_delete(call->tx, &access_key_table, key->access_key_id);
    transaction_delete(call->tx, &last_use_table, key->access_key_id);
    return true;
}

bool iam_get_access_key_last_used(struct call *call, const struct iam_get_access_key_last_used_request *in,
                                  struct iam_get_access_key_last_used_response *out)
{
    const struct access_key_record *key = transaction_get(call->tx, &access_key_table, in->access_key_id);
    const struct last_use_record *use = transaction_get(call->tx, &last_use_table, in->access_key_id);
    struct iam_access_key_last_used *shown = arena_new(call->arena, struct iam_access_key_last_used);
    const struct user_record *user = NULL;

    if (key == NULL || (key->kind != ACCESS_KEY_KIND_USER && key->kind != ACCESS_KEY_KIND_ROOT) ||
        !str_eq(key->account_id, call->principal->account))
        return no_such_key(in->access_key_id, call->fail);
    if (key->kind == ACCESS_KEY_KIND_USER)
        user = transaction_get(call->tx, &user_table, key->owner_id);
    if (user != NULL)
        out->user_name = user->user->user_name;
    shown->service_name = use == NULL ? STR("N/A") : use->service;
    shown->region = use == NULL ? STR("N/A") : use->region;
    if (use != NULL)
        SET(shown, last_used_date, use->used_at);
    out->access_key_last_used = shown;
    return true;
}
