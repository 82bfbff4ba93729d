/* The C half of botocore_test.py.
 *
 *   replies SEED   writes a made-up answer and a made-up error of every operation in every protocol, a line each:
 *                  service, protocol, operation, status, headers, body, what was encoded
 *   requests       reads lines of service, method, target, headers, body, and writes for each what was understood
 *
 * Fields are separated by tabs; headers ("name: value" lines) and bodies are in base64. */
#include "model/interpret.h"
#include "model/services.h"
#include "model/value_random.h"
#include "wire/base64.h"
#include "wire/http_text.h"

static void print_base64(struct str bytes)
{
    auto_buf text = {0};

    base64_encode(bytes, &text);
    printf("\t%.*s", STR_ARG(buf_str(&text)));
}

static void print_reply(const struct wire_call *call, const struct wire_reply *reply, struct str what)
{
    auto_buf headers = {0};

    for (size_t i = 0; i < reply->header_count; i++)
        buf_printf(&headers, "%.*s: %.*s\n", STR_ARG(reply->headers[i].name), STR_ARG(reply->headers[i].value));
    printf("%s\t%d\t%s\t%d", service_id(call->service), (int)call->protocol, operation_name(call->operation),
           reply->status);
    print_base64(buf_str(&headers));
    print_base64(buf_str(&reply->body));
    printf("\t%.*s\n", STR_ARG(what));
}

static void answer(struct random *random, const struct wire_call *call)
{
    const struct operation *operation = call->operation;
    struct wire_reply reply;
    struct arena arena;
    auto_buf dump = {0};
    void *output;

    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    output = arena_alloc(&arena, operation_output(operation)->size);
    value_fill(operation_output(operation), output, random, /* depth= */ 6, &arena);
    value_dump(operation_output(operation), output, &dump);
    wire_encode(call, output, STR("request-1"), &arena, &reply);
    print_reply(call, &reply, buf_str(&dump));
    buf_free(&reply.body);
    arena_free(&arena);
}

static void answer_error(const struct wire_call *call, const char *type)
{
    struct wire_reply reply;
    struct arena arena;
    struct fail f;

    if (fail_api(&f, type, "it <failed> & \"why\""))
        return;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    wire_encode_error(call, &f, STR("request-1"), &arena, &reply);
    print_reply(call, &reply, str_of(type));
    buf_free(&reply.body);
    arena_free(&arena);
}

static void write_replies(uint64_t seed)
{
    struct random random;

    random_seed(&random, seed);
    for (size_t i = 0; i < SERVICES_ANSWERED; i++) {
        for (size_t at = 0; at < services[i]->operation_count; at++) {
            const struct operation *operation = &service_operations(services[i])[at];

            for (unsigned protocol = 0; protocol <= PROTOCOL_CBOR; protocol++) {
                struct wire_call call = {.service = services[i], .operation = operation, .protocol = protocol};

                if ((services[i]->protocols & 1U << protocol) == 0)
                    continue;
                answer(&random, &call);
                answer_error(&call,
                             operation->error_count > 0 ? shape_name(operation_error(operation, 0)) : "AccessDenied");
            }
        }
    }
}

static struct str take_base64(struct str *line, struct arena *arena)
{
    struct str raw = {NULL, 0};

    if (!base64_decode(str_trim(str_cut(*line, '\t', line)), arena, &raw))
        exit(2);
    return raw;
}

static const struct service *find_service(struct str id)
{
    for (size_t i = 0; i < SERVICES_ANSWERED; i++)
        if (str_is(id, service_id(services[i])))
            return services[i];
    exit(2);
}

/* Patterns and bounds, which made-up values do not fit; in EC2's words "Value (...) for parameter ... is invalid." */
static bool is_broken_constraint(const struct fail *f)
{
    return strstr(f->message, "failed to satisfy") != NULL || strstr(f->message, ") for parameter ") != NULL;
}

/* A constraint that is broken still leaves the decoded input. */
static void read_request(struct str line, struct arena *arena)
{
    struct http_text http = {0};
    const struct service *service = find_service(str_cut(line, '\t', &line));
    struct str head = take_base64(&line, arena);
    struct wire_call call;
    auto_buf dump = {0};
    struct fail f = {0};
    void *input;

    if (!http_text_parse(head, &http))
        exit(2);
    if (!wire_route(services, SERVICES_ANSWERED, &http.request, str_of(service_signing_name(service)), arena, &call,
                    &f)) {
        printf("%s: %s\n", f.type, f.message);
        return;
    }
    input = arena_alloc(arena, operation_input(call.operation)->size);
    if (!wire_decode(&call, &http.request, input, arena, &f) && !is_broken_constraint(&f)) {
        printf("%s: %s: %s\n", operation_name(call.operation), f.type, f.message);
        return;
    }
    value_dump(operation_input(call.operation), input, &dump);
    printf("%s %s %.*s\n", service_id(call.service), operation_name(call.operation), STR_ARG(buf_str(&dump)));
}

static void read_requests(void)
{
    auto_free char *line = NULL;
    size_t size = 0;
    ssize_t len;

    while ((len = getline(&line, &size, stdin)) > 0) {
        struct arena arena;

        arena_init(&arena, ARENA_LIMIT_DEFAULT);
        read_request((struct str){line, (size_t)len}, &arena);
        arena_free(&arena);
    }
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "replies") == 0)
        write_replies(strtoull(argv[2], NULL, 10));
    else
        read_requests();
    return 0;
}
