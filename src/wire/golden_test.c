/* What real clients send (tests/corpus/wire), through route and decode; and what we answer, byte by byte. */
#include "model/interpret.h"
#include "model/services.h"
#include "wire/http_text.h"
#include "wire/sigv4.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Routes and decodes a capture, and shows it as "Operation {input}\n", as its .input file has it. */
static void show(struct http_text *http, struct arena *arena, struct buf *ret_text)
{
    struct sigv4_claim claim;
    struct wire_call call = {0};
    struct fail f = {0};
    bool present;
    void *input;

    if (!sigv4_parse(&http->request, arena, &present, &claim, &f) ||
        !wire_route(services, SERVICES_ANSWERED, &http->request, claim.service, arena, &call, &f)) {
        fail_msg("%s: %s", f.type, f.message);
        return; /* fail_msg does not, but clang-tidy cannot know */
    }
    input = arena_alloc(arena, operation_input(call.operation)->size);
    if (!wire_decode(&call, &http->request, input, arena, &f))
        fail_msg("%s: %s", f.type, f.message);
    buf_printf(ret_text, "%s ", operation_name(call.operation));
    value_dump(operation_input(call.operation), input, ret_text);
    buf_add_cstr(ret_text, "\n");
}

static void what_the_clients_send_is_understood(void **state)
{
    DIR *folder = opendir(getenv("BERTH_CORPUS_WIRE"));
    size_t count = 0;

    (void)state;
    assert_non_null(folder);
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        struct str name = str_of(entry->d_name);
        struct http_text http = {0};
        struct arena arena;
        auto_buf text = {0};
        struct str expected;

        if (!str_ends(name, STR(".input")))
            continue;
        arena_init(&arena, ARENA_LIMIT_DEFAULT);
        expected = http_text_file(name.ptr, &arena);
        name = arena_printf(&arena, "%.*s.http", (int)(name.len - 6), name.ptr);
        assert_true(http_text_parse(http_text_file(name.ptr, &arena), &http));
        show(&http, &arena, &text);
        if (!str_eq(buf_str(&text), expected))
            fail_msg("%s: %.*s", name.ptr, STR_ARG(buf_str(&text)));
        arena_free(&arena);
        count++;
    }
    (void)closedir(folder);
    assert_true(count >= 33);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_clients_send_is_understood),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
