#include "node/session/command_words.h"

#include "base/must.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void commands_are_split(void **state)
{
    static const struct {
        const char *command;
        const char *words[5];
    } rows[] = {
        {"/bin/sh", {"/bin/sh"}},
        {"  ls \t -la\n", {"ls", "-la"}},
        {"sh -c 'echo \"a b\"; exit 3'", {"sh", "-c", "echo \"a b\"; exit 3"}},
        {"echo \"a \\\"b\\\" c\"", {"echo", "a \"b\" c"}},
        {"echo a\\ b '' \"\"", {"echo", "a b", "", ""}},
        {"echo 'a\\b'", {"echo", "a\\b"}},
        {"a'b'\"c\"d", {"abcd"}},
        {"ls # all\n-l", {"ls", "-l"}},
        {"echo a#b", {"echo", "a#b"}},
        {"echo $HOME && ls", {"echo", "$HOME", "&&", "ls"}},
        {"echo \\", {"echo", "\\"}},
    };
    struct arena arena;

    (void)state;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char **words;
        size_t count;
        struct fail f;

        assert_true(command_words(str_of(rows[i].command), &arena, &words, &count, &f));
        for (size_t k = 0; k < count; k++)
            assert_string_equal(words[k], rows[i].words[k]);
        assert_null(rows[i].words[count]);
        assert_null(words[count]);
    }
    arena_free(&arena);
}

static void what_is_no_command_is_refused(void **state)
{
    static const struct str rows[] = {STR_INIT(""),     STR_INIT("  "),      STR_INIT("# x"),
                                      STR_INIT("a 'b"), STR_INIT("\"a\\\""), STR_INIT("a\0b")};
    struct arena arena;

    (void)state;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char **words;
        size_t count;
        struct fail f;

        assert_false(command_words(rows[i], &arena, &words, &count, &f));
        assert_int_equal(f.code, FAIL_INPUT);
    }
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_split),
        cmocka_unit_test(what_is_no_command_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
