/* Sessions: keys with a token that stand for somebody for a time. */
#include "plane/iam/session.h"

#include "base/must.h"
#include "plane/iam/role.h"

struct access_key_record session_make(struct transaction *tx, const struct access_key_record *of, int64_t seconds)
{
    struct access_key_record key = *of;

    key.access_key_id = iam_id_new(tx, "ASIA", ACCESS_KEY_ID_LEN);
    key.secret = iam_secret_new(tx, SECRET_KEY_LEN);
    key.session_token = iam_secret_new(tx, SESSION_TOKEN_LEN);
    SET(&key, created_at, tx->now_ms);
    if (seconds > 0)
        SET(&key, expires_at, tx->now_ms + seconds * SECOND_MS);
    must(transaction_put(tx, &access_key_table, &key));
    return key;
}

/* "arn:aws:iam::1234:role/path/Name" and a session name make "arn:aws:sts::1234:assumed-role/Name/session" (STS
 * reference, "AssumedRoleUser"). */
struct str assumed_role_arn(struct arena *arena, struct str account, struct str role_arn, struct str session)
{
    size_t slash = str_find_last(role_arn, '/');
    struct str name = slash == role_arn.len ? role_arn : str_from(role_arn, slash + 1);

    return arena_printf(arena, "arn:aws:sts::%.*s:assumed-role/%.*s/%.*s", STR_ARG(account), STR_ARG(name),
                        STR_ARG(session));
}

struct str iam_session_begin(struct transaction *tx, struct str account, struct str role_arn, struct str session_name,
                             int64_t seconds)
{
    const struct role_record *role = role_by_arn(tx, role_arn);
    struct str role_id = role != NULL ? role->role->role_id : iam_id_new(tx, "AROA", ENTITY_ID_LEN);
    struct session_detail session = {.role_arn = role_arn, .session_name = session_name};
    struct access_key_record key = {
        .account_id = account,
        .kind = ACCESS_KEY_KIND_SESSION,
        .principal_arn = assumed_role_arn(tx->arena, account, role_arn, session_name),
        .user_id = arena_printf(tx->arena, "%.*s:%.*s", STR_ARG(role_id), STR_ARG(session_name)),
        .session = &session,
    };

    if (role != NULL)
        key.owner_id = role_id;
    return session_make(tx, &key, seconds).access_key_id;
}

void iam_session_end(struct transaction *tx, struct str access_key_id)
{
    transaction_delete(tx, &access_key_table, access_key_id);
}
