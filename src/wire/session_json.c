#include "wire/session_json.h"

#include "base/must.h"

#include <jansson.h>

#define SESSION_TYPE "InteractiveCommands"

/* ---- reading ---- */

static bool load(struct str text, json_t **ret_json, struct fail *f)
{
    json_error_t error;
    json_t *json;

    if (text.len > SESSION_JSON_MAX)
        return fail(f, FAIL_INPUT, "a JSON text of %zu bytes", text.len);
    json = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(json)) {
        json_decref(json);
        return fail(f, FAIL_INPUT, "no JSON object: %s", json == NULL ? error.text : "another value");
    }
    *ret_json = json;
    return true;
}

/* Absent when the member is no text. */
static struct str text_member(const json_t *json, const char *name, struct arena *arena)
{
    const char *text = json_string_value(json_object_get(json, name));

    return text == NULL ? (struct str){NULL, 0} : arena_str(arena, str_of(text));
}

bool session_open_read(struct str text, struct arena *arena, struct str *ret_token, struct fail *f)
{
    struct str token;
    json_t *json;

    if (!load(text, &json, f))
        return false;
    token = text_member(json, "TokenValue", arena);
    json_decref(json);
    if (token.len == 0)
        return fail(f, FAIL_INPUT, "no TokenValue");
    *ret_token = token;
    return true;
}

bool session_acknowledge_read(struct str text, int64_t *ret_sequence, struct fail *f)
{
    const json_t *sequence;
    bool good;
    json_t *json;

    if (!load(text, &json, f))
        return false;
    sequence = json_object_get(json, "AcknowledgedMessageSequenceNumber");
    good = json_is_integer(sequence) || fail(f, FAIL_INPUT, "no AcknowledgedMessageSequenceNumber");
    if (good)
        *ret_sequence = json_integer_value(sequence);
    json_decref(json);
    return good;
}

static bool read_side(const json_t *json, const char *name, unsigned short *ret_side)
{
    json_int_t side = json_integer_value(json_object_get(json, name));

    *ret_side = (unsigned short)side;
    return side > 0 && side <= UINT16_MAX;
}

bool session_size_read(struct str text, struct session_size *ret_size, struct fail *f)
{
    struct session_size size;
    json_t *json;
    bool good;

    if (!load(text, &json, f))
        return false;
    good = read_side(json, "rows", &size.rows) && read_side(json, "cols", &size.columns);
    json_decref(json);
    if (!good)
        return fail(f, FAIL_INPUT, "rows and cols are no size of a terminal");
    *ret_size = size;
    return true;
}

bool session_handshake_request_read(struct str text, struct fail *f)
{
    bool good = true;
    json_t *json;
    json_t *action;
    size_t i;

    if (!load(text, &json, f))
        return false;
    json_array_foreach(json_object_get(json, "RequestedClientActions"), i, action)
    {
        const char *type = json_string_value(json_object_get(action, "ActionType"));

        if (type == NULL || strcmp(type, "SessionType") != 0)
            good = fail(f, FAIL_CONFLICT, "the other end asks for %s, which is not supported",
                        type == NULL ? "nothing" : type);
    }
    json_decref(json);
    return good;
}

bool session_handshake_response_read(struct str text, struct fail *f)
{
    enum { SUCCESS = 1 };
    bool good = true;
    json_t *json;
    json_t *action;
    size_t i;

    if (!load(text, &json, f))
        return false;
    json_array_foreach(json_object_get(json, "ProcessedClientActions"), i, action)
    {
        const char *error = json_string_value(json_object_get(action, "Error"));

        if (json_integer_value(json_object_get(action, "ActionStatus")) != SUCCESS)
            good = fail(f, FAIL_CONFLICT, "the client cannot do it: %s", error == NULL ? "it does not say why" : error);
    }
    json_decref(json);
    return good;
}

