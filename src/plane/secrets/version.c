#include "plane/secrets/version.h"

#include "base/must.h"

static struct walk versions_of(const struct transaction *tx, const struct secret_record *secret)
{
    return transaction_walk(tx, &secret_version_table, NULL,
                            KEY_PREFIX(tx->arena, secret->account_id, secret->region, secret->secret->name));
}

static bool has_stage(const struct secret_version_record *version, struct str stage)
{
    return str_is_among(stage, version->version->version_stages.items, version->version->version_stages.count);
}

const struct secret_version_record *secret_version(const struct transaction *tx, const struct secret_record *secret,
                                                   struct str version_id)
{
    return transaction_get(tx, &secret_version_table,
                           KEY(tx->arena, secret->account_id, secret->region, secret->secret->name, version_id));
}

const struct secret_version_record *secret_version_at(const struct transaction *tx, const struct secret_record *secret,
                                                      struct str stage)
{
    struct walk walk = versions_of(tx, secret);
    const struct secret_version_record *version;

    while ((version = walk_next(&walk)) != NULL)
        if (has_stage(version, stage))
            return version;
    return NULL;
}

bool secret_version_choose(const struct transaction *tx, const struct secret_record *secret,
                           const struct version_choice *choice, const struct secret_version_record **ret_version,
                           struct fail *f)
{
    struct str stage = choice->stage.len == 0 && choice->id.len == 0 ? STAGE_CURRENT : choice->stage;
    const struct secret_version_record *version =
        choice->id.len > 0 ? secret_version(tx, secret, choice->id) : secret_version_at(tx, secret, stage);

    if (version == NULL && choice->id.len > 0)
        return fail_api(f, SECRETSMANAGER_ERROR_RESOURCE_NOT_FOUND_EXCEPTION,
                        "Secrets Manager can't find the specified secret value for VersionId: %.*s",
                        STR_ARG(choice->id));
    if (version == NULL)
        return fail_api(f, SECRETSMANAGER_ERROR_RESOURCE_NOT_FOUND_EXCEPTION,
                        "Secrets Manager can't find the specified secret value for staging label: %.*s",
                        STR_ARG(stage));
    if (stage.len > 0 && !has_stage(version, stage))
        return fail_api(f, SECRETSMANAGER_ERROR_INVALID_REQUEST_EXCEPTION,
                        "You provided a VersionStage that is not associated to the provided VersionId.");
    *ret_version = version;
    return true;
}

/* ---- labels ---- */

static void put_with(struct transaction *tx, const struct secret_version_record *version, struct str stage)
{
    struct secretsmanager_secret_versions_list_entry entry = *version->version;
    struct secret_version_record record = *version;
    struct str *items = arena_array(tx->arena, struct str, entry.version_stages.count + 1);

    for (size_t i = 0; i < entry.version_stages.count; i++)
        items[i] = entry.version_stages.items[i];
    items[entry.version_stages.count++] = stage;
    entry.version_stages.items = items;
    record.version = &entry;
    must(transaction_put(tx, &secret_version_table, &record));
}

static void put_without(struct transaction *tx, const struct secret_version_record *version, struct str stage)
{
    struct secretsmanager_secret_versions_list_entry entry = *version->version;
    struct secret_version_record record = *version;
    struct str *items = arena_array(tx->arena, struct str, entry.version_stages.count);
    size_t count = 0;

    for (size_t i = 0; i < entry.version_stages.count; i++)
        if (!str_eq(entry.version_stages.items[i], stage))
            items[count++] = entry.version_stages.items[i];
    entry.version_stages.items = count == 0 ? NULL : items;
    entry.version_stages.count = count;
    record.version = &entry;
    must(transaction_put(tx, &secret_version_table, &record));
}

static void put_stage(struct transaction *tx, const struct secret_record *secret, struct str stage,
                      const struct secret_version_record *to)
{
    const struct secret_version_record *from = secret_version_at(tx, secret, stage);

    if (from != NULL && to != NULL && str_eq(from->version->version_id, to->version->version_id))
        return;
    if (from != NULL)
        put_without(tx, from, stage);
    if (to != NULL)
        put_with(tx, secret_version(tx, secret, to->version->version_id), stage);
}

void secret_stage_move(struct transaction *tx, const struct secret_record *secret, struct str stage,
                       const struct secret_version_record *to)
{
    const struct secret_version_record *current = secret_version_at(tx, secret, STAGE_CURRENT);
    bool replaces = str_eq(stage, STAGE_CURRENT) && current != NULL && to != NULL &&
                    !str_eq(current->version->version_id, to->version->version_id);

    put_stage(tx, secret, stage, to);
    if (replaces)
        put_stage(tx, secret, STAGE_PREVIOUS, current);
}

size_t secret_stage_count(const struct transaction *tx, const struct secret_record *secret)
{
    struct walk walk = versions_of(tx, secret);
    const struct secret_version_record *version;
    size_t count = 0;

    while ((version = walk_next(&walk)) != NULL)
        count += version->version->version_stages.count;
    return count;
}

