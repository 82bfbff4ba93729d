/* Which service and operation a request asks for. */
#include "wire/form.h"
#include "wire/protocol.h"
#include "wire/rest.h"

/* Everything the routes look at. */
struct routing {
    const struct service *const *services;
    size_t service_count;
    const struct wire_request *request;
    struct str signing_name; /* absent: unsigned */
    struct arena *arena;
    struct fail *f;
};

static bool speaks(const struct service *service, enum protocol_kind protocol)
{
    return (service->protocols & 1U << protocol) != 0;
}

static bool unknown_operation(struct fail *f)
{
    return fail_api(f, "InvalidAction", "The requested operation is not known to this service");
}

/* Smithy RPC v2 CBOR: /service/NAME/operation/NAME, with the target prefix as the service's name. */
static bool route_cbor(const struct routing *routing, struct wire_call *call)
{
    struct str rest = str_from(routing->request->path, sizeof("/service/") - 1);
    struct str name = str_cut(rest, '/', &rest);

    call->protocol = PROTOCOL_CBOR;
    if (!str_is(str_cut(rest, '/', &rest), "operation"))
        return unknown_operation(routing->f);
    for (size_t i = 0; i < routing->service_count; i++) {
        const struct service *service = routing->services[i];

        if (speaks(service, PROTOCOL_CBOR) && str_is(name, service_target_prefix(service)))
            call->service = service;
    }
    if (call->service != NULL && rest.ptr != NULL)
        call->operation = service_operation(call->service, rest);
    return call->operation != NULL || unknown_operation(routing->f);
}

/* X-Amz-Target: PREFIX.Operation */
static bool route_target(const struct routing *routing, struct str target, struct wire_call *call)
{
    size_t dot = str_find_last(target, '.');

    call->protocol = PROTOCOL_JSON;
    if (dot == target.len)
        return unknown_operation(routing->f);
    for (size_t i = 0; i < routing->service_count; i++) {
        const struct service *service = routing->services[i];

        if (speaks(service, PROTOCOL_JSON) && str_is(str_to(target, dot), service_target_prefix(service)))
            call->service = service;
    }
    if (call->service != NULL)
        call->operation = service_operation(call->service, str_from(target, dot + 1));
    return call->operation != NULL || unknown_operation(routing->f);
}

/* The most specific operation of a REST service whose method and path fit, NULL for none. */
static const struct operation *match_path(const struct service *service, const struct wire_request *request)
{
    const struct operation *best = NULL;
    size_t best_fit = 0;

    for (size_t i = 0; i < service->operation_count; i++) {
        const struct operation *operation = &service_operations(service)[i];
        size_t fit = str_is(request->method, operation_http_method(operation))
                         ? rest_match(operation_uri(operation), request->path)
                         : 0;

        if (fit > best_fit) {
            best_fit = fit;
            best = operation;
        }
    }
    return best;
}

/* By the signing name, or for unsigned requests by the path alone. false, with nothing written, when it is not for a
 * REST service. */
static bool find_rest(const struct routing *routing, struct wire_call *call)
{
    for (size_t i = 0; i < routing->service_count; i++) {
        const struct service *service = routing->services[i];
        bool named = str_is(routing->signing_name, service_signing_name(service));
        const struct operation *operation;

        if (!speaks(service, PROTOCOL_REST_JSON) || (routing->signing_name.ptr != NULL && !named))
            continue;
        operation = match_path(service, routing->request);
        if (operation == NULL && !named)
            continue;
        *call = (struct wire_call){.service = service, .operation = operation, .protocol = PROTOCOL_REST_JSON};
        return true;
    }
    return false;
}

/* Parameters of the query string, then those of the body. */
static bool read_form(const struct routing *routing, struct form **ret_form)
{
    struct form *form = arena_try(routing->arena, sizeof(*form));
    struct form parts[2];
    size_t count;

    if (form == NULL || !form_decode(routing->request->query, routing->arena, &parts[0], routing->f) ||
        !form_decode(routing->request->body, routing->arena, &parts[1], routing->f))
        return false;
    count = parts[0].count + parts[1].count;
    form->pairs = arena_try(routing->arena, count * sizeof(*form->pairs));
    if (form->pairs == NULL)
        return fail_status(routing->f, 413, "RequestEntityTooLarge", "The request has too many parameters");
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        memcpy(form->pairs + form->count, parts[i].pairs, parts[i].count * sizeof(*form->pairs));
        form->count += parts[i].count;
    }
    *ret_form = form;
    return true;
}