bool session_closed_read(struct str text, struct arena *arena, struct session_closed *ret_closed, struct fail *f)
{
    struct session_closed closed = {.exit_code = 0};
    const json_t *code;
    json_t *json;

    if (!load(text, &json, f))
        return false;
    closed.session_id = text_member(json, "SessionId", arena);
    closed.output = text_member(json, "Output", arena);
    code = json_object_get(json, "ExitCode");
    closed.has_exit_code = json_is_integer(code);
    closed.exit_code = (int)(json_integer_value(code) & 0xff);
    json_decref(json);
    *ret_closed = closed;
    return true;
}

/* ---- writing ---- */

/* Takes the value over. */
static void dump(json_t *json, struct buf *out)
{
    char *text;

    must(json != NULL);
    text = json_dumps(json, JSON_COMPACT);
    must(text != NULL);
    buf_add_cstr(out, text);
    free(text);
    json_decref(json);
}

/* What may be no UTF-8 (a message of a program) becomes a text all the same. */
static json_t *text_of(struct str text)
{
    json_t *json = json_stringn(text.ptr == NULL ? "" : text.ptr, text.len);

    return json != NULL ? json : json_string("it cannot be shown");
}

void session_open_write(struct str token, const char *request_id, const char *client_id, struct buf *out)
{
    dump(json_pack("{s:s,s:s,s:o,s:s,s:s}", "MessageSchemaVersion", "1.0", "RequestId", request_id, "TokenValue",
                   text_of(token), "ClientId", client_id, "ClientVersion", BERTH_VERSION),
         out);
}

void session_acknowledge_write(const struct channel_message *message, struct buf *out)
{
    char id[CHANNEL_MESSAGE_UUID_TEXT + 1];

    channel_message_id_text(message->id, id);
    dump(json_pack("{s:s,s:s,s:I,s:b}", "AcknowledgedMessageType", channel_message_type_name(message->type),
                   "AcknowledgedMessageId", id, "AcknowledgedMessageSequenceNumber", (json_int_t)message->sequence,
                   "IsSequentialMessage", 1),
         out);
}

void session_size_write(const struct session_size *size, struct buf *out)
{
    buf_printf(out, "{\"cols\":%u,\"rows\":%u}", size->columns, size->rows);
}

void session_handshake_request_write(const char *agent_version, struct buf *out)
{
    dump(json_pack("{s:s,s:[{s:s,s:{s:s,s:n}}]}", "AgentVersion", agent_version, "RequestedClientActions", "ActionType",
                   "SessionType", "ActionParameters", "SessionType", SESSION_TYPE, "Properties"),
         out);
}

void session_handshake_response_write(const char *client_version, struct buf *out)
{
    dump(json_pack("{s:s,s:[{s:s,s:i,s:n,s:s}],s:[]}", "ClientVersion", client_version, "ProcessedClientActions",
                   "ActionType", "SessionType", "ActionStatus", 1, "ActionResult", "Error", "", "Errors"),
         out);
}

void session_handshake_complete_write(int64_t took_ms, struct buf *out)
{
    buf_printf(out, "{\"HandshakeTimeToComplete\":%lld,\"CustomerMessage\":\"\"}", (long long)took_ms * 1000000);
}

void session_closed_write(const struct session_closed *closed, const struct channel_message *message, struct buf *out)
{
    char id[CHANNEL_MESSAGE_UUID_TEXT + 1];
    char created[24];
    json_t *json;

    channel_message_id_text(message->id, id);
    must(snprintf(created, sizeof(created), "%llu", (unsigned long long)message->created_ms) > 0);
    json = json_pack("{s:s,s:s,s:s,s:o,s:i,s:s,s:o}", "MessageType", channel_message_type_name(CHANNEL_MESSAGE_CLOSED),
                     "MessageId", id, "DestinationId", "", "SessionId", text_of(closed->session_id), "SchemaVersion", 1,
                     "CreatedDate", created, "Output", text_of(closed->output));
    must(json != NULL);
    if (closed->has_exit_code)
        must(json_object_set_new(json, "ExitCode", json_integer(closed->exit_code)) == 0);
    dump(json, out);
}
