#include "plane/iam/oidc_provider.h"

#include "base/must.h"
#include "plane/iam/operations.h"

/* IAM user guide, "IAM and AWS STS quotas". */
enum { PROVIDERS_MAX = 100, CLIENT_IDS_MAX = 100, THUMBPRINTS_MAX = 5, THUMBPRINT_LEN = 40 };

/* ---- the table ---- */

static void provider_key(const void *record, struct buf *key)
{
    const struct oidc_provider_record *provider = record;

    key_add(key, provider->account_id);
    key_add(key, provider->url);
}

const struct table_spec oidc_provider_table = {
    .name = "iam_oidc_provider", .shape = &oidc_provider_record_shape, .key = provider_key};

struct str oidc_provider_arn(struct arena *arena, const struct oidc_provider_record *provider)
{
    return arena_printf(arena, "arn:aws:iam::%.*s:oidc-provider/%.*s", STR_ARG(provider->account_id),
                        STR_ARG(provider->url));
}

bool oidc_provider_find(const struct call *call, struct str arn, const struct oidc_provider_record **ret_provider)
{
    struct str prefix =
        arena_printf(call->arena, "arn:aws:iam::%.*s:oidc-provider/", STR_ARG(call->principal->account));
    const struct oidc_provider_record *provider = NULL;

    if (str_starts(arn, prefix))
        provider = transaction_get(call->tx, &oidc_provider_table,
                                   KEY(call->arena, call->principal->account, str_from(arn, prefix.len)));
    if (provider == NULL)
        return fail_api(call->fail, IAM_ERROR_NO_SUCH_ENTITY_EXCEPTION, "OpenIDConnect Provider not found for arn %.*s",
                        STR_ARG(arn));
    *ret_provider = provider;
    return true;
}

static void put(const struct call *call, const struct oidc_provider_record *provider)
{
    must(transaction_put(call->tx, &oidc_provider_table, provider));
}

/* ---- its keys ---- */

static struct str issuer_of(struct arena *arena, const struct oidc_provider_record *provider)
{
    return arena_printf(arena, "%.*s://%.*s", STR_ARG(provider->scheme), STR_ARG(provider->url));
}

static int64_t ask_for_keys(struct transaction *tx, struct str key)
{
    const struct oidc_provider_record *provider = transaction_get(tx, &oidc_provider_table, key);
    struct oidc_provider_record changed;
    /* Until there are keys at all it is asked oftener. */
    int64_t pause_ms = provider != NULL && provider->key_set.ptr == NULL ? MINUTE_MS : OIDC_KEYS_FRESH_MS;

    if (provider == NULL)
        return WHEN_NEVER;
    if (provider->has_keys_asked_at && tx->now_ms < provider->keys_asked_at + pause_ms)
        return provider->keys_asked_at + pause_ms;
    changed = *provider;
    SET(&changed, keys_asked_at, tx->now_ms);
    must(transaction_put(tx, &oidc_provider_table, &changed));
    transaction_effect(tx, OIDC_KEYS_EFFECT, issuer_of(tx->arena, provider), key);
    return tx->now_ms + pause_ms;
}

const struct reconciler_spec oidc_provider_reconciler = {"iam_oidc_provider", &oidc_provider_table, ask_for_keys};

void oidc_provider_mark(const struct transaction *tx, const void *before, const void *after, struct marks *marks)
{
    const struct oidc_provider_record *provider = after;

    (void)before;
    if (provider != NULL)
        marks_add(marks, &oidc_provider_reconciler, KEY(tx->arena, provider->account_id, provider->url));
}

void oidc_provider_keys_put(struct transaction *tx, struct str provider_key, struct str key_set)
{
    const struct oidc_provider_record *provider = transaction_get(tx, &oidc_provider_table, provider_key);
    struct oidc_provider_record changed;

    if (provider == NULL)
        return;
    changed = *provider;
    changed.key_set = key_set;
    must(transaction_put(tx, &oidc_provider_table, &changed));
}

const struct oidc_provider_record *oidc_provider_of_issuer(const struct transaction *tx, struct str account,
                                                           struct str issuer)
{
    size_t slashes = str_search(issuer, STR("//"));
    struct str url = slashes < issuer.len ? str_from(issuer, slashes + 2) : issuer;