struct secretsmanager_secret_versions_to_stages_map_type
secret_stages(const struct transaction *tx, const struct secret_record *secret, struct arena *arena)
{
    struct secretsmanager_secret_versions_to_stages_map_type map = {NULL, 0};
    struct walk walk = versions_of(tx, secret);
    const struct secret_version_record *version;

    map.items = arena_array(arena, struct secretsmanager_secret_versions_to_stages_map_type_entry, STAGES_MAX + 2);
    while ((version = walk_next(&walk)) != NULL && map.count < STAGES_MAX + 2)
        if (version->version->version_stages.count > 0) {
            map.items[map.count].key = version->version->version_id;
            map.items[map.count++].value = version->version->version_stages;
        }
    if (map.count == 0)
        map.items = NULL; /* a secret that never had a value: the member is left out */
    return map;
}

/* ---- a new version ---- */

/* The token came before: the same value is the same request once more. */
static bool same_again(const struct call *call, const struct secret_record *secret,
                       const struct secret_version_record *there, const struct new_version *wanted)
{
    bool is_binary = wanted->value.binary.ptr != NULL;
    struct str value;

    if (!secret_version_open(call->tx, there, call->arena, &value, call->fail))
        return false;
    if (there->is_binary == is_binary && str_eq(value, is_binary ? wanted->value.binary : wanted->value.text))
        return true;
    return fail_api(call->fail, SECRETSMANAGER_ERROR_RESOURCE_EXISTS_EXCEPTION,
                    "You can't use ClientRequestToken %.*s because that value is already in use for a version of "
                    "secret %.*s.",
                    STR_ARG(wanted->token), STR_ARG(secret->secret->arn));
}

/* Of the versions without a label the oldest; NULL when all have one. */
static const struct secret_version_record *oldest_deprecated(struct walk walk, size_t *ret_count)
{
    const struct secret_version_record *oldest = NULL;
    const struct secret_version_record *version;

    *ret_count = 0;
    while ((version = walk_next(&walk)) != NULL) {
        (*ret_count)++;
        if (version->version->version_stages.count == 0 &&
            (oldest == NULL || version->version->created_date < oldest->version->created_date))
            oldest = version;
    }
    return oldest;
}

static void make_room(struct transaction *tx, const struct secret_record *secret)
{
    size_t count;
    const struct secret_version_record *oldest = oldest_deprecated(versions_of(tx, secret), &count);

    if (count >= VERSIONS_MAX && oldest != NULL)
        transaction_delete(
            tx, &secret_version_table,
            KEY(tx->arena, oldest->account_id, oldest->region, oldest->name, oldest->version->version_id));
}

static const struct secret_version_record *put_version(const struct call *call, const struct secret_record *secret,
                                                       const struct new_version *wanted)
{
    struct secretsmanager_secret_versions_list_entry entry = {
        .version_id = wanted->token.ptr != NULL ? wanted->token : random_uuid(call->tx->random, call->arena)};
    struct secret_version_record record = {
        .account_id = secret->account_id, .region = secret->region, .name = secret->secret->name, .version = &entry};
    bool is_binary = wanted->value.binary.ptr != NULL;

    SET(&entry, created_date, call->tx->now_ms);
    SET(&record, is_binary, is_binary);
    record.sealed =
        vault_seal(call->tx, KEY(call->arena, record.account_id, record.region, record.name, entry.version_id),
                   is_binary ? wanted->value.binary : wanted->value.text);
    must(transaction_put(call->tx, &secret_version_table, &record));
    return secret_version(call->tx, secret, entry.version_id);
}

/* Labels that none of the versions has yet. */
static size_t new_stages(const struct call *call, const struct secret_record *secret,
                         const struct secretsmanager_secret_version_stages_type *stages)
{
    size_t count = 0;

    for (size_t i = 0; i < stages->count; i++)
        count += secret_version_at(call->tx, secret, stages->items[i]) == NULL;
    return count;
}

bool secret_version_add(const struct call *call, const struct secret_record *secret, const struct new_version *wanted,
                        const struct secret_version_record **ret_version)
{
    static struct str current = {"AWSCURRENT", sizeof("AWSCURRENT") - 1};
    struct secretsmanager_secret_version_stages_type stages = wanted->stages;
    const struct secret_version_record *version = NULL;
    struct str id;
    size_t fresh;

    if (wanted->token.ptr != NULL)
        version = secret_version(call->tx, secret, wanted->token);
    if (version != NULL) {
        *ret_version = version;
        return same_again(call, secret, version, wanted);
    }
    if (stages.count == 0)
        stages = (struct secretsmanager_secret_version_stages_type){&current, 1};
    fresh = new_stages(call, secret, &stages);
    if (fresh > 0 && secret_stage_count(call->tx, secret) + fresh > STAGES_MAX)
        return fail_api(call->fail, SECRETSMANAGER_ERROR_LIMIT_EXCEEDED_EXCEPTION,
                        "A secret can have at most %d staging labels on all its versions.", STAGES_MAX);
    make_room(call->tx, secret);
    version = put_version(call, secret, wanted);
    id = version->version->version_id;
    for (size_t i = 0; i < stages.count; i++)
        secret_stage_move(call->tx, secret, stages.items[i], version);
    if (secret_version_at(call->tx, secret, STAGE_CURRENT) == NULL) /* the first version is the current one */
        secret_stage_move(call->tx, secret, STAGE_CURRENT, version);
    *ret_version = secret_version(call->tx, secret, id);
    return true;
}
