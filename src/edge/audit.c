#include "edge/audit.h"

#include "base/log.h"
#include "base/must.h"
#include "model/interpret.h"
#include "os/append_log.h"
#include "os/entropy.h"
#include "wire/json.h"

#include <stdatomic.h>
#include <stdlib.h>

enum {
    FILE_MAX = 64 << 20,
    PARAMETERS_MAX = 32 << 10, /* CloudTrail leaves out what is larger than 100 KB */
};

struct audit {
    struct append_log *log;
    atomic_bool failing;
};

bool audit_open(const char *path, struct audit **ret_audit, struct fail *f)
{
    struct append_log_options options = {.path = path, .size_max = FILE_MAX, .kept = AUDIT_FILES_KEPT};
    struct audit *audit = calloc(1, sizeof(*audit));

    must(audit != NULL);
    if (!append_log_open(&options, &audit->log, f)) {
        free(audit);
        return false;
    }
    *ret_audit = audit;
    return true;
}

void audit_close(struct audit *audit)
{
    append_log_close(audit->log);
    free(audit);
}

/* ---- one event ---- */

/* What moves bulk: their parameters are the bulk. */
static const char *const data_actions[] = {
    "ecr:UploadLayerPart", "ecr:GetDownloadUrlForLayer", "ecr:PutImage",         "ecr:BatchGetImage",
    "logs:PutLogEvents",   "logs:GetLogEvents",          "logs:FilterLogEvents",
};

static bool is_data_event(const char *action)
{
    for (size_t i = 0; i < COUNT_OF(data_actions); i++)
        if (strcmp(action, data_actions[i]) == 0)
            return true;
    return false;
}

static bool is_read_only(struct str name)
{
    static const char *const beginnings[] = {"Describe", "Get",      "List", "BatchGet", "BatchCheck",
                                             "Filter",   "Simulate", "Test", "Search",   "Validate"};

    for (size_t i = 0; i < COUNT_OF(beginnings); i++)
        if (str_starts(name, str_of(beginnings[i])))
            return true;
    return false;
}

static void add_text(struct buf *out, const char *name, struct str text)
{
    if (text.ptr == NULL)
        return;
    buf_printf(out, ",\"%s\":", name);
    wire_json_write_string(text, out);
}

static void add_flag(struct buf *out, const char *name, bool flag)
{
    buf_printf(out, ",\"%s\":%s", name, flag ? "true" : "false");
}

/* "arn:aws:sts::1234:assumed-role/Name/session" and "AROA...:session": the role behind the session. */
static void add_session_issuer(const struct principal *principal, struct buf *out)
{
    struct str rest = str_from(principal->arn, str_find(principal->arn, '/'));
    struct str name = rest.len == 0 ? rest : str_cut(str_from(rest, 1), '/', &rest);
    struct str id = str_cut(principal->user_id, ':', &rest);

    buf_add_cstr(out, ",\"sessionContext\":{\"sessionIssuer\":{\"type\":\"Role\"");
    add_text(out, "principalId", id);
    add_text(out, "accountId", principal->account);
    add_text(out, "userName", name);
    buf_add_cstr(out, "},\"attributes\":{\"mfaAuthenticated\":\"false\"}}");
}

/* CloudTrail user guide, "CloudTrail userIdentity element". */
static void add_identity(const struct principal *principal, struct buf *out)
{
    bool is_session = str_starts(principal->arn, STR("arn:aws:sts:"));
    bool is_root = principal->kind == PRINCIPAL_ROOT;
    size_t slash = str_find_last(principal->arn, '/');

    buf_printf(out, "\"userIdentity\":{\"type\":\"%s\"", is_root ? "Root" : is_session ? "AssumedRole" : "IAMUser");
    add_text(out, "principalId", principal->user_id);
    add_text(out, "arn", principal->arn);
    add_text(out, "accountId", principal->account);
    add_text(out, "accessKeyId", principal->access_key);
    if (is_session)
        add_session_issuer(principal, out);
    else if (!is_root && slash < principal->arn.len)
        add_text(out, "userName", str_from(principal->arn, slash + 1));
    buf_add_char(out, '}');
}

static void add_parameters(const struct audit_event *event, struct buf *out)
{
    auto_buf text = {.limit = PARAMETERS_MAX};

    buf_add_cstr(out, ",\"requestParameters\":");
    if (event->shape == NULL || is_data_event(event->action)) {
        buf_add_cstr(out, "null");
        return;
    }
    value_dump_camel(event->shape, event->parameters, &text);
    if (text.overflowed)
        buf_printf(out, "{\"omitted\":true,\"reason\":\"larger than %d bytes\"}", PARAMETERS_MAX);
    else
        buf_add(out, buf_str(&text));
}

static void add_failure(const struct fail *failure, struct buf *out)
{
    if (failure == NULL)
        return;
    add_text(out, "errorCode", str_of(failure->code == FAIL_API ? failure->type : "InternalFailure"));
    add_text(out, "errorMessage", str_of(failure->message));
}

static void add_resource(const struct audit_event *event, struct buf *out)
{
    if (event->resource.ptr == NULL)
        return;
    buf_printf(out, ",\"resources\":[{\"accountId\":\"%.*s\"", STR_ARG(event->principal->account));
    add_text(out, "ARN", event->resource);
    buf_add_cstr(out, "}]");
}

static void add_event(const struct audit_event *event, struct arena *arena, struct buf *out)
{
    struct str name;
    struct str service = str_cut(str_of(event->action), ':', &name);
    bool is_data = is_data_event(event->action);

    buf_add_cstr(out, "{\"eventVersion\":\"1.09\",");
    add_identity(event->principal, out);
    add_text(out, "eventTime", when_to_iso8601(arena, event->when_ms / SECOND_MS * SECOND_MS));
    buf_printf(out, ",\"eventSource\":\"%.*s.amazonaws.com\"", STR_ARG(service));
    add_text(out, "eventName", name);
    add_text(out, "awsRegion", event->region);
    add_text(out, "sourceIPAddress", event->source_ip);
    add_text(out, "userAgent", event->user_agent);
    add_failure(event->failure, out);
    add_parameters(event, out);
    buf_add_cstr(out, ",\"responseElements\":null");
    add_text(out, "requestID", event->request_id);
    add_text(out, "eventID", entropy_uuid(arena));
    add_resource(event, out);
    add_flag(out, "readOnly", is_read_only(name));
    buf_add_cstr(out, ",\"eventType\":\"AwsApiCall\"");
    add_flag(out, "managementEvent", !is_data);
    add_text(out, "recipientAccountId", event->principal->account);
    buf_printf(out, ",\"eventCategory\":\"%s\"}\n", is_data ? "Data" : "Management");
}

void audit_write(struct audit *audit, const struct audit_event *event)
{
    auto_buf line = {.ptr = NULL};
    struct arena arena;
    struct fail f;

    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    add_event(event, &arena, &line);
    must(!line.overflowed);
    if (append_log_add(audit->log, buf_str(&line), &f))
        atomic_store(&audit->failing, false);
    else if (!atomic_exchange(&audit->failing, true))
        log_error("calls are not written to the audit log until there is room again: %s", f.message);
    arena_free(&arena);
}
