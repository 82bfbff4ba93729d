/* The operations on users. */
#include "base/must.h"
#include "plane/iam/access_key.h"
#include "plane/iam/iam.h"
#include "plane/iam/listing.h"
#include "plane/iam/operations.h"

enum { USERS_MAX = 5000 }; /* IAM user guide, "IAM and AWS STS quotas" */

static bool no_such_user(struct str name, struct fail *f)
{
    return fail_api(f, IAM_ERROR_NO_SUCH_ENTITY_EXCEPTION, "The user with name %.*s cannot be found.", STR_ARG(name));
}

bool user_find(const struct call *call, struct str name, const struct user_record **ret_user)
{
    const struct user_record *user = user_by_name(call->tx, call->principal->account, name);

    if (user == NULL)
        return no_such_user(name, call->fail);
    *ret_user = user;
    return true;
}

bool user_find_or_self(const struct call *call, struct str name, const struct user_record **ret_user)
{
    const struct access_key_record *key = iam_key_of(call->tx, call->principal);
    const struct user_record *user = NULL;

    if (name.ptr != NULL)
        return user_find(call, name, ret_user);
    if (key != NULL && key->owner_id.ptr != NULL)
        user = transaction_get(call->tx, &user_table, key->owner_id);
    if (user == NULL)
        return fail_api(call->fail, "ValidationError", "Must specify userName when calling with non-User credentials");
    *ret_user = user;
    return true;
}

static void put(const struct call *call, const struct user_record *before, const struct iam_user *user)
{
    struct user_record changed = *before;

    changed.user = (struct iam_user *)user;
    must(transaction_put(call->tx, &user_table, &changed));
}

static bool is_free(const struct call *call, struct str name)
{
    if (user_by_name(call->tx, call->principal->account, name) == NULL)
        return true;
    return fail_api(call->fail, IAM_ERROR_ENTITY_ALREADY_EXISTS_EXCEPTION, "User with name %.*s already exists.",
                    STR_ARG(name));
}

bool iam_create_user(struct call *call, const struct iam_create_user_request *in, struct iam_create_user_response *out)
{
    struct iam_user *user = arena_new(call->arena, struct iam_user);
    struct user_record record = {.account_id = call->principal->account, .user = user};

    if (!iam_tags_check(&in->tags, call->fail) || !is_free(call, in->user_name) ||
        !quota_check(entity_count(call, &user_table), USERS_MAX, "UsersPerAccount", call->fail) ||
        !boundary_make(call, in->permissions_boundary, &user->permissions_boundary))
        return false;
    user->path = iam_path(in->path);
    user->user_name = in->user_name;
    user->user_id = iam_id_new(call->tx, "AIDA", ENTITY_ID_LEN);
    user->arn = iam_arn(call->arena, record.account_id, "user", in->path, in->user_name);
    user->tags = in->tags;
    SET(user, create_date, call->tx->now_ms);
    must(transaction_put(call->tx, &user_table, &record));
    out->user = user;
    return true;
}

/* The account's root has an id and an ARN and nothing else. */
static struct iam_user *root_shown(const struct call *call)
{
    struct iam_user *user = arena_new(call->arena, struct iam_user);
    const struct access_key_record *key = iam_root_key(call->tx, call->principal->account);

    user->user_id = call->principal->account;
    user->arn = arena_printf(call->arena, "arn:aws:iam::%.*s:root", STR_ARG(call->principal->account));
    if (key != NULL)
        SET(user, create_date, key->created_at);
    return user;
}

bool iam_get_user(struct call *call, const struct iam_get_user_request *in, struct iam_get_user_response *out)
{
    const struct user_record *user;

    if (in->user_name.ptr == NULL && call->principal->kind == PRINCIPAL_ROOT) {
        out->user = root_shown(call);
        return true;
    }
    if (!user_find_or_self(call, in->user_name, &user))
        return false;
    out->user = user->user;
    return true;
}

