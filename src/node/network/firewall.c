#include "node/network/firewall.h"

#include "base/must.h"
#include "node/network/ruleset.h"

#include <stdio.h>

struct group {
    struct tree_node node; /* by id */
    struct network_id id;
    struct buf rules; /* as committed */
    unsigned users;   /* ENIs that wear it */
    bool wanted;      /* named by the apply that is under way, or by the last one */
    bool fresh;       /* not committed yet */
};

enum { KEY_BYTES = NETWORK_ENI_GROUPS_MAX * (NETWORK_ID_MAX + 1) };

struct combination {
    struct tree_node node; /* by key */
    char key[KEY_BYTES];   /* the groups' ids, each behind a space */
    unsigned number;
    unsigned users; /* ENIs */
};

static struct group *group_at(const struct firewall *firewall, struct str id)
{
    struct tree_node *node = tree_find(&firewall->groups, id);

    return node == NULL ? NULL : tree_item(node, struct group, node);
}

static struct group *group_next(const struct firewall *firewall, const struct group *group)
{
    struct tree_node *node =
        group == NULL ? tree_at(&firewall->groups, STR("")) : tree_after(&firewall->groups, group->node.key);

    return node == NULL ? NULL : tree_item(node, struct group, node);
}

static struct group *group_add(struct firewall *firewall, const struct network_id *id, struct fail *f)
{
    struct group *group = calloc(1, sizeof(*group));

    if (group == NULL) {
        (void)!fail(f, FAIL_SYSTEM, "out of memory");
        return NULL;
    }
    group->id = *id;
    group->fresh = true;
    must(tree_add(&firewall->groups, &group->node, str_of(group->id.text)));
    return group;
}

static void group_drop(struct firewall *firewall, struct group *group)
{
    must(tree_remove(&firewall->groups, group->node.key) == &group->node);
    buf_free(&group->rules);
    free(group);
}

static void groups_count(struct firewall *firewall, const struct eni *eni, bool in)
{
    for (size_t i = 0; i < eni->group_count; i++) {
        struct group *group = group_at(firewall, str_of(eni->groups[i].text));

        must(group != NULL);
        must(in || group->users > 0);
        group->users += in ? 1U : -1U;
    }
}

static void key_of(const struct eni *eni, char key[KEY_BYTES])
{
    size_t len = 0;

    for (size_t i = 0; i < eni->group_count; i++)
        len += (size_t)snprintf(key + len, KEY_BYTES - len, "%s%s", i == 0 ? "" : " ", eni->groups[i].text);
}

/* The combination of the ENI's groups; a new one is written to out and has no users yet. */
static struct combination *combination_take(struct firewall *firewall, const struct eni *eni, struct buf *out,
                                            struct fail *f)
{
    struct combination *combination;
    struct tree_node *node;
    char key[KEY_BYTES];

    key_of(eni, key);
    node = tree_find(&firewall->combinations, str_of(key));
    if (node != NULL)
        return tree_item(node, struct combination, node);
    combination = calloc(1, sizeof(*combination));
    if (combination == NULL) {
        (void)!fail(f, FAIL_SYSTEM, "out of memory");
        return NULL;
    }
    memcpy(combination->key, key, sizeof(key));
    combination->number = ++firewall->combinations_made;
    must(tree_add(&firewall->combinations, &combination->node, str_of(combination->key)));
    ruleset_combination_add(out, combination->number, eni->groups, eni->group_count);
    return combination;
}

static void combination_drop_unused(struct firewall *firewall, struct combination *combination)
{
    if (combination == NULL || combination->users > 0)
        return;
    must(tree_remove(&firewall->combinations, combination->node.key) == &combination->node);
    free(combination);
}

static void forget_combinations(struct firewall *firewall)
{
    struct tree_node *node;

    while ((node = firewall->combinations.first) != NULL) {
        (void)tree_remove(&firewall->combinations, node->key);
        free(tree_item(node, struct combination, node));
    }
}

bool firewall_open(struct firewall *firewall, struct cidr vpc, struct fail *f)
{
    *firewall = (struct firewall){.vpc = vpc};
    return nft_open(&firewall->nft, f);
}

void firewall_close(struct firewall *firewall)
{
    while (firewall->groups.first != NULL)
        group_drop(firewall, tree_item(firewall->groups.first, struct group, node));
    forget_combinations(firewall);
    nft_close(&firewall->nft);
}

static void put_base(const struct firewall *firewall, struct buf *out)
{
    ruleset_table(out, firewall->vpc);
    for (size_t i = 0; i < firewall->service_count; i++)
        ruleset_service_add(out, firewall->services[i]);
}

bool firewall_start(struct firewall *firewall, struct fail *f)
{
    auto_buf out = {0};

    put_base(firewall, &out);
    if (!nft_run(&firewall->nft, &out, f))
        return false;
    firewall->current = true;
    return true;
}

/* Applying all groups. */

static bool is_wanted(struct str id, const void *context)
{
    const struct group *group = group_at(context, id);

    return group != NULL && (group->wanted || group->users > 0);
}

