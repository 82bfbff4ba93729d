#include "node/logs/utf8.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define BAD "\xef\xbf\xbd"

static void invalid_bytes_are_replaced(void **state)
{
    static const struct {
        const char *from;
        const char *to;
    } rows[] = {
        {"", ""},
        {"plain", "plain"},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"a\xff"
         "b",
         "a" BAD "b"},
        {"\xc3", BAD},
        {"\xe2\x82", BAD BAD},
        {"\xc0\xaf", BAD BAD},         /* overlong */
        {"\xe0\x80\xaf", BAD BAD BAD}, /* overlong */
        {"\xed\xa0\x80", BAD BAD BAD}, /* a surrogate */
        {"\xf4\x90\x80\x80", BAD BAD BAD BAD},
        {"\xc3(", BAD "("},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        auto_buf out = {0};

        utf8_repair(str_of(rows[i].from), &out);
        if (!str_is(buf_str(&out), rows[i].to))
            fail_msg("row %zu", i);
    }
}

static void a_cut_keeps_characters_whole(void **state)
{
    static const struct {
        const char *text;
        size_t max;
        size_t cut;
    } rows[] = {{"abc", 5, 3},
                {"abc", 2, 2},
                {"a\xc3\xa9", 2, 1},
                {"a\xc3\xa9", 3, 3},
                {"\xf0\x9f\x98\x80", 3, 0},
                {"x\xf0\x9f\x98\x80y", 5, 5},
                {"", 3, 0}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(utf8_cut(str_of(rows[i].text), rows[i].max), rows[i].cut);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(invalid_bytes_are_replaced),
                                       cmocka_unit_test(a_cut_keeps_characters_whole)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
