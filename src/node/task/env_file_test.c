/* What an environment file says, and in which order several count. */
#include "node/task/env_file.h"

#include "base/must.h"
#include "os/files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct arena arena;

static int begin(void **state)
{
    (void)state;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

/* The variables, one after the other with a bar between them. */
static struct str joined(const struct env_lines *lines)
{
    auto_buf text = {.ptr = NULL};

    for (size_t i = 0; i < lines->count; i++)
        buf_printf(&text, "%s%.*s", i == 0 ? "" : "|", STR_ARG(lines->items[i]));
    return arena_str(&arena, buf_str(&text));
}

static void files_are_read_as_docker_reads_them(void **state)
{
    static const struct {
        const char *text, *lines;
    } cases[] = {
        {"", ""},
        {"A=1", "A=1"},
        {"A=1\nB=2\n", "A=1|B=2"},
        {"A=1\r\nB=2\r\n", "A=1|B=2"},
        {"# a comment\n\n   \nA=1\n  # another\n", "A=1"},
        {"  A=1\n\tB=2", "A=1|B=2"},
        {"A=\"quoted\"\nB='x y'  ", "A=\"quoted\"|B='x y'  "},
        {"A=b=c#d", "A=b=c#d"},
        {"EMPTY=", "EMPTY="},
        {"TAKEN_FROM_NOWHERE\nA=1", "A=1"},
        {"\xef\xbb\xbf"
         "A=1",
         "A=1"},
        {"A=$B ${C} \\n", "A=$B ${C} \\n"},
        {"A=1\nA=2", "A=1|A=2"},
        {"A= leading", "A= leading"},
        {"\xc3\xa4=\xe2\x82\xac", "\xc3\xa4=\xe2\x82\xac"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct env_lines lines;
        struct fail f;

        assert_true(env_file_parse(str_of(cases[i].text), &arena, &lines, &f));
        assert_true(str_is(joined(&lines), cases[i].lines));
    }
}

static void what_is_no_environment_is_refused(void **state)
{
    static const struct {
        struct str text;
        const char *why;
    } cases[] = {
        {STR_INIT("A=1\n=2"), "line 2 has no variable name"},
        {STR_INIT("export A=secret"), "line 1 has a variable name with whitespace"},
        {STR_INIT("A =1"), "line 1 has a variable name with whitespace"},
        {STR_INIT("two words"), "line 1 has a variable name with whitespace"},
        {STR_INIT("A=1\nB=\xff"), "line 2 is not UTF-8 text"},
        {STR_INIT("A=1\0B=2"), "line 1 is not UTF-8 text"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct env_lines lines;
        struct fail f;

        assert_false(env_file_parse(cases[i].text, &arena, &lines, &f));
        assert_int_equal(f.code, FAIL_INPUT);
        assert_string_equal(f.message, cases[i].why);
    }
}

static void the_first_file_counts_most(void **state)
{
    struct ecs_environment_file two[2] = {{.value = {NULL, 0}}};
    const struct ecs_environment_files files = {two, 2};
    char directory[] = "/tmp/env_file_test-XXXXXX";
    struct env_lines lines;
    struct fail f;

    (void)state;
    assert_non_null(mkdtemp(directory));
    assert_true(file_replace(env_file_path(directory, 3, 0, &arena), STR("A=first\nB=1"), 0600, &f));
    assert_true(file_replace(env_file_path(directory, 3, 1, &arena), STR("A=second\nC=2"), 0600, &f));
    assert_true(env_files_read(directory, 3, &files, &arena, &lines, &f));
    assert_true(path_remove(directory, &f));
    assert_true(str_is(joined(&lines), "A=second|C=2|A=first|B=1"));
    assert_false(env_files_read(directory, 3, &files, &arena, &lines, &f)); /* gone: its restart fails */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_read_as_docker_reads_them),
        cmocka_unit_test(what_is_no_environment_is_refused),
        cmocka_unit_test(the_first_file_counts_most),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