/* Notes which groups are wanted; new ones get their place in the tree. */
static bool mark_wanted(struct firewall *firewall, struct str vpc, const struct network_group *groups, size_t count,
                        struct fail *f)
{
    for (struct group *group = group_next(firewall, NULL); group != NULL; group = group_next(firewall, group))
        group->wanted = false;
    for (size_t i = 0; i < count; i++) {
        struct network_id id;
        struct group *group;

        if (!str_eq(groups[i].vpc, vpc))
            continue;
        if (!network_id_set(&id, groups[i].id, "sg-", f))
            return false;
        group = group_at(firewall, groups[i].id);
        if (group == NULL)
            group = group_add(firewall, &id, f);
        if (group == NULL)
            return false;
        group->wanted = true;
    }
    return true;
}

/* The rules of a whole VPC when the kernel's are not known: base, then groups that ENIs of a former process wear. */
static bool mark_worn(struct firewall *firewall, struct str vpc, struct tree *enis, struct fail *f)
{
    for (struct tree_node *node = tree_at(enis, STR("")); node != NULL; node = tree_after(enis, node->key)) {
        const struct eni *eni = tree_item(node, struct eni, node);

        for (size_t i = 0; str_is(vpc, eni->vpc.text) && i < eni->group_count; i++) {
            struct group *group = group_at(firewall, str_of(eni->groups[i].text));

            if (group == NULL && (group = group_add(firewall, &eni->groups[i], f)) == NULL)
                return false;
            group->users++;
        }
    }
    return true;
}

struct change {
    struct buf *rules; /* one a wanted group, as groups[]; empty where nothing changes or the group is not ours */
    struct buf out;    /* the transaction */
};

static bool put_group(struct firewall *firewall, const struct network_group *wanted, struct buf *rules, struct buf *out,
                      struct fail *f)
{
    const struct group *group = group_at(firewall, wanted->id);

    if (!ruleset_group_rules(rules, wanted, is_wanted, firewall, f))
        return false;
    if (group->fresh || !firewall->current || !str_eq(buf_str(rules), buf_str(&group->rules)))
        buf_add(out, buf_str(rules));
    else
        buf_clear(rules);
    return true;
}

static bool put_enis(struct firewall *firewall, struct str vpc, struct tree *enis, struct buf *out, struct fail *f)
{
    for (struct tree_node *node = tree_at(enis, STR("")); node != NULL; node = tree_after(enis, node->key)) {
        struct eni *eni = tree_item(node, struct eni, node);

        if (!str_is(vpc, eni->vpc.text))
            continue;
        eni->combination = combination_take(firewall, eni, out, f);
        if (eni->combination == NULL)
            return false;
        eni->combination->users++;
        ruleset_eni_add(out, eni, eni->combination->number);
    }
    return true;
}

/* A group that nobody wants or wears goes, unless one that is worn but no longer wanted stays: its last rules, which we
 * do not rewrite, may name it. */
static bool is_removable(const struct firewall *firewall, const struct group *group)
{
    if (group->fresh || group->wanted || group->users > 0)
        return false;
    for (const struct group *other = group_next(firewall, NULL); other != NULL; other = group_next(firewall, other)) {
        if (!other->wanted && other->users > 0)
            return false;
    }
    return true;
}

/* Their rules first: they may name each other. */
static void put_removals(const struct firewall *firewall, struct buf *out)
{
    for (struct group *group = group_next(firewall, NULL); group != NULL; group = group_next(firewall, group)) {
        if (is_removable(firewall, group))
            ruleset_group_clear(out, group->id.text);
    }
    for (struct group *group = group_next(firewall, NULL); group != NULL; group = group_next(firewall, group)) {
        if (is_removable(firewall, group))
            ruleset_group_remove(out, group->id.text);
    }
}

static bool put_changes(struct firewall *firewall, struct str vpc, const struct network_group *groups, size_t count,
                        struct tree *enis, struct change *change, struct fail *f)
{
    if (!firewall->current)
        put_base(firewall, &change->out);
    for (struct group *group = group_next(firewall, NULL); group != NULL; group = group_next(firewall, group)) {
        if (group->fresh)
            ruleset_group_add(&change->out, group->id.text);
    }
    for (size_t i = 0; i < count; i++) {
        if (str_eq(groups[i].vpc, vpc) && !put_group(firewall, &groups[i], &change->rules[i], &change->out, f))
            return false;
    }
    put_removals(firewall, &change->out);
    return firewall->current || put_enis(firewall, vpc, enis, &change->out, f);
}

/* The kernel has it all: so do we. */
static void commit(struct firewall *firewall, struct str vpc, const struct network_group *groups, size_t count,
                   struct change *change)
{
    struct group *next;

    for (size_t i = 0; i < count; i++) {
        struct group *group = str_eq(groups[i].vpc, vpc) ? group_at(firewall, groups[i].id) : NULL;

        if (group == NULL || change->rules[i].len == 0)
            continue;
        buf_free(&group->rules);
        group->rules = change->rules[i];
        change->rules[i] = (struct buf){0};
    }
    for (struct group *group = group_next(firewall, NULL); group != NULL; group = next) {
        next = group_next(firewall, group);
        if (is_removable(firewall, group))
            group_drop(firewall, group);
        else
            group->fresh = false;
    }
    firewall->current = true;
}

