#include "plane/ssm/access.h"

#include "plane/ssm/ssm.h"

static struct str tag_of(const struct call *call, struct str arn, struct str key)
{
    const struct parameter_record *parameter;
    struct fail unanswered;
    struct call asking = *call;

    asking.fail = &unanswered;
    if (!parameter_find(&asking, arn, &parameter))
        return (struct str){NULL, 0};
    for (size_t i = 0; i < parameter->tags.count; i++)
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
