/* Event patterns: the examples of the user guide, and what is refused. */
#include "plane/events/event_pattern.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* "Example events and event patterns", shortened. */
#define TASK                                                                                                           \
    "{\"source\":\"aws.ecs\",\"detail-type\":\"ECS Task State Change\",\"resources\":[\"arn:a\",\"arn:b\"],"           \
    "\"detail\":{\"lastStatus\":\"STOPPED\",\"version\":7,\"size\":3.5,\"ok\":true,\"none\":null,\"empty\":\"\","      \
    "\"nothing\":[],\"ip\":\"10.0.0.17\",\"ip6\":\"2001:db8::1\",\"path\":\"dir/sub/file.PNG\","                       \
    "\"cont\\u0061iners\":[{\"name\":\"a\",\"exitCode\":0},{\"name\":\"b\",\"exitCode\":1}]}}"

static const struct {
    const char *pattern;
    bool matches;
} cases[] = {
    {"{\"source\":[\"aws.ecs\"]}", true},
    {"{\"source\":[\"aws.ec2\"]}", false},
    {"{\"source\":[\"AWS.ECS\"]}", false},
    {"{\"source\":[\"aws.ec2\",\"aws.ecs\"],\"detail\":{\"lastStatus\":[\"STOPPED\"]}}", true},
    {"{\"source\":[\"aws.ecs\"],\"detail\":{\"lastStatus\":[\"RUNNING\"]}}", false},
    {"{\"resources\":[\"arn:b\"]}", true},
    {"{\"resources\":[\"arn:c\"]}", false},
    {"{\"account\":[\"1\"]}", false},
    {"{\"detail\":{\"version\":[7]}}", true},
    {"{\"detail\":{\"version\":[7.0]}}", false},
    {"{\"detail\":{\"version\":[\"7\"]}}", false},
    {"{\"detail\":{\"ok\":[true]}}", true},
    {"{\"detail\":{\"ok\":[false]}}", false},
    {"{\"detail\":{\"none\":[null]}}", true},
    {"{\"detail\":{\"empty\":[\"\"]}}", true},
    {"{\"detail\":{\"empty\":[null]}}", false},
    /* prefix, suffix, without regard to case */
    {"{\"source\":[{\"prefix\":\"aws.\"}]}", true},
    {"{\"source\":[{\"prefix\":\"AWS.\"}]}", false},
    {"{\"source\":[{\"prefix\":{\"equals-ignore-case\":\"AWS.\"}}]}", true},
    {"{\"detail\":{\"path\":[{\"suffix\":\".PNG\"}]}}", true},
    {"{\"detail\":{\"path\":[{\"suffix\":\".png\"}]}}", false},
    {"{\"detail\":{\"path\":[{\"suffix\":{\"equals-ignore-case\":\".png\"}}]}}", true},
    {"{\"detail\":{\"lastStatus\":[{\"equals-ignore-case\":\"stopped\"}]}}", true},
    {"{\"detail\":{\"lastStatus\":[{\"equals-ignore-case\":\"stoppe\"}]}}", false},
    /* wildcards */
    {"{\"detail\":{\"path\":[{\"wildcard\":\"dir/*/file.*\"}]}}", true},
    {"{\"detail\":{\"path\":[{\"wildcard\":\"*.gif\"}]}}", false},
    {"{\"detail\":{\"path\":[{\"wildcard\":\"dir/sub/file.PN?\"}]}}", false},
    {"{\"detail\":{\"path\":[{\"wildcard\":\"dir\\\\*\"}]}}", false},
    /* anything but */
    {"{\"detail\":{\"lastStatus\":[{\"anything-but\":\"STOPPED\"}]}}", false},
    {"{\"detail\":{\"lastStatus\":[{\"anything-but\":\"RUNNING\"}]}}", true},
    {"{\"detail\":{\"lastStatus\":[{\"anything-but\":[\"RUNNING\",\"PENDING\"]}]}}", true},
    {"{\"detail\":{\"lastStatus\":[{\"anything-but\":[\"STOPPED\",\"PENDING\"]}]}}", false},
    {"{\"detail\":{\"version\":[{\"anything-but\":[7,8]}]}}", false},
    {"{\"detail\":{\"lastStatus\":[{\"anything-but\":{\"prefix\":\"STOP\"}}]}}", false},
    {"{\"detail\":{\"lastStatus\":[{\"anything-but\":{\"prefix\":[\"RUN\",\"PEND\"]}}]}}", true},
    {"{\"detail\":{\"path\":[{\"anything-but\":{\"suffix\":\".PNG\"}}]}}", false},
    {"{\"detail\":{\"lastStatus\":[{\"anything-but\":{\"equals-ignore-case\":[\"stopped\"]}}]}}", false},
    {"{\"detail\":{\"path\":[{\"anything-but\":{\"wildcard\":\"*/sub/*\"}}]}}", false},
    {"{\"detail\":{\"missing\":[{\"anything-but\":\"x\"}]}}", false},
    /* numbers */
    {"{\"detail\":{\"version\":[{\"numeric\":[\"=\",7.0]}]}}", true},
    {"{\"detail\":{\"size\":[{\"numeric\":[\">\",0,\"<=\",3.5]}]}}", true},
    {"{\"detail\":{\"size\":[{\"numeric\":[\">\",0,\"<\",3.5]}]}}", false},
    {"{\"detail\":{\"lastStatus\":[{\"numeric\":[\">\",0]}]}}", false},
    /* networks */
    {"{\"detail\":{\"ip\":[{\"cidr\":\"10.0.0.0/24\"}]}}", true},
    {"{\"detail\":{\"ip\":[{\"cidr\":\"10.0.0.16/29\"}]}}", true},
    {"{\"detail\":{\"ip\":[{\"cidr\":\"10.0.0.0/28\"}]}}", false},
    {"{\"detail\":{\"ip6\":[{\"cidr\":\"2001:db8::/32\"}]}}", true},
    {"{\"detail\":{\"ip6\":[{\"cidr\":\"10.0.0.0/8\"}]}}", false},
    /* presence: of leaves only */
    {"{\"detail\":{\"lastStatus\":[{\"exists\":true}]}}", true},
    {"{\"detail\":{\"lastStatus\":[{\"exists\":false}]}}", false},
    {"{\"detail\":{\"missing\":[{\"exists\":false}]}}", true},
    {"{\"detail\":{\"missing\":[{\"exists\":true}]}}", false},
    {"{\"detail\":[{\"exists\":true}]}", false},
    {"{\"missing\":{\"a\":[{\"exists\":false}]}}", true},
    {"{\"detail\":{\"nothing\":[{\"exists\":true}]}}", false},
    {"{\"detail\":{\"none\":[{\"exists\":true}]}}", true},
    {"{\"detail\":{\"missing\":[\"a\",{\"exists\":false}]}}", true},
    /* arrays of objects: one element has to have it all */
    {"{\"detail\":{\"containers\":{\"name\":[\"a\"],\"exitCode\":[0]}}}", true},
    {"{\"detail\":{\"containers\":{\"name\":[\"a\"],\"exitCode\":[1]}}}", false},
    {"{\"detail\":{\"containers\":{\"exitCode\":[{\"anything-but\":0}]}}}", true},
    /* alternatives */
    {"{\"$or\":[{\"source\":[\"x\"]},{\"detail\":{\"version\":[7]}}]}", true},
    {"{\"$or\":[{\"source\":[\"x\"]},{\"detail\":{\"version\":[8]}}]}", false},
    {"{\"source\":[\"x\"],\"$or\":[{\"source\":[\"x\"]},{\"detail\":{\"version\":[7]}}]}", false},
    {"{\"detail\":{\"$or\":[{\"version\":[7],\"ok\":[false]},{\"ok\":[true]}]}}", true},
    {"{\"$or\":[\"a\",\"b\"]}", false},
};

