/* Which codec a call takes, and what all of them have in common around it. */
#include "wire/protocol.h"

#include "base/must.h"
#include "model/interpret.h"
#include "wire/cbor.h"
#include "wire/decode.h"
#include "wire/json.h"
#include "wire/query.h"
#include "wire/reply.h"
#include "wire/rest.h"
#include "wire/service_rules.h"
#include "wire/xml.h"

static const char *content_type(const struct wire_call *call)
{
    switch (call->protocol) {
    case PROTOCOL_JSON:
        if (call->service != NULL && strcmp(service_json_version(call->service), "1.0") == 0)
            return "application/x-amz-json-1.0";
        return "application/x-amz-json-1.1";
    case PROTOCOL_QUERY:
        return "text/xml";
    case PROTOCOL_EC2:
        return "text/xml;charset=UTF-8";
    case PROTOCOL_CBOR:
        return "application/cbor";
    case PROTOCOL_REST_JSON:
    case PROTOCOL_REST_XML:
        break;
    }
    return "application/json";
}

void wire_reply_header(struct wire_reply *reply, const char *name, struct str value)
{
    must(reply->header_count < WIRE_HEADERS_MAX);
    reply->headers[reply->header_count++] = (struct http_header){str_of(name), value};
}

void wire_reply_start(const struct wire_call *call, uint16_t status, struct str request_id,
                      struct wire_reply *ret_reply)
{
    *ret_reply = (struct wire_reply){.status = status};
    wire_reply_header(ret_reply, "content-type", str_of(content_type(call)));
    wire_reply_header(ret_reply, "x-amzn-requestid", request_id);
    if (call->protocol == PROTOCOL_CBOR)
        wire_reply_header(ret_reply, "smithy-protocol", STR("rpc-v2-cbor"));
}

/* EC2 has its own error for a parameter that is not there, and calls it as its answers would ("routeTableId"). */
static bool check_required(const struct wire_call *call, const struct service_rules *rules, const void *input,
                           struct fail *f)
{
    const struct shape *structure = operation_input(call->operation);

    for (size_t i = 0; rules->missing != NULL && i < structure->member_count; i++) {
        const struct member *member = &shape_members(structure)[i];

        if (!member->required || member->idempotency_token || member_present(member, input))
            continue;
        return fail_api(f, rules->missing, rules->missing_text, wire_name(member));
    }
    return true;
}

static bool decode(const struct wire_call *call, const struct wire_request *request, struct decoder *decoder,
                   void *ret_input)
{
    switch (call->protocol) {
    case PROTOCOL_JSON:
        return wire_json_read(decoder, operation_input(call->operation), request->body, ret_input);
    case PROTOCOL_QUERY:
    case PROTOCOL_EC2:
        return query_read(decoder, operation_input(call->operation), call->protocol == PROTOCOL_EC2, call->form,
                          ret_input);
    case PROTOCOL_REST_JSON:
        return rest_read(decoder, call->operation, request, ret_input);
    case PROTOCOL_CBOR:
        return wire_cbor_read(decoder, operation_input(call->operation), request->body, ret_input);
    case PROTOCOL_REST_XML:
        break;
    }
    return fail_status(decoder->f, 415, "UnsupportedMediaTypeException", "This protocol is not served");
}

bool wire_decode(const struct wire_call *call, const struct wire_request *request, void *ret_input, struct arena *arena,
                 struct fail *f)
{
    const struct service_rules *rules = service_rules_of(call->service);
    struct decoder decoder = {.arena = arena, .rules = rules, .f = f};

    if (!decode(call, request, &decoder, ret_input))
        return false;
    if (!check_required(call, rules, ret_input, f))
        return false;
    if (value_check_input(operation_input(call->operation), ret_input, &decoder.unknown, f))
        return true;
    service_rules_apply(rules, f);
    return false;
}

/* <OperationResponse><OperationResult>...</OperationResult><ResponseMetadata>... */
static void encode_query(const struct wire_call *call, const void *output, struct str request_id, struct buf *out)
{
    const struct operation *operation = call->operation;

    buf_printf(out, "<%sResponse xmlns=\"%s\">", operation_name(operation),
               service_xml_namespace(operation_service(operation)));
    if (operation_result_wrapper(operation) != NULL) {
        xml_open(operation_result_wrapper(operation), out);
        xml_write_members(operation_output(operation), output, /* ec2= */ false, out);
        xml_close(operation_result_wrapper(operation), out);
    }
    xml_open("ResponseMetadata", out);
    xml_write_text("RequestId", request_id, out);
    xml_close("ResponseMetadata", out);
    buf_printf(out, "</%sResponse>", operation_name(operation));
}

static void encode_ec2(const struct wire_call *call, const void *output, struct str request_id, struct buf *out)
{
    const struct operation *operation = call->operation;

    buf_printf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<%sResponse xmlns=\"%s/\">", operation_name(operation),
               service_xml_namespace(operation_service(operation)));
    xml_write_text("requestId", request_id, out);
    xml_write_members(operation_output(operation), output, /* ec2= */ true, out);
    buf_printf(out, "</%sResponse>", operation_name(operation));
}

void wire_encode(const struct wire_call *call, const void *output, struct str request_id, struct arena *arena,
                 struct wire_reply *ret_reply)
{
    uint16_t status = call->operation->success_status;

    (void)arena;
    wire_reply_start(call, status == 0 ? 200 : status, request_id, ret_reply);
    switch (call->protocol) {
    case PROTOCOL_JSON:
        wire_json_write(operation_output(call->operation), output, &ret_reply->body);
        return;
    case PROTOCOL_QUERY:
        encode_query(call, output, request_id, &ret_reply->body);
        return;
    case PROTOCOL_EC2:
        encode_ec2(call, output, request_id, &ret_reply->body);
        return;
    case PROTOCOL_REST_JSON:
        if (ret_reply->status != 204)
            wire_json_write(operation_output(call->operation), output, &ret_reply->body);
        return;
    case PROTOCOL_CBOR:
        wire_cbor_write(operation_output(call->operation), output, &ret_reply->body);
        return;
    case PROTOCOL_REST_XML:
        break;
    }
    must(call->protocol != PROTOCOL_REST_XML); /* no such call passes wire_decode */
}

void wire_to_json(const struct shape *structure, const void *value, struct buf *out)
{
    wire_json_write(structure, value, out);
}

bool wire_from_json(const struct shape *structure, struct str text, void *ret_value, struct arena *arena,
                    struct fail *f)
{
    struct decoder decoder = {.arena = arena, .rules = service_rules_of(NULL), .f = f};

    if (!wire_json_read(&decoder, structure, text, ret_value)) {
        f->code = FAIL_INPUT;
        return false;
    }
    if (decoder.unknown.count > 0)
        return fail(f, FAIL_INPUT, "unknown value '%.*s'", STR_ARG(decoder.unknown.names[0]));
    return true;
}
