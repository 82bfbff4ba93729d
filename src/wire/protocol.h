/* The AWS wire protocols: bytes to the struct of an operation's input, the struct of its output to bytes. One codec a
 * protocol, all driven by shape tables; a quirk of a service is a column of a table (service_rules.c), never an `if` in
 * a handler.
 *
 * A request's way: sigv4_parse -> wire_route -> sigv4_verify -> wire_decode -> handler -> wire_encode, or at any
 * failure wire_encode_error with what wire_route found out. A body in Content-Encoding: gzip goes through wire_inflate
 * before wire_route; its signature is that of the body as sent.
 *
 * Sources: Smithy's specifications "AWS JSON 1.0/1.1 protocol", "AWS query protocol", "AWS EC2 query protocol", "AWS
 * restJson1 protocol", "Smithy RPC v2 CBOR protocol". Thread-safe: they touch nothing but their arguments. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/fail.h"
#include "model/shape.h"

struct http_header {
    struct str name;
    struct str value;
};

/* A request as it came: everything as sent, nothing decoded. */
struct wire_request {
    struct str method;
    struct str path;  /* up to "?", still percent-encoded */
    struct str query; /* behind "?", absent without */
    const struct http_header *headers;
    size_t header_count;
    struct str body;
};

/* The value of a header, absent when it was not sent; names compare without case; the first one counts. */
struct str wire_header(const struct wire_request *request, const char *name);

/* The body without its Content-Encoding: the same when there is none, inflated for gzip. limit: bytes of the result.
 * Fails with RequestEntityTooLarge, MalformedInput, UnsupportedMediaTypeException. */
checked bool wire_inflate(const struct wire_request *request, size_t limit, struct arena *arena, struct str *ret_body,
                          struct fail *f);

struct form;

/* Which operation a request asks for, and how it is put on the wire: a service may speak several protocols (CloudWatch
 * speaks three), so the request tells. */
struct wire_call {
    const struct service *service;     /* NULL: not known */
    const struct operation *operation; /* NULL: not known */
    enum protocol_kind protocol;
    bool query_mode;   /* x-amzn-query-mode: a JSON client that wants the query protocol's error codes as well */
    struct form *form; /* query protocols: the parameters, decoded; in the arena */
};

enum { WIRE_HEADERS_MAX = 16 };

struct wire_reply {
    uint16_t status;
    struct http_header headers[WIRE_HEADERS_MAX]; /* content-type, x-amzn-requestid, x-amzn-errortype ...; static or
                                                     in the arena of the call */
    size_t header_count;
    struct buf body; /* the caller frees it */
};

/* Which operation is asked for: X-Amz-Target, Action and Version in query or body, /service/S/operation/O, or method
 * and path of a REST service (`signing_name` from the credential scope tells those apart; it is absent in unsigned
 * requests). ret_call is written also on failure, with what could be found out, so that the error can be put in its
 * form. Fails with InvalidAction (UnknownOperationException in JSON), MissingAction, and with
 * SignatureDoesNotMatch when signing_name is not that of the service. */
checked bool wire_route(const struct service *const *services, size_t service_count, const struct wire_request *request,
                        struct str signing_name, struct arena *arena, struct wire_call *ret_call, struct fail *f);

/* Decodes into a zeroed struct of operation->input->size bytes and checks it (value_check). What the struct points to
 * is in the arena or in the request. Unknown members are ignored as AWS does; wrong types, malformed bodies, nesting
 * too deep and broken constraints fail with the error that the service gives: MalformedInput (SerializationException in
 * JSON), ValidationException, InvalidParameterException ... */
checked bool wire_decode(const struct wire_call *call, const struct wire_request *request, void *ret_input,
                         struct arena *arena, struct fail *f);

/* Encodes an answer. request_id goes into headers and bodies as the protocol has it. An answer that outgrows the body's
 * limit leaves reply->body.overflowed set: answer with wire_encode_error then. */
void wire_encode(const struct wire_call *call, const void *output, struct str request_id, struct arena *arena,
                 struct wire_reply *ret_reply);

/* Encodes an error. What is not known of the call is NULL: then the JSON form. error->type may be the query protocol's
 * name of an error that all services have (SignatureDoesNotMatch, AccessDenied, ValidationError, Throttling,
 * InternalFailure ...; the table is in errors.c): it goes out under the name and with the status that the service and
 * protocol have for it. A failure that is not FAIL_API is a fault of ours: InternalFailure (ServerException for ecs,
 * ecr) with HTTP 500 and a message that tells no secrets. */
void wire_encode_error(const struct wire_call *call, const struct fail *error, struct str request_id,
                       struct arena *arena, struct wire_reply *ret_reply);

/* A structure as a JSON text, and back: the same codec, for the host protocol and `--json` output. wire_from_json
 * zero-fills nothing: give it a zeroed struct; it fails with FAIL_INPUT. */
void wire_to_json(const struct shape *structure, const void *value, struct buf *out);
checked bool wire_from_json(const struct shape *structure, struct str text, void *ret_value, struct arena *arena,
                            struct fail *f);
