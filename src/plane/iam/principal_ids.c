#include "plane/iam/principal_ids.h"

#include "plane/iam/role.h"
#include "plane/iam/user.h"

/* ---- ids for ARNs ---- */

static struct str role_id_of(const struct transaction *tx, struct str arn)
{
    const struct role_record *role = role_by_arn(tx, arn);

    return role == NULL ? (struct str){NULL, 0} : role->role->role_id;
}

static struct str user_id_of(const struct transaction *tx, struct str arn, const struct arn_parts *parts)
{
    const struct user_record *user = user_by_name(tx, parts->account, parts->name);

    return user != NULL && str_eq(user->user->arn, arn) ? user->user->user_id : (struct str){NULL, 0};
}

/* The ARN that whoever has the id has now; absent: he is gone. */
static struct str arn_of(const struct transaction *tx, struct str id)
{
    const struct user_record *user = transaction_get(tx, &user_table, id);
    const struct role_record *role = user == NULL ? transaction_get(tx, &role_table, id) : NULL;

    return user != NULL ? user->user->arn : role != NULL ? role->role->arn : (struct str){NULL, 0};
}

static bool is_id(struct str value)
{
    return str_starts(value, STR("AIDA")) || str_starts(value, STR("AROA"));
}

/* Accounts, sessions, everybody: those have no ids. */
static bool put_id(const struct transaction *tx, struct policy_principal *principal)
{
    struct str id = principal->value;
    struct arn_parts parts;

    if (principal->type != POLICY_PRINCIPAL_TYPE_AWS)
        return true;
    if (is_id(id))
        return arn_of(tx, id).ptr != NULL;
    if (!arn_split(id, &parts))
        return true;
    if (str_is(parts.kind, "role"))
        id = role_id_of(tx, id);
    else if (str_is(parts.kind, "user"))
        id = user_id_of(tx, id, &parts);
    if (id.ptr == NULL)
        return false;
    principal->value = id;
    return true;
}

bool principal_ids_put(const struct transaction *tx, struct policy_document *document, struct str *ret_unknown)
{
    for (size_t i = 0; i < document->statements.count; i++) {
        struct policy_principals *principals = &document->statements.items[i].principals;

        for (size_t k = 0; k < principals->count; k++)
            if (!put_id(tx, &principals->items[k])) {
                *ret_unknown = principals->items[k].value;
                return false;
            }
    }
    return true;
}

/* ---- ARNs for ids ---- */

struct names {
    const struct transaction *tx;
    const struct policy_document *written; /* the text, read again: the same principals in the same places */
    const struct policy_document *kept;
};

/* What to show for a principal that the text has under that name. */
static struct str shown_name(const void *context, struct str written)
{
    const struct names *names = context;

    for (size_t i = 0; i < names->written->statements.count; i++) {
        const struct policy_principals *in_text = &names->written->statements.items[i].principals;
        const struct policy_principals *kept = &names->kept->statements.items[i].principals;

        for (size_t k = 0; k < in_text->count; k++)
            if (str_eq(in_text->items[k].value, written) && is_id(kept->items[k].value)) {
                struct str arn = arn_of(names->tx, kept->items[k].value);

                return arn.ptr != NULL ? arn : kept->items[k].value;
            }
    }
    return (struct str){NULL, 0};
}

static bool names_by_id(const struct policy_document *document)
{
    for (size_t i = 0; i < document->statements.count; i++)
        for (size_t k = 0; k < document->statements.items[i].principals.count; k++)
            if (is_id(document->statements.items[i].principals.items[k].value))
                return true;
    return false;
}

static bool has_changed(const struct names *names)
{
    for (size_t i = 0; i < names->written->statements.count; i++)
        for (size_t k = 0; k < names->written->statements.items[i].principals.count; k++) {
            struct str written = names->written->statements.items[i].principals.items[k].value;
            struct str shown = shown_name(names, written);

            if (shown.ptr != NULL && !str_eq(shown, written))
                return true;
        }
    return false;
}

struct str principal_ids_shown(const struct transaction *tx, struct str text, const struct policy_document *document,
                               enum policy_kind kind, struct arena *arena)
{
    struct names names = {.tx = tx, .kept = document};
    struct policy_document *written;
    struct fail ignored;

    if (document == NULL || !names_by_id(document) || !policy_read(text, kind, arena, &written, &ignored))
        return text;
    names.written = written;
    return has_changed(&names) ? policy_rename(text, shown_name, &names, arena) : text;
}