bool iam_list_users(struct call *call, const struct iam_list_users_request *in, struct iam_list_users_response *out)
{
    const struct listing_request request = {&user_table, "name", KEY_PREFIX(call->arena, call->principal->account),
                                            LISTING_PAGE(in)};
    const struct user_record *user;
    struct listing listing;
    size_t at;

    if (!listing_begin(call, &request, &listing))
        return false;
    LISTING_ITEMS(&listing, &out->users);
    while ((user = walk_next(&listing.walk)) != NULL) {
        if (!str_starts(user->user->path, in->path_prefix))
            continue;
        if (!listing_take(&listing, &at))
            break;
        out->users.items[at] = *user->user;
        out->users.items[at].tags.items = NULL; /* API reference, "ListUsers": tags and boundary are not returned */
        out->users.items[at].permissions_boundary = NULL;
    }
    LISTING_END(&listing, &out->users, out);
    return true;
}

/* Keys carry the ARN that authentication hands on. */
static void rename_keys(const struct call *call, const struct iam_user *user)
{
    struct walk walk = transaction_walk(call->tx, &access_key_table, "owner", KEY_PREFIX(call->arena, user->user_id));
    const struct access_key_record *key;

    while ((key = walk_next(&walk)) != NULL) {
        struct access_key_record changed = *key;

        if (key->kind == ACCESS_KEY_KIND_FEDERATED)
            continue;
        changed.principal_arn = user->arn;
        must(transaction_put(call->tx, &access_key_table, &changed));
    }
}

bool iam_update_user(struct call *call, const struct iam_update_user_request *in, void *out)
{
    const struct user_record *record;
    const struct user_record *other;
    struct iam_user user;

    (void)out;
    if (!user_find(call, in->user_name, &record))
        return false;
    user = *record->user;
    if (in->new_user_name.ptr != NULL) {
        other = user_by_name(call->tx, record->account_id, in->new_user_name);
        if (other != NULL && other != record)
            return is_free(call, in->new_user_name);
        user.user_name = in->new_user_name;
    }
    if (in->new_path.ptr != NULL)
        user.path = in->new_path;
    user.arn = iam_arn(call->arena, record->account_id, "user", user.path, user.user_name);
    put(call, record, &user);
    rename_keys(call, &user);
    return true;
}

static bool has_keys(const struct call *call, struct str user_id)
{
    struct walk walk = transaction_walk(call->tx, &access_key_table, "owner", KEY_PREFIX(call->arena, user_id));
    const struct access_key_record *key;

    while ((key = walk_next(&walk)) != NULL)
        if (key->kind == ACCESS_KEY_KIND_USER)
            return true;
    return false;
}

bool iam_delete_user(struct call *call, const struct iam_delete_user_request *in, void *out)
{
    const struct user_record *user;
    struct walk groups;

    (void)out;
    if (!user_find(call, in->user_name, &user))
        return false;
    groups = transaction_walk(call->tx, &membership_table, NULL, KEY_PREFIX(call->arena, user->user->user_id));
    if (has_keys(call, user->user->user_id))
        return fail_api(call->fail, IAM_ERROR_DELETE_CONFLICT_EXCEPTION,
                        "Cannot delete entity, must delete access keys first.");
    if (!holds_no_policies(call, user->user->user_id))
        return false;
    if (walk_next(&groups) != NULL)
        return fail_api(call->fail, IAM_ERROR_DELETE_CONFLICT_EXCEPTION,
                        "Cannot delete entity, must remove users from group first.");
    access_key_revoke_all(call->tx, user->user->user_id);
    transaction_delete(call->tx, &user_table, user->user->user_id);
    return true;
}

bool iam_put_user_permissions_boundary(struct call *call, const struct iam_put_user_permissions_boundary_request *in,
                                       void *out)
{
    const struct user_record *record;
    struct iam_user user;

    (void)out;
    if (!user_find(call, in->user_name, &record))
        return false;
    user = *record->user;
    if (!boundary_make(call, in->permissions_boundary, &user.permissions_boundary))
        return false;
    put(call, record, &user);
    return true;
}

bool iam_delete_user_permissions_boundary(struct call *call,
                                          const struct iam_delete_user_permissions_boundary_request *in, void *out)
{
    const struct user_record *record;
    struct iam_user user;

    (void)out;
    if (!user_find(call, in->user_name, &record))
        return false;
    user = *record->user;
    user.permissions_boundary = NULL;
    put(call, record, &user);
    return true;
}
