#include "plane/ec2/ec2.h"

#include "plane/ec2/host.h"
#include "plane/ec2/instance.h"
#include "plane/ec2/key_pair.h"
#include "plane/ec2/launch_template.h"

static void mark(const struct instance_record *instance, const struct transaction *tx, struct marks *marks)
{
    marks_add(marks, &instance_reconciler,
              KEY(tx->arena, instance->account_id, instance->region, instance->instance->instance_id));
}

static void instance_dirties(const struct transaction *tx, const void *before, const void *after, struct marks *marks)
{
    (void)before;
    if (after != NULL)
        mark(after, tx, marks);
}

/* One that came may have room for those that wait; one that went may be the end of those that are to go. */
static void host_dirties(const struct transaction *tx, const void *before, const void *after, struct marks *marks)
{
    const struct host_record *host = after;
    struct walk walk = transaction_walk(tx, &instance_table, "host", KEY_PREFIX(tx->arena, host->host_id));
    const struct host_record *old = before;
    const struct instance_record *instance;

    if (old == NULL || old->status != host->status)
        while ((instance = walk_next(&walk)) != NULL)
            mark(instance, tx, marks);
    walk = transaction_walk(tx, &instance_table, "waiting", STR(""));
    if (host_has_grown(before, after))
        while ((instance = walk_next(&walk)) != NULL)
            mark(instance, tx, marks);
}

static const struct dirties_spec dirties[] = {
    {&instance_table, instance_dirties},
    {&host_table, host_dirties},
};
static const struct table_spec *const tables[] = {&host_table, &instance_table, &key_pair_table,
                                                  &launch_template_table};
static const struct reconciler_spec *const reconcilers[] = {&instance_reconciler};

const struct domain_spec ec2_domain = {
    .name = "ec2",
    .tables = tables,
    .table_count = COUNT_OF(tables),
    .reconcilers = reconcilers,
    .reconciler_count = COUNT_OF(reconcilers),
    .dirties = dirties,
    .dirties_count = COUNT_OF(dirties),
};