/* The service that is signed for, in the version asked for; several services share the name elasticloadbalancing. */
static void find_query_service(const struct routing *routing, struct str version, struct wire_call *call)
{
    for (size_t i = 0; i < routing->service_count; i++) {
        const struct service *service = routing->services[i];
        bool ec2 = speaks(service, PROTOCOL_EC2);
        bool fits = str_is(version, service_api_version(service));

        if (!ec2 && !speaks(service, PROTOCOL_QUERY))
            continue;
        if (routing->signing_name.ptr != NULL && !str_is(routing->signing_name, service_signing_name(service)))
            continue;
        if (!fits && (call->service != NULL || routing->signing_name.ptr == NULL))
            continue;
        call->service = service;
        call->protocol = ec2 ? PROTOCOL_EC2 : PROTOCOL_QUERY;
        if (fits)
            return;
    }
}

/* Action and Version. */
static bool route_query(const struct routing *routing, struct wire_call *call)
{
    struct str action;
    struct str version;

    call->protocol = PROTOCOL_QUERY;
    if (!read_form(routing, &call->form))
        return false;
    action = form_get(call->form, "Action");
    version = form_get(call->form, "Version");
    find_query_service(routing, version, call);
    if (action.len == 0)
        return fail_api(routing->f, call->protocol == PROTOCOL_EC2 ? "MissingParameter" : "MissingAction",
                        "The request must contain the parameter Action");
    if (call->service != NULL && (version.ptr == NULL || str_is(version, service_api_version(call->service))))
        call->operation = service_operation(call->service, action);
    if (call->operation != NULL)
        return true;
    if (call->protocol == PROTOCOL_EC2)
        return fail_api(routing->f, "InvalidAction", "The action %.*s is not valid for this web service.",
                        STR_ARG(action));
    return fail_api(routing->f, "InvalidAction", "Could not find operation %.*s for version %.*s", STR_ARG(action),
                    STR_ARG(version));
}

/* IAM user guide, "Troubleshoot Signature Version 4": the scope must name the service that is called. */
static bool check_scope(const struct routing *routing, const struct wire_call *call)
{
    if (routing->signing_name.ptr == NULL || str_is(routing->signing_name, service_signing_name(call->service)))
        return true;
    return fail_api(routing->f, "SignatureDoesNotMatch", "Credential should be scoped to correct service: '%s'.",
                    service_signing_name(call->service));
}

static bool route(const struct routing *routing, struct wire_call *call)
{
    struct str target = wire_header(routing->request, "x-amz-target");

    if (str_starts(routing->request->path, STR("/service/")))
        return route_cbor(routing, call);
    if (target.ptr != NULL)
        return route_target(routing, str_trim(target), call);
    if (find_rest(routing, call))
        return call->operation != NULL || unknown_operation(routing->f);
    if (routing->request->path.len <= 1)
        return route_query(routing, call);
    return unknown_operation(routing->f);
}

/* What a request to a service that is not here says about itself would only mislead ("aws s3 ls": no Action). */
static bool is_elsewhere(const struct routing *routing)
{
    for (size_t i = 0; i < routing->service_count; i++)
        if (str_is(routing->signing_name, service_signing_name(routing->services[i])))
            return false;
    return routing->signing_name.ptr != NULL;
}

bool wire_route(const struct service *const *services, size_t service_count, const struct wire_request *request,
                struct str signing_name, struct arena *arena, struct wire_call *ret_call, struct fail *f)
{
    const struct routing routing = {services, service_count, request, signing_name, arena, f};
    bool good;

    *ret_call = (struct wire_call){.query_mode =
                                       str_eq_nocase(str_trim(wire_header(request, "x-amzn-query-mode")), STR("true"))};
    good = route(&routing, ret_call);
    if (!good && is_elsewhere(&routing))
        return fail_status(f, 501, "UnsupportedOperation",
                           "Berth does not serve %.*s; docs/compatibility.md lists what it does.",
                           STR_ARG(signing_name));
    return good && check_scope(&routing, ret_call);
}
