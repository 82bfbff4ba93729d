/* Errors on the wire: which name and status a failure has in a protocol, and the envelope around it. */
#include "wire/cbor.h"
#include "wire/json.h"
#include "wire/protocol.h"
#include "wire/reply.h"
#include "wire/service_rules.h"
#include "wire/xml.h"

/* Errors that all services have, under the names of each protocol. Sources: "Common errors" of the API references
 * (query and JSON), "Error codes for the Amazon EC2 API"; the statuses of JSON services from "Common error types" (400
 * where the query protocol has 403), those of REST services as of the query protocol. */
static const struct common_error {
    const char *raised; /* by Berth's own code: the query protocol's name where that is unambiguous */
    const char *query;
    const char *ec2;
    const char *json;
    uint16_t query_status, ec2_status, json_status, rest_status;
} common_errors[] = {
    {"SignatureDoesNotMatch", "SignatureDoesNotMatch", "AuthFailure", "InvalidSignatureException", 403, 401, 400, 403},
    {"SignatureExpired", "SignatureDoesNotMatch", "RequestExpired", "InvalidSignatureException", 403, 400, 400, 403},
    {"RequestExpired", "RequestExpired", "RequestExpired", "InvalidSignatureException", 403, 400, 400, 403},
    {"IncompleteSignature", "IncompleteSignature", "IncompleteSignature", "IncompleteSignatureException", 400, 400, 400,
     403},
    {"AuthorizationQueryParametersError", "AuthorizationQueryParametersError", "IncompleteSignature",
     "IncompleteSignatureException", 400, 400, 400, 403},
    {"InvalidRequest", "InvalidRequest", "IncompleteSignature", "IncompleteSignatureException", 400, 400, 400, 403},
    {"MissingAuthenticationToken", "MissingAuthenticationToken", "MissingParameter",
     "MissingAuthenticationTokenException", 403, 400, 400, 403},
    {"InvalidClientTokenId", "InvalidClientTokenId", "AuthFailure", "UnrecognizedClientException", 403, 401, 400, 403},
    {"ExpiredToken", "ExpiredToken", "RequestExpired", "ExpiredTokenException", 403, 400, 400, 403},
    {"AccessDenied", "AccessDenied", "UnauthorizedOperation", "AccessDeniedException", 403, 403, 400, 403},
    {"OptInRequired", "OptInRequired", "OptInRequired", "OptInRequired", 403, 401, 403, 403},
    {"Throttling", "Throttling", "RequestLimitExceeded", "ThrottlingException", 400, 503, 400, 429},
    {"ServiceUnavailable", "ServiceUnavailable", "Unavailable", "ServiceUnavailable", 503, 503, 503, 503},
    {"InternalFailure", "InternalFailure", "InternalError", "InternalFailure", 500, 500, 500, 500},
    {"InvalidAction", "InvalidAction", "InvalidAction", "UnknownOperationException", 400, 400, 400, 404},
    {"MalformedInput", "MalformedInput", "InvalidParameterValue", "SerializationException", 400, 400, 400, 400},
    {"MalformedQueryString", "MalformedQueryString", "MalformedQueryString", "SerializationException", 404, 400, 400,
     400},
    {"ValidationError", "ValidationError", "InvalidParameterValue", "ValidationException", 400, 400, 400, 400},
    {"RequestEntityTooLarge", "RequestEntityTooLarge", "RequestEntityTooLarge", "RequestEntityTooLargeException", 413,
     413, 413, 413},
};

/* What a protocol says in other words than the failure does. */
static const struct {
    const char *raised;
    enum protocol_kind protocol;
    const char *message;
} local_messages[] = {
    {"SignatureDoesNotMatch", PROTOCOL_EC2, "AWS was not able to validate the provided access credentials"},
    {"InvalidClientTokenId", PROTOCOL_EC2, "AWS was not able to validate the provided access credentials"},
    {"SignatureExpired", PROTOCOL_EC2, "Request has expired."},
    {"ExpiredToken", PROTOCOL_EC2, "Request has expired."},
    {"MissingAuthenticationToken", PROTOCOL_EC2, "The request must contain the parameter AWSAccessKeyId"},
    {"MissingAuthenticationToken", PROTOCOL_QUERY, "Request is missing Authentication Token"},
};

