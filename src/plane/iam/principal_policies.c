/* The policies that limit and permit what a principal does, gathered for a decision. */
#include "plane/iam/iam.h"
#include "plane/iam/managed_policy.h"
#include "plane/iam/principal_policy.h"
#include "plane/iam/role.h"
#include "plane/iam/user.h"

/* Quotas bound what hangs on one principal, so a list that grows by doubling stays small. */
static void list_add(struct policy_list *list, struct arena *arena, struct str name,
                     const struct policy_document *document)
{
    struct policy_named *items = (struct policy_named *)list->items;

    if ((list->count & (list->count - 1)) == 0) {
        items = arena_array(arena, struct policy_named, list->count == 0 ? 1 : list->count * 2);
        if (list->count > 0)
            memcpy(items, list->items, list->count * sizeof(*items));
    }
    items[list->count++] = (struct policy_named){name, document};
    list->items = items;
    list->present = true;
}

/* Of a user, a group or a role. */
static void add_policies_of(const struct transaction *tx, struct str principal_id, struct arena *arena,
                            struct policy_list *list)
{
    struct str prefix = KEY_PREFIX(arena, principal_id);
    struct walk attachments = transaction_walk(tx, &attachment_table, NULL, prefix);
    struct walk inlines = transaction_walk(tx, &inline_policy_table, NULL, prefix);
    const struct attachment_record *attachment;
    const struct inline_policy_record *inline_policy;

    while ((attachment = walk_next(&attachments)) != NULL) {
        const struct managed_policy_record *policy = transaction_get(tx, &managed_policy_table, attachment->policy_id);

        list_add(list, arena, policy->policy->arn, policy->document);
    }
    while ((inline_policy = walk_next(&inlines)) != NULL)
        list_add(list, arena, inline_policy->name, inline_policy->document);
}

static void add_policies_of_groups(const struct transaction *tx, struct str user_id, struct arena *arena,
                                   struct policy_list *list)
{
    struct walk walk = transaction_walk(tx, &membership_table, NULL, KEY_PREFIX(arena, user_id));
    const struct membership_record *membership;

    while ((membership = walk_next(&walk)) != NULL)
        add_policies_of(tx, membership->group_id, arena, list);
}

/* A boundary whose policy is gone allows nothing. */
static void add_boundary(const struct transaction *tx, const struct iam_attached_permissions_boundary *boundary,
                         struct arena *arena, struct policy_list *list)
{
    const struct managed_policy_record *policy;

    if (boundary == NULL)
        return;
    list->present = true;
    policy = managed_policy_by_arn(tx, boundary->permissions_boundary_arn);
    if (policy != NULL)
        list_add(list, arena, policy->policy->arn, policy->document);
}

void iam_policies_of_owner(const struct transaction *tx, struct str owner_id, struct arena *arena,
                           struct policies *ret_policies)
{
    const struct user_record *user = transaction_get(tx, &user_table, owner_id);
    const struct role_record *role = user == NULL ? transaction_get(tx, &role_table, owner_id) : NULL;

    *ret_policies = (struct policies){.identity.present = true};
    add_policies_of(tx, owner_id, arena, &ret_policies->identity);
    if (user != NULL) {
        add_policies_of_groups(tx, owner_id, arena, &ret_policies->identity);
        add_boundary(tx, user->user->permissions_boundary, arena, &ret_policies->boundary);
    } else if (role != NULL) {
        add_boundary(tx, role->role->permissions_boundary, arena, &ret_policies->boundary);
    }
}

const struct access_key_record *iam_key_of(const struct transaction *tx, const struct principal *principal)
{
    return transaction_get(tx, &access_key_table, principal->access_key);
}

void iam_policies_of(const struct transaction *tx, const struct principal *principal, struct arena *arena,
                     struct policies *ret_policies)
{
    const struct access_key_record *key = iam_key_of(tx, principal);

    *ret_policies = (struct policies){.identity.present = true};
    if (key == NULL)
        return;
    if (key->owner_id.ptr != NULL)
        iam_policies_of_owner(tx, key->owner_id, arena, ret_policies);
    if (key->session == NULL || key->session->policies.items == NULL)
        return;
    ret_policies->session.present = true;
    for (size_t i = 0; i < key->session->policies.count; i++)
        list_add(&ret_policies->session, arena, key->session->policies.items[i].name,
                 key->session->policies.items[i].document);
}
