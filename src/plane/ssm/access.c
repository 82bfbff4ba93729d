#include "plane/ssm/access.h"

#include "plane/ssm/ssm.h"

static struct str tag_of(const struct call *call, struct str arn, struct str key)
{
    const struct parameter_record *parameter = NULL;
    struct parameter_ref ref;

    if (parameter_ref_parse(arn, &ref)) {
        const struct parameter_place place = {ref.account, ref.region};

        parameter = parameter_of_ref(call->tx, &place, &ref);
    }
    for (size_t i = 0; parameter != NULL && i < parameter->tags.count; i++)
        if (str_eq_nocase(parameter->tags.items[i].key, key))
            return parameter->tags.items[i].value;
    return (struct str){NULL, 0};
}

static const struct condition_key keys[] = {
    {"ssm:Overwrite", "Overwrite", NULL},
    {"ssm:Policies", "Policies", NULL},
    {"ssm:Recursive", "Recursive", NULL},
};

const struct access_spec ssm_access = {.keys = keys, .key_count = COUNT_OF(keys), .tag = tag_of};
