/* Arbitrary requests: parse the signature, verify it, route, decode, and encode whatever error comes of it. */
#include "base/must.h"
#include "model/services.h"
#include "wire/http_text.h"
#include "wire/sigv4.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool handle(const struct wire_request *request, struct arena *arena, struct wire_call *call, struct fail *f)
{
    struct sigv4_claim claim = {0};
    struct sigv4_key key;
    bool present;
    void *input;

    if (!sigv4_parse(request, arena, &present, &claim, f))
        return false;
    if (!wire_route(services, SERVICES_ANSWERED, request, present ? claim.service : (struct str){NULL, 0}, arena, call,
                    f))
        return false;
    if (present) {
        struct fail refused = {0};

        sigv4_derive_key(&claim, STR("berth/wire+test=secret"), &key);
        if (!sigv4_verify(&claim, request, &key, claim.when_ms, arena, &refused))
            must(refused.code == FAIL_API);
    }
    input = arena_alloc(arena, operation_input(call->operation)->size);
    return wire_decode(call, request, input, arena, f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_text http = {0};
    struct wire_call call = {0};
    struct wire_reply reply;
    struct arena arena;
    struct fail f = {0};

    if (!http_text_parse((struct str){(const char *)data, size}, &http))
        return 0;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    if (!handle(&http.request, &arena, &call, &f)) {
        must(f.code == FAIL_API && f.type != NULL);
        wire_encode_error(&call, &f, STR("id"), &arena, &reply);
        must(reply.status >= 400 && reply.body.len > 0);
        buf_free(&reply.body);
    }
    arena_free(&arena);
    return 0;
}