static void patterns_match_as_documented(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct event_pattern *pattern;
        struct arena arena;
        struct fail f;

        arena_init(&arena, EVENT_PATTERN_ARENA_BYTES);
        if (!event_pattern_read(str_of(cases[i].pattern), &arena, &pattern, &f))
            fail_msg("%s: %s", cases[i].pattern, f.message);
        if (event_pattern_matches(pattern, STR(TASK), &arena) != cases[i].matches)
            fail_msg("%s should%s match", cases[i].pattern, cases[i].matches ? "" : " not");
        arena_free(&arena);
    }
}

static const struct {
    const char *pattern, *reason;
} refused[] = {
    {"", "Invalid JSON"},
    {"{", "Invalid JSON"},
    {"[]", "Filter is not an object"},
    {"\"a\"", "Filter is not an object"},
    {"{}", "Empty objects are not allowed"},
    {"{\"a\":{}}", "Empty objects are not allowed"},
    {"{\"a\":[]}", "Empty arrays are not allowed"},
    {"{\"a\":\"b\"}", "\"a\" must be an object or an array"},
    {"{\"a\":1}", "\"a\" must be an object or an array"},
    {"{\"a\":[[1]]}", "Match value must be String, number, true, false, or null"},
    {"{\"a\":[{\"like\":1}]}", "Unrecognized match type like"},
    {"{\"a\":[{\"prefix\":\"a\",\"suffix\":\"b\"}]}", "Only one key allowed in match expression"},
    {"{\"a\":[{\"prefix\":1}]}", "prefix match pattern must be a string"},
    {"{\"a\":[{\"exists\":\"yes\"}]}", "exists match pattern must be either true or false."},
    {"{\"a\":[{\"numeric\":5}]}", "Value of numeric must be an array."},
    {"{\"a\":[{\"numeric\":[]}]}", "Invalid member in numeric match: ]"},
    {"{\"a\":[{\"numeric\":[\"~\",5]}]}", "Unrecognized numeric range operator: ~"},
    {"{\"a\":[{\"numeric\":[\">\",\"5\"]}]}", "Value of > must be numeric"},
    {"{\"a\":[{\"numeric\":[\">\",6e9]}]}", "Value must be between -5.0E9 and 5.0E9, inclusive"},
    {"{\"a\":[{\"numeric\":[\">\",5,\"<\",5]}]}", "Bottom must be less than top"},
    {"{\"a\":[{\"numeric\":[\">\",5,\"<\",6,\"<\",7]}]}", "Too many elements in numeric expression"},
    {"{\"a\":[{\"cidr\":\"10.0.0.0\"}]}", "Malformed CIDR, one '/' required: 10.0.0.0"},
    {"{\"a\":[{\"cidr\":\"10.0.0.0/33\"}]}", "Malformed CIDR, one '/' required: 10.0.0.0/33"},
    {"{\"a\":[{\"anything-but\":[]}]}", "Anything-But list must not be empty."},
    {"{\"a\":[{\"anything-but\":[1,\"a\"]}]}",
     "Inside anything but list, either all values are number or string, mixed type is not supported"},
    {"{\"a\":[{\"anything-but\":null}]}", "Inside anything but list, start|null|boolean is not supported."},
    {"{\"a\":[{\"wildcard\":\"a**b\"}]}", "Consecutive wildcard characters at pos 1"},
    {"{\"a\":[{\"wildcard\":\"a\\\\b\"}]}", "Invalid escape character at pos 1"},
    {"{\"a\":[1],\"a\":[2]}", "Path `a` cannot be allowed multiple times"},
};