/* The kernel has none of it. */
static void roll_back(struct firewall *firewall, struct tree *enis, struct str vpc)
{
    struct group *next;

    for (struct group *group = group_next(firewall, NULL); group != NULL; group = next) {
        next = group_next(firewall, group);
        if (group->fresh)
            group_drop(firewall, group);
    }
    if (firewall->current)
        return;
    forget_combinations(firewall);
    for (struct tree_node *node = tree_at(enis, STR("")); node != NULL; node = tree_after(enis, node->key)) {
        struct eni *eni = tree_item(node, struct eni, node);

        if (str_is(vpc, eni->vpc.text))
            eni->combination = NULL;
    }
}

bool firewall_apply(struct firewall *firewall, struct str vpc, const struct network_group *groups, size_t count,
                    struct tree *enis, struct fail *f)
{
    struct change change = {.rules = calloc(count + 1, sizeof(struct buf))};
    bool ok;

    if (change.rules == NULL)
        return fail(f, FAIL_SYSTEM, "out of memory");
    ok = mark_wanted(firewall, vpc, groups, count, f) && (firewall->current || mark_worn(firewall, vpc, enis, f)) &&
         put_changes(firewall, vpc, groups, count, enis, &change, f) && nft_run(&firewall->nft, &change.out, f);
    if (ok)
        commit(firewall, vpc, groups, count, &change);
    else
        roll_back(firewall, enis, vpc);
    for (size_t i = 0; i < count; i++)
        buf_free(&change.rules[i]);
    free(change.rules);
    buf_free(&change.out);
    return ok;
}

/* Single ENIs. */

static bool groups_known(const struct firewall *firewall, const struct eni *eni, struct fail *f)
{
    if (!firewall->current)
        return fail(f, FAIL_CONFLICT, "%s: the security groups were not applied yet", eni->vpc.text);
    for (size_t i = 0; i < eni->group_count; i++) {
        if (group_at(firewall, str_of(eni->groups[i].text)) == NULL)
            return fail(f, FAIL_NOT_FOUND, "%s: there is no security group %s", eni->vpc.text, eni->groups[i].text);
    }
    return true;
}

bool firewall_add(struct firewall *firewall, struct eni *eni, struct fail *f)
{
    struct combination *combination;
    auto_buf out = {0};

    if (!groups_known(firewall, eni, f))
        return false;
    combination = combination_take(firewall, eni, &out, f);
    if (combination == NULL)
        return false;
    ruleset_eni_add(&out, eni, combination->number);
    if (!nft_run(&firewall->nft, &out, f)) {
        combination_drop_unused(firewall, combination);
        return false;
    }
    combination->users++;
    groups_count(firewall, eni, true);
    eni->combination = combination;
    return true;
}

/* What goes with the ENI: its elements, and the combination when it was the last that used it. */
static void put_removal(const struct eni *eni, struct buf *out)
{
    ruleset_eni_remove(out, eni);
    if (eni->combination->users == 1)
        ruleset_combination_remove(out, eni->combination->number);
}

static void forget(struct firewall *firewall, struct eni *eni)
{
    groups_count(firewall, eni, false);
    eni->combination->users--;
    combination_drop_unused(firewall, eni->combination);
    eni->combination = NULL;
}

bool firewall_remove(struct firewall *firewall, struct eni *eni, struct fail *f)
{
    auto_buf out = {0};

    if (!firewall->current || eni->combination == NULL)
        return true;
    put_removal(eni, &out);
    if (!nft_run(&firewall->nft, &out, f))
        return false;
    forget(firewall, eni);
    return true;
}

bool firewall_change(struct firewall *firewall, struct eni *before, struct eni *after, struct fail *f)
{
    struct combination *combination;
    auto_buf out = {0};

    if (!groups_known(firewall, after, f))
        return false;
    must(before->combination != NULL);
    combination = combination_take(firewall, after, &out, f);
    if (combination == NULL)
        return false;
    ruleset_eni_remove(&out, before);
    ruleset_eni_add(&out, after, combination->number);
    if (combination != before->combination && before->combination->users == 1)
        ruleset_combination_remove(&out, before->combination->number);
    if (!nft_run(&firewall->nft, &out, f)) {
        combination_drop_unused(firewall, combination);
        return false;
    }
    combination->users++;
    groups_count(firewall, after, true);
    forget(firewall, before);
    after->combination = combination;
    return true;
}

bool firewall_service(struct firewall *firewall, uint32_t address, struct fail *f)
{
    auto_buf out = {0};

    for (size_t i = 0; i < firewall->service_count; i++) {
        if (firewall->services[i] == address)
            return true;
    }
    if (firewall->service_count == NETWORK_SERVICES_MAX)
        return fail(f, FAIL_LIMIT, "more than %d service addresses", NETWORK_SERVICES_MAX);
    ruleset_service_add(&out, address);
    if (firewall->current && !nft_run(&firewall->nft, &out, f))
        return false;
    firewall->services[firewall->service_count++] = address;
    return true;
}
