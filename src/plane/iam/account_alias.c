/* Account aliases: one an account, unique in the installation. */
#include "base/must.h"
#include "plane/iam/account.h"
#include "plane/iam/operations.h"

static void alias_key(const void *record, struct buf *key)
{
    key_add(key, ((const struct account_alias_record *)record)->alias);
}

static void alias_account_index(const void *record, struct buf *key)
{
    key_add(key, ((const struct account_alias_record *)record)->account_id);
}

const struct table_spec account_alias_table = {
    .name = "iam_account_alias",
    .shape = &account_alias_record_shape,
    .key = alias_key,
    .indexes = {{"account", alias_account_index}},
};

static const struct account_alias_record *alias_of(const struct call *call)
{
    struct walk walk =
        transaction_walk(call->tx, &account_alias_table, "account", KEY_PREFIX(call->arena, call->principal->account));

    return walk_next(&walk);
}

bool iam_create_account_alias(struct call *call, const struct iam_create_account_alias_request *in, void *out)
{
    struct account_alias_record record = {in->account_alias, call->principal->account};
    const struct account_alias_record *before = alias_of(call);
    const struct account_alias_record *other = transaction_get(call->tx, &account_alias_table, in->account_alias);

    (void)out;
    if (other != NULL && other != before)
        return fail_api(call->fail, IAM_ERROR_ENTITY_ALREADY_EXISTS_EXCEPTION, "The account alias %.*s already exists.",
                        STR_ARG(in->account_alias));
    if (before != NULL)
        transaction_delete(call->tx, &account_alias_table, before->alias);
    must(transaction_put(call->tx, &account_alias_table, &record));
    return true;
}

bool iam_delete_account_alias(struct call *call, const struct iam_delete_account_alias_request *in, void *out)
{
    const struct account_alias_record *alias = alias_of(call);

    (void)out;
    if (alias == NULL || !str_eq(alias->alias, in->account_alias))
        return fail_api(call->fail, IAM_ERROR_NO_SUCH_ENTITY_EXCEPTION, "The account alias %.*s cannot be found.",
                        STR_ARG(in->account_alias));
    transaction_delete(call->tx, &account_alias_table, alias->alias);
    return true;
}

bool iam_list_account_aliases(struct call *call, const struct iam_list_account_aliases_request *in,
                              struct iam_list_account_aliases_response *out)
{
    const struct account_alias_record *alias = alias_of(call);

    (void)in; /* a page of one is never cut */
    out->account_aliases.items = arena_array(call->arena, struct str, 1);
    if (alias != NULL)
        out->account_aliases.items[out->account_aliases.count++] = alias->alias;
    SET(out, is_truncated, false);
    return true;
}
