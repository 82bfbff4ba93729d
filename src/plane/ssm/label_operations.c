/* Labels of parameters' versions: put, moved and taken away. */
#include "base/must.h"
#include "plane/ssm/operations.h"

static bool find_version(const struct call *call, struct str name, int64_t number,
                         const struct parameter_record **ret_parameter,
                         const struct parameter_version_record **ret_version)
{
    if (!parameter_find(call, name, ret_parameter))
        return false;
    *ret_version = parameter_version(call->tx, *ret_parameter, number == 0 ? (*ret_parameter)->latest : number);
    return *ret_version != NULL || fail_api(call->fail, SSM_ERROR_PARAMETER_VERSION_NOT_FOUND,
                                            "Systems Manager could not find version %lld of %.*s. Verify the version "
                                            "and try again.",
                                            (long long)number, STR_ARG(name));
}

static void put_labels(struct transaction *tx, const struct parameter_version_record *version,
                       const struct ssm_parameter_label_list *labels)
{
    struct parameter_version_record record = *version;
    struct ssm_parameter_history history = *version->history;

    history.labels = *labels;
    if (labels->count == 0)
        history.labels.items = NULL;
    record.history = &history;
    must(transaction_put(tx, &parameter_version_table, &record));
}

/* The version's labels without one, with room for another. */
static struct ssm_parameter_label_list labels_without(const struct call *call,
                                                      const struct parameter_version_record *version, struct str label)
{
    struct ssm_parameter_label_list left = {arena_array(call->arena, struct str, version->history->labels.count + 1),
                                            0};

    for (size_t i = 0; i < version->history->labels.count; i++)
        if (!str_eq(version->history->labels.items[i], label))
            left.items[left.count++] = version->history->labels.items[i];
    return left;
}

static void move_label(const struct call *call, const struct parameter_record *parameter, struct str label, int64_t to)
{
    const struct parameter_version_record *from = parameter_labelled(call->tx, parameter, label);
    const struct parameter_version_record *version;
    struct ssm_parameter_label_list labels;

    if (from != NULL && from->history->version == to)
        return;
    if (from != NULL) {
        labels = labels_without(call, from, label);
        put_labels(call->tx, from, &labels);
    }
    version = parameter_version(call->tx, parameter, to);
    labels = labels_without(call, version, label);
    labels.items[labels.count++] = label;
    put_labels(call->tx, version, &labels);
}

bool ssm_label_parameter_version(struct call *call, const struct ssm_label_parameter_version_request *in,
                                 struct ssm_label_parameter_version_result *out)
{
    const struct parameter_version_record *version;
    const struct parameter_record *parameter;
    int64_t number;

    if (!find_version(call, in->name, in->parameter_version, &parameter, &version))
        return false;
    number = version->history->version;
    out->invalid_labels.items = arena_array(call->arena, struct str, in->labels.count);
    for (size_t i = 0; i < in->labels.count; i++)
        if (parameter_label_is_valid(in->labels.items[i]))
            move_label(call, parameter, in->labels.items[i], number);
        else
            out->invalid_labels.items[out->invalid_labels.count++] = in->labels.items[i];
    if (parameter_version(call->tx, parameter, number)->history->labels.count > PARAMETER_LABELS_MAX)
        return fail_api(call->fail, SSM_ERROR_PARAMETER_VERSION_LABEL_LIMIT_EXCEEDED,
                        "A parameter version can have maximum %d labels. Move one or more labels to another version "
                        "and try again.",
                        PARAMETER_LABELS_MAX);
    SET(out, parameter_version, number);
    return true;
}

bool ssm_unlabel_parameter_version(struct call *call, const struct ssm_unlabel_parameter_version_request *in,
                                   struct ssm_unlabel_parameter_version_result *out)
{
    const struct parameter_version_record *version;
    const struct parameter_record *parameter;

    if (!find_version(call, in->name, in->parameter_version, &parameter, &version))
        return false;
    out->removed_labels.items = arena_array(call->arena, struct str, in->labels.count);
    out->invalid_labels.items = arena_array(call->arena, struct str, in->labels.count);
    for (size_t i = 0; i < in->labels.count; i++) {
        struct ssm_parameter_label_list left = labels_without(call, version, in->labels.items[i]);

        if (left.count == version->history->labels.count) {
            out->invalid_labels.items[out->invalid_labels.count++] = in->labels.items[i];
            continue;
        }
        out->removed_labels.items[out->removed_labels.count++] = in->labels.items[i];
        put_labels(call->tx, version, &left);
        version = parameter_version(call->tx, parameter, version->history->version);
    }
    return true;
}
