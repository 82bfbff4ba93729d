#include "plane/ssm/ssm.h"

#include "plane/ssm/activation.h"

/* ---- tables ---- */

static void parameter_key(const void *record, struct buf *key)
{
    const struct parameter_record *of = record;

    key_add(key, of->account_id);
    key_add(key, of->region);
    key_add(key, of->name);
}

static void version_key(const void *record, struct buf *key)
{
    const struct parameter_version_record *of = record;

    key_add(key, of->account_id);
    key_add(key, of->region);
    key_add(key, of->history->name);
    key_add_number(key, of->history->version);
}

const struct table_spec parameter_table = {.name = "parameter", .shape = &parameter_record_shape, .key = parameter_key};
const struct table_spec parameter_version_table = {
    .name = "parameter_version", .shape = &parameter_version_record_shape, .key = version_key};

/* ---- finding ---- */

const struct parameter_record *parameter_at(const struct transaction *tx, const struct parameter_place *place,
                                            struct str name)
{
    return transaction_get(tx, &parameter_table, KEY(tx->arena, place->account, place->region, name));
}

struct str parameter_version_key(const struct transaction *tx, const struct parameter_record *parameter, int64_t number)
{
    auto_buf key = {.ptr = NULL};

    key_add(&key, parameter->account_id);
    key_add(&key, parameter->region);
    key_add(&key, parameter->name);
    key_add_number(&key, number);
    return arena_str(tx->arena, buf_str(&key));
}

const struct parameter_version_record *parameter_version(const struct transaction *tx,
                                                         const struct parameter_record *parameter, int64_t number)
{
    return transaction_get(tx, &parameter_version_table, parameter_version_key(tx, parameter, number));
}

struct walk parameter_versions(const struct transaction *tx, const struct parameter_record *parameter)
{
    return transaction_walk(tx, &parameter_version_table, NULL,
                            KEY_PREFIX(tx->arena, parameter->account_id, parameter->region, parameter->name));
}

const struct parameter_version_record *parameter_labelled(const struct transaction *tx,
                                                          const struct parameter_record *parameter, struct str label)
{
    struct walk walk = parameter_versions(tx, parameter);
    const struct parameter_version_record *version;

    while ((version = walk_next(&walk)) != NULL)
        if (str_is_among(label, version->history->labels.items, version->history->labels.count))
            return version;
    return NULL;
}

const struct parameter_record *parameter_of_ref(const struct transaction *tx, const struct parameter_place *place,
                                                const struct parameter_ref *ref)
{
    const struct parameter_record *parameter;

    if (ref->region.ptr == NULL)
        return parameter_at(tx, place, ref->name);
    if (!str_eq(ref->region, place->region) || !str_eq(ref->account, place->account) || str_starts(ref->name, STR("/")))
        return NULL;
    parameter = parameter_at(tx, place, parameter_twin(tx->arena, ref->name));
    return parameter != NULL ? parameter : parameter_at(tx, place, ref->name);
}

static bool not_found(struct str text, struct fail *f)
{
    return fail_api(f, SSM_ERROR_PARAMETER_NOT_FOUND, "Parameter %.*s not found.", STR_ARG(text));
}

bool parameter_resolve(const struct transaction *tx, const struct parameter_place *place, struct str text,
                       struct found_parameter *ret_found, struct fail *f)
{
    struct found_parameter found = {.parameter = NULL};
    struct parameter_ref ref;

    if (parameter_ref_parse(text, &ref))
        found.parameter = parameter_of_ref(tx, place, &ref);
    if (found.parameter == NULL)
        return not_found(text, f);
    found.selector = ref.selector;
    if (ref.selector.ptr == NULL)
        found.version = parameter_version(tx, found.parameter, found.parameter->latest);
    else if (ref.version > 0)
        found.version = parameter_version(tx, found.parameter, ref.version);
    else
        found.version = parameter_labelled(tx, found.parameter, str_from(ref.selector, 1));
    if (found.version == NULL)
        return fail_api(f, SSM_ERROR_PARAMETER_VERSION_NOT_FOUND,
                        "Systems Manager could not find %s %.*s of %.*s. Verify the %s and try again.",
                        ref.version > 0 ? "version" : "label", STR_ARG(str_from(ref.selector, 1)),
                        STR_ARG(found.parameter->name), ref.version > 0 ? "version" : "label");
    *ret_found = found;
    return true;
}