    return transaction_get(tx, &oidc_provider_table, KEY(tx->arena, account, url));
}

/* ---- operations ---- */

static bool check_thumbprints(const struct iam_thumbprint_list_type *thumbprints, struct fail *f)
{
    if (thumbprints->count > THUMBPRINTS_MAX)
        return fail_api(f, IAM_ERROR_INVALID_INPUT_EXCEPTION, "Thumbprint list must contain fewer than %d entries.",
                        THUMBPRINTS_MAX);
    for (size_t i = 0; i < thumbprints->count; i++)
        if (thumbprints->items[i].len != THUMBPRINT_LEN)
            return fail_api(f, "ValidationError",
                            "Value '%.*s' at 'thumbprintList' failed to satisfy constraint: Member must have length %d",
                            STR_ARG(thumbprints->items[i]), THUMBPRINT_LEN);
    return true;
}

/* Without TLS a provider's keys are as good as the network, so only the machine's own may go without. */
static bool is_on_this_machine(struct str url)
{
    static const struct str starts[] = {STR_INIT("http://127.0.0.1"), STR_INIT("http://localhost")};

    for (size_t i = 0; i < COUNT_OF(starts); i++)
        if (str_starts(url, starts[i]) &&
            (url.len == starts[i].len || url.ptr[starts[i].len] == ':' || url.ptr[starts[i].len] == '/'))
            return true;
    return false;
}

/* The URL as records and ARNs have it: without scheme and slash at the end. */
static bool check_url(struct str url, struct str *ret_rest, struct fail *f)
{
    struct str rest;

    if (!str_starts(url, STR("https://")) && !is_on_this_machine(url))
        return fail_api(f, "ValidationError", "Invalid Open ID Connect Provider URL");
    rest = str_from(url, str_search(url, STR("//")) + 2);
    while (str_ends(rest, STR("/")))
        rest.len--;
    if (rest.len == 0 || str_find(rest, '?') < rest.len || str_find(rest, '#') < rest.len)
        return fail_api(f, "ValidationError", "Invalid Open ID Connect Provider URL");
    *ret_rest = rest;
    return true;
}

static size_t count_providers(const struct call *call)
{
    struct walk walk =
        transaction_walk(call->tx, &oidc_provider_table, NULL, KEY_PREFIX(call->arena, call->principal->account));
    size_t count = 0;

    while (walk_next(&walk) != NULL)
        count++;
    return count;
}

bool iam_create_open_id_connect_provider(struct call *call,
                                         const struct iam_create_open_id_connect_provider_request *in,
                                         struct iam_create_open_id_connect_provider_response *out)
{
    struct oidc_provider_record record = {.account_id = call->principal->account,
                                          .client_ids = in->client_id_list,
                                          .thumbprints = in->thumbprint_list,
                                          .tags = in->tags};

    if (!iam_tags_check(&in->tags, call->fail) || !check_url(in->url, &record.url, call->fail) ||
        !check_thumbprints(&in->thumbprint_list, call->fail))
        return false;
    if (in->client_id_list.count > CLIENT_IDS_MAX)
        return fail_api(call->fail, IAM_ERROR_LIMIT_EXCEEDED_EXCEPTION,
                        "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: %d", CLIENT_IDS_MAX);
    if (transaction_get(call->tx, &oidc_provider_table, KEY(call->arena, record.account_id, record.url)) != NULL)
        return fail_api(call->fail, IAM_ERROR_ENTITY_ALREADY_EXISTS_EXCEPTION, "Provider with url %.*s already exists.",
                        STR_ARG(in->url));
    if (!quota_check(count_providers(call), PROVIDERS_MAX, "OpenIdConnectProvidersPerAccount", call->fail))
        return false;
    record.scheme = str_to(in->url, str_find(in->url, ':'));
    SET(&record, created_at, call->tx->now_ms);
    put(call, &record);
    out->open_id_connect_provider_arn = oidc_provider_arn(call->arena, &record);
    out->tags = in->tags;
    return true;
}