/* An error as it goes out. */
struct answer {
    const struct shape *shape; /* the model's, NULL when it has none */
    const char *name;          /* as the protocol calls it */
    const char *query_code;    /* as the query protocol calls it */
    const char *message;
    uint16_t status;
};

/* What a common error is called in the call's protocol. */
static const char *local_name(const struct wire_call *call, const struct common_error *row)
{
    if (call->protocol == PROTOCOL_EC2)
        return row->ec2;
    return call->protocol == PROTOCOL_QUERY ? row->query : row->json;
}

static const struct common_error *find_common(const struct wire_call *call, const char *type)
{
    for (size_t i = 0; i < COUNT_OF(common_errors); i++) {
        const struct common_error *row = &common_errors[i];

        if (strcmp(type, row->raised) == 0 || strcmp(type, local_name(call, row)) == 0)
            return row;
    }
    return NULL;
}

static bool is_error(const struct shape *shape, const char *type)
{
    if (!shape->is_exception)
        return false;
    return strcmp(shape_name(shape), type) == 0 ||
           (shape_error_code(shape) != NULL && strcmp(shape_error_code(shape), type) == 0);
}

static const char *local_message(const struct wire_call *call, const char *type, const char *message)
{
    for (size_t i = 0; i < COUNT_OF(local_messages); i++)
        if (local_messages[i].protocol == call->protocol && strcmp(type, local_messages[i].raised) == 0)
            return local_messages[i].message;
    return message;
}

/* The exception of that name or code, those of the operation first. */
static const struct shape *find_shape(const struct wire_call *call, const char *type)
{
    for (size_t i = 0; call->operation != NULL && i < call->operation->error_count; i++)
        if (is_error(operation_error(call->operation, i), type))
            return operation_error(call->operation, i);
    for (size_t i = 0; call->service != NULL && i < call->service->shape_count; i++)
        if (is_error(&service_shapes(call->service)[i], type))
            return &service_shapes(call->service)[i];
    return NULL;
}

static bool is_query(const struct wire_call *call)
{
    return call->protocol == PROTOCOL_QUERY || call->protocol == PROTOCOL_EC2;
}

static void answer_common(const struct wire_call *call, const struct common_error *row, struct answer *answer)
{
    answer->query_code = row->query;
    switch (call->protocol) {
    case PROTOCOL_QUERY:
        answer->status = row->query_status;
        return;
    case PROTOCOL_EC2:
        answer->status = row->ec2_status;
        return;
    case PROTOCOL_JSON:
    case PROTOCOL_CBOR:
        answer->status = row->json_status;
        return;
    case PROTOCOL_REST_JSON:
    case PROTOCOL_REST_XML:
        answer->status = row->rest_status;
        return;
    }
}

static void answer_modelled(const struct wire_call *call, const struct shape *shape, struct answer *answer)
{
    answer->shape = shape;
    answer->query_code = shape_error_code(shape) != NULL ? shape_error_code(shape) : shape_name(shape);
    answer->name = is_query(call) ? answer->query_code : shape_name(shape);
    if (shape->error_status != 0)
        answer->status = shape->error_status;
    else if (answer->status == 0)
        answer->status = shape->is_fault ? 500 : 400;
}

/* Name, code and status of a failure. The model's word counts before the common table's. */
static struct answer find_answer(const struct wire_call *call, const struct fail *error)
{
    bool ours = error->code != FAIL_API || strcmp(error->type, "InternalFailure") == 0;
    const char *type = ours ? service_rules_of(call->service)->fault : error->type;
    const struct common_error *row = find_common(call, ours ? "InternalFailure" : type);
    const struct shape *shape = find_shape(call, type);
    struct answer answer = {.message = error->code == FAIL_API
                                           ? error->message
                                           : "An internal error occurred. The server's log tells more."};

