#include "plane/logs/json_text.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void good_text_is_read_and_bad_is_not(void **state)
{
    static const struct {
        const char *text;
        bool good;
        enum json_kind kind;
    } rows[] = {
        {"{}", true, JSON_OBJECT},
        {" [ ] \n", true, JSON_ARRAY},
        {"{\"a\":{\"b\":[1,2,{\"c\":null}]},\"d\":\"x\"}", true, JSON_OBJECT},
        {"[true,false,null,-0.5e+10,0,1E5]", true, JSON_ARRAY},
        {"\"text\"", true, JSON_STRING},
        {"12", true, JSON_NUMBER},
        {"null", true, JSON_NULL},
        {"\"\\u00e9\\n\\\\\"", true, JSON_STRING},
        {"", false, JSON_NULL},
        {"{", false, JSON_NULL},
        {"{]", false, JSON_NULL},
        {"[1,]", false, JSON_NULL},
        {"{\"a\":1,}", false, JSON_NULL},
        {"{\"a\" 1}", false, JSON_NULL},
        {"{a:1}", false, JSON_NULL},
        {"[1 2]", false, JSON_NULL},
        {"01", false, JSON_NULL},
        {"1.", false, JSON_NULL},
        {"-", false, JSON_NULL},
        {"1e", false, JSON_NULL},
        {"nul", false, JSON_NULL},
        {"{} x", false, JSON_NULL},
        {"\"\\x\"", false, JSON_NULL},
        {"\"\\u12g4\"", false, JSON_NULL},
        {"\"a\nb\"", false, JSON_NULL},
        {"\"open", false, JSON_NULL},
        {"{\"a\":\"\x1c"
         "1}",
         false, JSON_NULL},
        {"\"\x01"
         "null",
         false, JSON_NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct json_value root;
        bool good = json_text_read(str_of(rows[i].text), &root);

        if (good != rows[i].good || (good && root.kind != rows[i].kind))
            fail_msg("%s", rows[i].text);
    }
}

static void depth_is_bounded(void **state)
{
    char text[2 * JSON_DEPTH_MAX + 3];
    struct json_value root;

    (void)state;
    for (size_t depth = JSON_DEPTH_MAX; depth <= JSON_DEPTH_MAX + 1; depth++) {
        (void)memset(text, '[', depth);
        (void)memset(text + depth, ']', depth);
        assert_int_equal(json_text_read((struct str){text, 2 * depth}, &root), depth == JSON_DEPTH_MAX);
    }
}

static void a_walk_gives_every_member(void **state)
{
    static const char *const keys[] = {"\"a\"", "\"b\"", "\"c\"", "\"d\"", "\"e\""};
    static const char *const values[] = {"1", "\"x,]}\"", "[1,{\"z\":2}]", "{ }", "null"};
    struct json_value root;
    struct json_value value;
    struct json_text_walk walk;
    struct str key;
    size_t i = 0;

    (void)state;
    assert_true(json_text_read(STR(" {\"a\" : 1 , \"b\":\"x,]}\",\"c\":[1,{\"z\":2}] ,\"d\":{ },\"e\":null }"), &root));
    for (walk = json_text_walk(root); json_text_next(&walk, &key, &value); i++) {
        assert_true(i < COUNT_OF(keys));
        assert_true(str_is(key, keys[i]));
        assert_true(str_is(value.raw, values[i]));
    }
    assert_int_equal(i, COUNT_OF(keys));
    assert_true(json_text_read(STR("[ 1 ,2,[3]]"), &root));
    for (i = 0, walk = json_text_walk(root); json_text_next(&walk, &key, &value); i++)
        assert_null(key.ptr);
    assert_int_equal(i, 3);
}

static void strings_lose_their_escapes(void **state)
{
    static const struct {
        const char *raw;
        const char *text;
    } rows[] = {
        {"\"\"", ""},
        {"\"plain\"", "plain"},
        {"\"a\\\"b\\\\c\\/d\\n\\t\"", "a\"b\\c/d\n\t"},
        {"\"\\u0041\\u00e9\\u20ac\"", "A\xc3\xa9\xe2\x82\xac"},
        {"\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80"},
        {"\"\\ud83dx\\ude00\"", "\xef\xbf\xbdx\xef\xbf\xbd"},
        {"\"\\ud83d\\u0041\"", "\xef\xbf\xbd"
                               "A"},
    };
    char room[64];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct str raw = str_of(rows[i].raw);

        assert_true(str_is(json_text_string(raw, room), rows[i].text));
        assert_true(json_text_string_is(raw, str_of(rows[i].text)));
        assert_false(json_text_string_is(raw, STR("other")));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_text_is_read_and_bad_is_not),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(a_walk_gives_every_member),
        cmocka_unit_test(strings_lose_their_escapes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