bool iam_get_open_id_connect_provider(struct call *call, const struct iam_get_open_id_connect_provider_request *in,
                                      struct iam_get_open_id_connect_provider_response *out)
{
    const struct oidc_provider_record *provider;

    if (!oidc_provider_find(call, in->open_id_connect_provider_arn, &provider))
        return false;
    out->url = provider->url;
    out->client_id_list = provider->client_ids;
    out->thumbprint_list = provider->thumbprints;
    out->tags = provider->tags;
    SET(out, create_date, provider->created_at);
    return true;
}

bool iam_list_open_id_connect_providers(struct call *call, const struct iam_list_open_id_connect_providers_request *in,
                                        struct iam_list_open_id_connect_providers_response *out)
{
    struct walk walk =
        transaction_walk(call->tx, &oidc_provider_table, NULL, KEY_PREFIX(call->arena, call->principal->account));
    struct iam_open_id_connect_provider_list_type *list = &out->open_id_connect_provider_list;
    const struct oidc_provider_record *provider;

    (void)in;
    list->items = arena_array(call->arena, struct iam_open_id_connect_provider_list_entry, count_providers(call));
    while ((provider = walk_next(&walk)) != NULL)
        list->items[list->count++].arn = oidc_provider_arn(call->arena, provider);
    return true;
}

bool iam_delete_open_id_connect_provider(struct call *call,
                                         const struct iam_delete_open_id_connect_provider_request *in, void *out)
{
    const struct oidc_provider_record *provider;

    (void)out;
    if (!oidc_provider_find(call, in->open_id_connect_provider_arn, &provider))
        return false;
    transaction_delete(call->tx, &oidc_provider_table, KEY(call->arena, provider->account_id, provider->url));
    return true;
}

bool iam_add_client_id_to_open_id_connect_provider(
    struct call *call, const struct iam_add_client_id_to_open_id_connect_provider_request *in, void *out)
{
    const struct oidc_provider_record *provider;
    struct oidc_provider_record changed;
    struct iam_client_id_list_type ids;

    (void)out;
    if (!oidc_provider_find(call, in->open_id_connect_provider_arn, &provider))
        return false;
    ids = provider->client_ids;
    if (str_is_among(in->client_id, ids.items, ids.count))
        return true;
    if (!quota_check(ids.count, CLIENT_IDS_MAX, "ClientIdsPerOpenIdConnectProvider", call->fail))
        return false;
    changed = *provider;
    changed.client_ids.items = arena_array(call->arena, struct str, ids.count + 1);
    if (ids.count > 0)
        memcpy(changed.client_ids.items, ids.items, ids.count * sizeof(*ids.items));
    changed.client_ids.items[ids.count] = in->client_id;
    changed.client_ids.count = ids.count + 1;
    put(call, &changed);
    return true;
}

bool iam_remove_client_id_from_open_id_connect_provider(
    struct call *call, const struct iam_remove_client_id_from_open_id_connect_provider_request *in, void *out)
{
    const struct oidc_provider_record *provider;
    struct oidc_provider_record changed;
    struct iam_client_id_list_type ids = {NULL, 0};

    (void)out;
    if (!oidc_provider_find(call, in->open_id_connect_provider_arn, &provider))
        return false;
    ids.items = arena_array(call->arena, struct str, provider->client_ids.count);
    for (size_t i = 0; i < provider->client_ids.count; i++)
        if (!str_eq(provider->client_ids.items[i], in->client_id))
            ids.items[ids.count++] = provider->client_ids.items[i];
    changed = *provider;
    changed.client_ids = ids;
    put(call, &changed);
    return true;
}

bool iam_update_open_id_connect_provider_thumbprint(
    struct call *call, const struct iam_update_open_id_connect_provider_thumbprint_request *in, void *out)
{
    const struct oidc_provider_record *provider;
    struct oidc_provider_record changed;

    (void)out;
    if (!oidc_provider_find(call, in->open_id_connect_provider_arn, &provider) ||
        !check_thumbprints(&in->thumbprint_list, call->fail))
        return false;
    changed = *provider;
    changed.thumbprints = in->thumbprint_list;
    put(call, &changed);
    return true;
}
