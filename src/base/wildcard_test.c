#include "base/wildcard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void patterns_match(void **state)
{
    static const struct {
        const char *pattern, *text;
        bool matches;
    } rows[] = {
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"*", "abc", true},
        {"a", "a", true},
        {"a", "ab", false},
        {"a*", "a", true},
        {"*b", "aab", true},
        {"*b", "aba", false},
        {"a*c", "abc", true},
        {"a*c", "abcd", false},
        {"a*b*c", "aXbYbZc", true},
        {"*ab*", "aaab", true},
        {"?", "", false},
        {"?", "a", true},
        {"a?c", "abc", true},
        {"a?c", "ac", false},
        {"\\*", "*", true},
        {"\\*", "a", false},
        {"\\?", "?", true},
        {"\\?", "a", false},
        {"\\\\", "\\", true},
        {"a\\", "a\\", true},
        {"prod-*", "prod-1", true},
        {"prod-*", "dev-1", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(wildcard_matches(str_of(rows[i].pattern), str_of(rows[i].text)), rows[i].matches);
}

/* A matcher that recurses at every star would not come back from this. */
static void many_stars_do_not_take_long(void **state)
{
    char pattern[61];
    char text[4001];

    (void)state;
    for (size_t i = 0; i < 60; i += 2) {
        pattern[i] = '*';
        pattern[i + 1] = 'a';
    }
    pattern[60] = 'b';
    memset(text, 'a', sizeof(text));
    assert_false(wildcard_matches((struct str){pattern, sizeof(pattern)}, (struct str){text, sizeof(text)}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_match),
        cmocka_unit_test(many_stars_do_not_take_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