bool parameter_find(const struct call *call, struct str text, const struct parameter_record **ret_parameter)
{
    const struct parameter_place here = {call->principal->account, call->region};
    const struct parameter_record *parameter = NULL;
    struct parameter_ref ref;

    if (parameter_ref_parse(text, &ref) && ref.selector.ptr == NULL)
        parameter = parameter_of_ref(call->tx, &here, &ref);
    if (parameter == NULL)
        return not_found(text, call->fail);
    *ret_parameter = parameter;
    return true;
}

/* ---- values ---- */

bool parameter_open(const struct transaction *tx, const struct parameter_version_record *version, struct arena *arena,
                    struct str *ret_value, struct fail *f)
{
    const struct parameter_record of = {
        .account_id = version->account_id, .region = version->region, .name = version->history->name};
    const struct sealed sealed = {parameter_version_key(tx, &of, version->history->version), version->sealed};

    return vault_open(tx, &sealed, arena, ret_value) ||
           fail_api(f, SSM_ERROR_INTERNAL_SERVER_ERROR, "The value of parameter %.*s can't be decrypted.",
                    STR_ARG(of.name));
}

bool ssm_any_sealed(const struct transaction *tx, struct sealed *ret_sealed)
{
    struct walk walk = transaction_walk(tx, &parameter_version_table, NULL, STR(""));
    const struct parameter_version_record *version = walk_next(&walk);

    if (version == NULL)
        return false;
    *ret_sealed = (struct sealed){walk.at, version->sealed};
    return true;
}

/* ---- what expires goes on time ---- */

void parameter_remove(struct transaction *tx, const struct parameter_record *parameter)
{
    struct walk walk = parameter_versions(tx, parameter);

    while (walk_next(&walk) != NULL)
        transaction_delete(tx, &parameter_version_table, walk.at);
    transaction_delete(tx, &parameter_table, KEY(tx->arena, parameter->account_id, parameter->region, parameter->name));
}

static int64_t expire(struct transaction *tx, struct str key)
{
    const struct parameter_record *parameter = transaction_get(tx, &parameter_table, key);

    if (parameter == NULL || !parameter->has_expires_at)
        return WHEN_NEVER;
    if (tx->now_ms < parameter->expires_at)
        return parameter->expires_at;
    parameter_remove(tx, parameter);
    return WHEN_NEVER;
}

static const struct reconciler_spec parameter_reconciler = {"parameter", &parameter_table, expire};

static void parameter_dirties(const struct transaction *tx, const void *before, const void *after, struct marks *marks)
{
    const struct parameter_record *parameter = after;

    (void)before;
    if (parameter != NULL && parameter->has_expires_at)
        marks_add(marks, &parameter_reconciler,
                  KEY(tx->arena, parameter->account_id, parameter->region, parameter->name));
}

/* ---- the domain ---- */

static const struct table_spec *const tables[] = {&parameter_table, &parameter_version_table, &activation_table,
                                                  &managed_instance_table};
static const struct reconciler_spec *const reconcilers[] = {&parameter_reconciler};
static const struct dirties_spec dirties[] = {{&parameter_table, parameter_dirties}};

const struct domain_spec ssm_domain = {
    .name = "ssm",
    .tables = tables,
    .table_count = COUNT_OF(tables),
    .reconcilers = reconcilers,
    .reconciler_count = COUNT_OF(reconcilers),
    .dirties = dirties,
    .dirties_count = COUNT_OF(dirties),
};