static void what_is_no_pattern_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        const struct event_pattern *pattern;
        struct arena arena;
        char expected[500];
        struct fail f;

        (void)snprintf(expected, sizeof(expected), "Event pattern is not valid. Reason: %s", refused[i].reason);
        arena_init(&arena, EVENT_PATTERN_ARENA_BYTES);
        if (event_pattern_read(str_of(refused[i].pattern), &arena, &pattern, &f))
            fail_msg("%s was taken", refused[i].pattern);
        assert_string_equal(f.type, "InvalidEventPatternException");
        assert_string_equal(f.message, expected);
        arena_free(&arena);
    }
}

static void depth_has_a_limit(void **state)
{
    auto_buf text = {.ptr = NULL};
    const struct event_pattern *pattern;
    struct arena arena;
    struct fail f;

    (void)state;
    for (int i = 0; i < EVENT_PATTERN_DEPTH_MAX + 1; i++)
        buf_add_cstr(&text, "{\"a\":");
    buf_add_cstr(&text, "[1]");
    for (int i = 0; i < EVENT_PATTERN_DEPTH_MAX + 1; i++)
        buf_add_cstr(&text, "}");
    arena_init(&arena, EVENT_PATTERN_ARENA_BYTES);
    assert_false(event_pattern_read(buf_str(&text), &arena, &pattern, &f));
    arena_free(&arena);
}

static void add_many(struct buf *out, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_add_char(out, 'a');
}

static bool matches_text_of(const struct event_pattern *pattern, size_t len)
{
    auto_buf event = {.ptr = NULL};
    struct arena scratch;
    bool matches;

    buf_add_cstr(&event, "{\"a\":\"");
    add_many(&event, len);
    buf_add_cstr(&event, "\"}");
    arena_init(&scratch, EVENT_PATTERN_SCRATCH_BYTES(event.len));
    matches = event_pattern_matches(pattern, buf_str(&event), &scratch);
    arena_free(&scratch);
    return matches;
}

/* What would take long does not match. */
static void work_has_a_limit(void **state)
{
    auto_buf text = {.ptr = NULL};
    const struct event_pattern *pattern;
    struct arena arena;
    struct fail f;

    (void)state;
    buf_add_cstr(&text, "{\"a\":[{\"wildcard\":\"*");
    add_many(&text, 3000);
    buf_add_cstr(&text, "*\"}]}");
    arena_init(&arena, EVENT_PATTERN_ARENA_BYTES);
    assert_true(event_pattern_read(buf_str(&text), &arena, &pattern, &f));
    assert_true(matches_text_of(pattern, 5000));
    assert_false(matches_text_of(pattern, 200000));
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_match_as_documented),
        cmocka_unit_test(what_is_no_pattern_is_refused),
        cmocka_unit_test(depth_has_a_limit),
        cmocka_unit_test(work_has_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
