#include "plane/events/access.h"

#include "plane/events/operations.h"
#include "plane/logs/json_text.h"

static struct str tag_of(const struct call *call, struct str arn, struct str key)
{
    const struct events_tag_list *tags = event_tags_of(call, arn);

    for (size_t i = 0; tags != NULL && i < tags->count; i++)
        if (str_eq_nocase(tags->items[i].key, key))
            return tags->items[i].value;
    return (struct str){NULL, 0};
}

/* ---- what an event pattern asks for ---- */

static bool find_member(struct json_value object, const char *name, struct json_value *ret_value)
{
    struct json_text_walk walk = json_text_walk(object);
    struct str key;

    while (object.kind == JSON_OBJECT && json_text_next(&walk, &key, ret_value))
        if (json_text_string_is(key, str_of(name)))
            return true;
    return false;
}

/* The texts in the array at that member, or member of a member; comparisons among them say nothing. */
static bool pattern_values(const struct call *call, struct str pattern, const char *outer, const char *name,
                           struct policy_values *ret_values)
{
    struct json_text_walk walk;
    struct json_value value;
    struct json_value item;
    struct str *texts;
    struct str key;

    if (!json_text_read(pattern, &value) || (outer != NULL && !find_member(value, outer, &value)) ||
        !find_member(value, name, &value) || value.kind != JSON_ARRAY)
        return false;
    *ret_values = (struct policy_values){NULL, 0};
    texts = arena_array(call->arena, struct str, value.raw.len); /* more than it can have */
    walk = json_text_walk(value);
    while (json_text_next(&walk, &key, &item))
        if (item.kind == JSON_STRING)
            texts[ret_values->count++] = json_text_string(item.raw, arena_alloc(call->arena, item.raw.len));
    ret_values->items = texts;
    return ret_values->count > 0;
}

/* ---- keys ---- */

/* Of PutEvents what its entries say, of PutRule what its pattern asks for. */
static const struct {
    const char *key;
    const char *entries;      /* path of the input's members; NULL: not of PutEvents */
    const char *outer, *name; /* members of the pattern; outer may be NULL */
} texts[] = {
    {"events:source", "Entries.Source", NULL, "source"},
    {"events:detail-type", "Entries.DetailType", NULL, "detail-type"},
    {"events:detail.service", NULL, "detail", "service"},
    {"events:detail.eventTypeCode", NULL, "detail", "eventTypeCode"},
};

static bool values_of(const struct call *call, const struct operation *operation, const void *in, struct str key,
                      struct policy_values *ret_values)
{
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        if (!str_eq_nocase(str_of(texts[i].key), key))
            continue;
        if (operation == &events_put_events_operation && texts[i].entries != NULL)
            return request_values(call, operation, in, texts[i].entries, ret_values);
        return operation == &events_put_rule_operation &&
               pattern_values(call, ((const struct events_put_rule_request *)in)->event_pattern, texts[i].outer,
                              texts[i].name, ret_values);
    }
    return false;
}

static struct str creator_key(const struct call *call, const struct operation *operation, const void *in)
{
    (void)operation;
    (void)in;
    return call->principal->account; /* rules are of their account's own making */
}

static struct str invocation_key(const struct call *call, const struct operation *operation, const void *in)
{
    (void)call;
    (void)in;
    return operation == &events_put_events_operation ? STR("false") : (struct str){NULL, 0}; /* no bus is a target */
}

static const struct condition_key keys[] = {
    {"events:creatorAccount", NULL, creator_key},
    {"events:eventBusInvocation", NULL, invocation_key},
};

static const struct condition_list lists[] = {{"events:TargetArn", "Targets.Arn", NULL}};

const struct access_spec events_access = {.keys = keys,
                                          .key_count = COUNT_OF(keys),
                                          .lists = lists,
                                          .list_count = COUNT_OF(lists),
                                          .values = values_of,
                                          .tag = tag_of};
