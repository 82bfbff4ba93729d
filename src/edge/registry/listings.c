/* Lists in pages: tags, referrers, the catalog. A page's Link header leads to the next (RFC 8288). */
#include "edge/registry/internal.h"

#include "base/must.h"
#include "wire/percent.h"

/* Of text on a page, so that annotations cannot make it large: OCI distribution specification 1.1, "Listing Referrers",
 * a client may refuse more than 4 MiB. */
enum { PAGE_BYTES_MAX = 1 << 20 };

/* --- filling a page --------------------------------------------------------------------------------------------- */

/* Whether there is room for an item of that much text; a page without any has room for one. */
static bool has_room(struct registry_page *page, size_t bytes)
{
    size_t count = json_array_size(page->items);

    page->more = count >= page->limit || (count > 0 && page->bytes + bytes > PAGE_BYTES_MAX);
    return !page->more;
}

static json_t *text_json(struct str text)
{
    return json_stringn(text.ptr, text.len);
}

static void add_item(struct registry_page *page, struct str key, size_t bytes, json_t *item)
{
    must(str_to_buffer(key, page->last, sizeof(page->last)));
    must(json_array_append_new(page->items, item) == 0);
    page->bytes += bytes;
}

bool registry_add(struct registry_call *call, struct str name)
{
    if (!has_room(call->page, name.len))
        return false;
    add_item(call->page, name, name.len, text_json(name));
    return true;
}

static size_t referrer_bytes(const struct registry_referrer *referrer)
{
    size_t bytes = MANIFEST_DIGEST_LEN + referrer->media_type.len + referrer->artifact_type.len;

    for (size_t i = 0; i < referrer->annotation_count; i++)
        bytes += referrer->annotations[i].key.len + referrer->annotations[i].value.len;
    return bytes;
}

static json_t *annotations_json(const struct registry_referrer *referrer)
{
    json_t *json = json_object();

    for (size_t i = 0; i < referrer->annotation_count; i++) {
        const struct manifest_annotation *annotation = &referrer->annotations[i];

        (void)json_object_setn_new(json, annotation->key.ptr, annotation->key.len, text_json(annotation->value));
    }
    return json;
}

static json_t *referrer_json(const struct registry_referrer *referrer)
{
    json_t *json = json_object();

    (void)json_object_set_new(json, "mediaType", text_json(referrer->media_type));
    (void)json_object_set_new(json, "digest", text_json(referrer->digest));
    (void)json_object_set_new(json, "size", json_integer((json_int_t)referrer->size));
    if (referrer->artifact_type.ptr != NULL)
        (void)json_object_set_new(json, "artifactType", text_json(referrer->artifact_type));
    if (referrer->annotation_count > 0)
        (void)json_object_set_new(json, "annotations", annotations_json(referrer));
    return json;
}

bool registry_add_referrer(struct registry_call *call, const struct registry_referrer *referrer)
{
    size_t bytes = referrer_bytes(referrer);

    if (!has_room(call->page, bytes))
        return false;
    add_item(call->page, referrer->digest, bytes, referrer_json(referrer));
    return true;
}

/* --- asking for one --------------------------------------------------------------------------------------------- */

/* n and last of the query: how many at most, behind which. A number that is none counts as not given. */
static uint64_t begin_page(struct registry_request *r, enum registry_operation operation)
{
    uint64_t wanted = REGISTRY_PAGE_MAX;

    if (!str_to_uint64(request_parameter(r, "n"), &wanted))
        wanted = REGISTRY_PAGE_MAX;
    request_prepare(r, operation);
    r->call.after = request_parameter(r, "last");
    r->page =
        (struct registry_page){.limit = wanted < REGISTRY_PAGE_MAX ? wanted : REGISTRY_PAGE_MAX, .items = json_array()};
    must(r->page.items != NULL);
    return wanted;
}

/* Link to the next page: the same request, behind the last item. Nobody can go on from a page of no items. */
static void add_link(struct registry_request *r, const char *more_parameters)
{
    const struct str *path = &r->exchange->request.path;

    if (r->page.more && r->page.limit > 0)
        answer_header(r, "Link",
                      arena_printf(r->exchange->arena, "<%.*s?last=%s&n=%zu%s>; rel=\"next\"", STR_ARG(*path),
                                   r->page.last, r->page.limit, more_parameters));
}

static json_t *take_items(struct registry_request *r)
{
    return take_ptr(&r->page.items);
}

/* --- tags ------------------------------------------------------------------------------------------------------- */

static void tags_done(struct registry_request *r)
{
    json_t *body;

    if (!r->call.good) {
        answer_fail(r, &r->call.fail);
        return;
    }
    add_link(r, "");
    body = json_pack("{s:o, s:o}", "name", text_json(r->route.name), "tags", take_items(r));
    answer_json(r, "application/json", body);
}

void tags_complete(struct registry_request *r)
{
    (void)begin_page(r, REGISTRY_TAGS);
    request_submit(r, tags_done);
}

/* --- catalog ---------------------------------------------------------------------------------------------------- */

static void catalog_done(struct registry_request *r)
{
    if (!r->call.good) {
        answer_fail(r, &r->call.fail);
        return;
    }
    add_link(r, "");
    answer_json(r, "application/json", json_pack("{s:o}", "repositories", take_items(r)));
}

/* Not of the OCI specification; ECR answers it by DescribeRepositories, whose bounds show through. */
void catalog_complete(struct registry_request *r)
{
    uint64_t wanted = begin_page(r, REGISTRY_CATALOG);

    if (wanted >= 1 && wanted <= REGISTRY_PAGE_MAX)
        request_submit(r, catalog_done);
    else
        answer_error(r, 405, "UNSUPPORTED",
                     "Invalid parameter at 'maxResults' failed to satisfy constraint: 'Member must have value %s'",
                     wanted < 1 ? "greater than or equal to 1" : "less than or equal to 1000");
}

/* --- referrers -------------------------------------------------------------------------------------------------- */

static void referrers_done(struct registry_request *r)
{
    struct buf filter = {.limit = 2048};
    json_t *body;

    if (!r->call.good) {
        answer_fail(r, &r->call.fail);
        return;
    }
    if (r->call.artifact_type.ptr != NULL) {
        answer_header(r, "OCI-Filters-Applied", STR("artifactType"));
        buf_add_cstr(&filter, "&artifactType=");
        percent_encode(r->call.artifact_type, /* keep_slash= */ true, &filter);
    }
    add_link(r, arena_cstr(r->exchange->arena, buf_str(&filter)));
    buf_free(&filter);
    body =
        json_pack("{s:i, s:s, s:o}", "schemaVersion", 2, "mediaType", MEDIA_TYPE_OCI_INDEX, "manifests", take_items(r));
    answer_json(r, MEDIA_TYPE_OCI_INDEX, body);
}

void referrers_complete(struct registry_request *r)
{
    struct str artifact_type = request_parameter(r, "artifactType");

    (void)begin_page(r, REGISTRY_REFERRERS);
    r->call.digest = r->route.reference;
    r->call.artifact_type = artifact_type.len > 0 ? artifact_type : (struct str){NULL, 0};
    if (manifest_digest_is_valid(r->call.digest) && artifact_type.len <= MANIFEST_MEDIA_TYPE_LEN_MAX)
        request_submit(r, referrers_done);
    else
        answer_error(r, 400, "DIGEST_INVALID", "The digest of the subject or the artifact type is not valid.");
}
