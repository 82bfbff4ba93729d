/* Arbitrary bodies through one codec, chosen when compiling: FUZZ_PROTOCOL is PROTOCOL_JSON, _QUERY, _EC2, _REST_JSON
 * or _CBOR. The input's first line is "service operation", for REST with the target behind; the rest is the body.
 *
 * What was decoded must be the same after it was encoded and decoded once more. */
#include "base/must.h"
#include "model/interpret.h"
#include "model/services.h"
#include "wire/cbor.h"
#include "wire/form.h"
#include "wire/json.h"
#include "wire/protocol.h"
#include "wire/service_rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool find_call(struct str line, struct wire_call *ret_call, struct str *ret_target)
{
    struct str id = str_cut(line, ' ', &line);
    struct str name = str_cut(line, ' ', ret_target);

    for (size_t i = 0; i < SERVICES_ANSWERED; i++) {
        const struct operation *operation;

        if (!str_is(id, service_id(services[i])) || (services[i]->protocols & 1U << FUZZ_PROTOCOL) == 0)
            continue;
        operation = service_operation(services[i], name);
        if (operation == NULL)
            return false;
        *ret_call = (struct wire_call){.service = services[i], .operation = operation, .protocol = FUZZ_PROTOCOL};
        return true;
    }
    return false;
}

/* NaN is not equal to itself, so the second and third writing are compared, not the values. */
static void check_again(const struct wire_call *call, const void *input, struct arena *arena)
{
    const struct shape *shape = operation_input(call->operation);
    bool cbor = call->protocol == PROTOCOL_CBOR;
    auto_buf first = {0};
    auto_buf second = {0};
    struct fail f;
    struct decoder decoder = {.arena = arena, .rules = service_rules_of(call->service), .f = &f};
    void *again = arena_alloc(arena, shape->size);

    if (cbor)
        wire_cbor_write(shape, input, &first);
    else
        wire_json_write(shape, input, &first);
    must(cbor ? wire_cbor_read(&decoder, shape, buf_str(&first), again)
              : wire_json_read(&decoder, shape, buf_str(&first), again));
    if (cbor)
        wire_cbor_write(shape, again, &second);
    else
        wire_json_write(shape, again, &second);
    must(str_eq(buf_str(&first), buf_str(&second)));
}

static void check(struct wire_call *call, const struct wire_request *request, struct arena *arena)
{
    void *input = arena_alloc(arena, operation_input(call->operation)->size);
    struct form form;
    struct fail f = {0};

    if (call->protocol == PROTOCOL_QUERY || call->protocol == PROTOCOL_EC2) {
        if (!form_decode(request->body, arena, &form, &f))
            return;
        call->form = &form;
    }
    if (wire_decode(call, request, input, arena, &f))
        check_again(call, input, arena);
    else
        must(f.code == FAIL_API && f.type != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str body = {(const char *)data, size};
    struct str line = str_cut(body, '\n', &body);
    struct wire_request request = {.method = STR("POST")};
    struct wire_call call;
    struct arena arena;
    struct str target;

    if (body.ptr == NULL || !find_call(line, &call, &target))
        return 0;
    request.path = str_cut(target, '?', &request.query);
    request.body = body;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    check(&call, &request, &arena);
    arena_free(&arena);
    return 0;
}