    answer.name = ours || row == NULL ? type : local_name(call, row);
    answer.query_code = answer.name;
    if (row != NULL)
        answer_common(call, row, &answer);
    answer.message = local_message(call, type, answer.message);
    if (shape == NULL)
        shape = find_shape(call, answer.name);
    if (shape != NULL)
        answer_modelled(call, shape, &answer);
    if (answer.status == 0)
        answer.status = 400;
    if (error->code == FAIL_API && error->status != 0)
        answer.status = error->status;
    return answer;
}

/* The member that holds the message, by the model's spelling. */
static const char *message_key(const struct shape *shape)
{
    for (size_t i = 0; shape != NULL && i < shape->member_count; i++)
        if (str_eq_nocase(str_of(member_name(&shape_members(shape)[i])), STR("message")))
            return member_name(&shape_members(shape)[i]);
    return "message";
}

static void add_string_member(const char *name, const char *value, struct buf *out)
{
    buf_add_char(out, out->len == 0 ? '{' : ',');
    wire_json_write_string(str_of(name), out);
    buf_add_char(out, ':');
    wire_json_write_string(str_of(value), out);
}

static void write_json(const struct wire_call *call, const struct answer *answer, struct buf *out)
{
    if (call->protocol != PROTOCOL_REST_JSON)
        add_string_member("__type", answer->name, out);
    if (answer->shape != NULL && shape_member(answer->shape, STR("ErrorCode")) != NULL) /* all of efs */
        add_string_member("ErrorCode", answer->query_code, out);
    add_string_member(message_key(answer->shape), answer->message, out);
    buf_add_char(out, '}');
}

static void write_cbor(const struct answer *answer, struct buf *out)
{
    wire_cbor_write_map_start(2, out);
    wire_cbor_write_text(STR("__type"), out);
    wire_cbor_write_text(str_of(answer->name), out);
    wire_cbor_write_text(str_of(message_key(answer->shape)), out);
    wire_cbor_write_text(str_of(answer->message), out);
}

static void write_query(const struct wire_call *call, const struct answer *answer, struct str request_id,
                        struct buf *out)
{
    const char *xmlns = call->service == NULL ? NULL : service_xml_namespace(call->service);

    if (xmlns == NULL)
        buf_add_cstr(out, "<ErrorResponse>");
    else
        buf_printf(out, "<ErrorResponse xmlns=\"%s\">", xmlns);
    xml_open("Error", out);
    xml_write_text("Type", answer->status >= 500 ? STR("Receiver") : STR("Sender"), out);
    xml_write_text("Code", str_of(answer->query_code), out);
    xml_write_text("Message", str_of(answer->message), out);
    xml_close("Error", out);
    xml_write_text("RequestId", request_id, out);
    xml_close("ErrorResponse", out);
}

static void write_ec2(const struct answer *answer, struct str request_id, struct buf *out)
{
    buf_add_cstr(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error>");
    xml_write_text("Code", str_of(answer->name), out);
    xml_write_text("Message", str_of(answer->message), out);
    buf_add_cstr(out, "</Error></Errors>");
    xml_write_text("RequestID", request_id, out);
    xml_close("Response", out);
}

void wire_encode_error(const struct wire_call *call, const struct fail *error, struct str request_id,
                       struct arena *arena, struct wire_reply *ret_reply)
{
    struct answer answer = find_answer(call, error);

    wire_reply_start(call, answer.status, request_id, ret_reply);
    switch (call->protocol) {
    case PROTOCOL_QUERY:
        write_query(call, &answer, request_id, &ret_reply->body);
        return;
    case PROTOCOL_EC2:
        write_ec2(&answer, request_id, &ret_reply->body);
        return;
    case PROTOCOL_REST_JSON:
        wire_reply_header(ret_reply, "x-amzn-errortype", arena_str(arena, str_of(answer.name)));
        break;
    case PROTOCOL_JSON:
    case PROTOCOL_CBOR:
    case PROTOCOL_REST_XML:
        break;
    }
    if (call->query_mode)
        wire_reply_header(
            ret_reply, "x-amzn-query-error",
            arena_printf(arena, "%s;%s", answer.query_code, answer.status >= 500 ? "Receiver" : "Sender"));
    if (call->protocol == PROTOCOL_CBOR)
        write_cbor(&answer, &ret_reply->body);
    else
        write_json(call, &answer, &ret_reply->body);
}
