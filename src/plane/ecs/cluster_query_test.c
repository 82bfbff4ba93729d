#include "plane/ecs/cluster_query.h"

#include "base/buf.h"
#include "base/must.h"
#include "base/when.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static struct ecs_attribute attributes[] = {
    {.name = STR_INIT("ecs.availability-zone"), .value = STR_INIT("us-east-1a")},
    {.name = STR_INIT("ecs.capability.task-eni")},
    {.name = STR_INIT("ecs.instance-type"), .value = STR_INIT("t2.small")},
    {.name = STR_INIT("rack"), .value = STR_INIT("12")},
    {.name = STR_INIT("stack"), .value = STR_INIT("two words")},
};
static const struct ecs_attributes attribute_list = {attributes, COUNT_OF(attributes)};

static struct cluster_query_instance instance(void)
{
    static const struct str groups[] = {STR_INIT("service:production"), STR_INIT("database")};
    struct cluster_query_instance instance = {.agent_connected = true,
                                              .agent_version = STR("1.105.1"),
                                              .ec2_instance_id = STR("i-abcd1234"),
                                              .running_tasks_count = 3,
                                              .attributes = &attribute_list,
                                              .groups = groups,
                                              .group_count = COUNT_OF(groups)};

    must(when_from_iso8601(STR("2018-06-18T22:28:28Z"), &instance.registered_at_ms));
    return instance;
}

static const struct {
    const char *text;
    bool matches;
} rows[] = {
    /* the page's examples */
    {"attribute:ecs.instance-type == t2.small", true},
    {"attribute:ecs.availability-zone in [us-east-1a, us-east-1b]", true},
    {"attribute:ecs.instance-type =~ g2.* and attribute:ecs.availability-zone != us-east-1d", false},
    {"attribute:ecs.instance-type =~ t2.* and attribute:ecs.availability-zone != us-east-1d", true},
    {"task:group == service:production", true},
    {"not(task:group == database)", false},
    {"not(task:group==queue)", true},
    {"runningTasksCount == 1", false},
    {"runningTasksCount==3", true},
    {"agentVersion < 1.2.0", false},
    {"registeredAt < 2018-06-18", false},
    {"ec2InstanceId in ['i-abcd1234', 'i-wxyx7890']", true},
    {"agentConnected == true", true},
    {"agentConnected==true", true},
    /* every operator */
    {"attribute:ecs.instance-type equals t2.small", true},
    {"attribute:ecs.instance-type not_equals t2.small", false},
    {"attribute:ecs.capability.task-eni exists", true},
    {"attribute:nothing exists", false},
    {"attribute:nothing !exists", true},
    {"attribute:nothing not_exists", true},
    {"attribute:nothing == x", false},
    {"attribute:nothing != x", true},
    {"attribute:nothing in [x]", false},
    {"attribute:nothing !in [x]", true},
    {"attribute:nothing =~ .*", false},
    {"attribute:nothing !~ .*", true},
    {"attribute:rack > 9", true},
    {"attribute:rack greater_than_equal 12", true},
    {"attribute:rack < 9", false},
    {"attribute:rack less_than_equal 12", true},
    {"attribute:stack == 'two words'", true},
    {"attribute:stack == \"two words\"", true},
    {"attribute:ecs.availability-zone !in [us-east-1b, us-east-1c]", true},
    {"attribute:ecs.availability-zone not_in [us-east-1a]", false},
    {"attribute:ecs.instance-type matches t[23].(small|large)", true},
    {"attribute:ecs.instance-type =~ small", false}, /* the whole value */
    {"attribute:ecs.instance-type not_matches t2.*", false},
    {"agentVersion > 1.9.0", true}, /* as numbers */
    {"agentVersion >= 1.105.1 && agentVersion <= 1.105.1", true},
    {"registeredAt == 2018-06-18T22:28:28+00:00", true},
    {"registeredAt >= 2018-06-18T22:28:28", true},
    {"registeredAt > 2018-06-18", true},
    {"task:group =~ service:.*", true},
    {"task:group != service:production", false},
    {"task:group !in [queue, other]", true},
    /* how they go together: and before or */
    {"agentConnected == true or agentConnected == false and runningTasksCount == 9", true},
    {"(agentConnected == true or agentConnected == false) and runningTasksCount == 9", false},
    {"!(agentConnected == true) || runningTasksCount > 2", true},
    {"!!(runningTasksCount > 2)", true},
    {"not not not runningTasksCount > 2", false},
    {"(((runningTasksCount > 2)))", true},
    {"(attribute:ecs.instance-type =~ t2.*)", true},
};

static void expressions_mean_what_the_page_says(void **state)
{
    struct cluster_query_instance of = instance();

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct cluster_query *query;
        struct fail f;

        if (!cluster_query_parse(str_of(rows[i].text), &arena, &query, &f))
            fail_msg("'%s' was refused: %s", rows[i].text, f.message);
        if (cluster_query_matches(query, &of) != rows[i].matches)
            fail_msg("'%s' was %d", rows[i].text, !rows[i].matches);
    }
}

static void other_text_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"", "a subject"},
        {"color == red", "a subject"},
        {"attribute: == red", "a subject"},
        {"attribute:color", "an operator expected at its end"},
        {"attribute:color is red", "an operator expected at 'is red'"},
        {"attribute:color ==", "an argument expected at its end"},
        {"attribute:color in red", "a list"},
        {"attribute:color in []", "an argument"},
        {"attribute:color in [red", "']'"},
        {"attribute:color == 'red", "an argument"},
        {"attribute:color =~ [", "'[' is not a valid regular expression"},
        {"attribute:color == red blue", "'and', 'or' or the end expected at 'blue'"},
        {"(attribute:color == red", "')'"},
        {"attribute:color == red)", "the end expected at ')'"},
        {"runningTasksCount == many", "'many' is not a number"},
        {"runningTasksCount in [1]", "the operator 'in' cannot be used with 'runningTasksCount'"},
        {"registeredAt > yesterday", "'yesterday' is not a date"},
        {"agentVersion =~ 1.*", "the operator '=~' cannot be used with 'agentVersion'"},
        {"ec2InstanceId > i-1", "cannot be used"},
        {"runningTasksCount == 1 and", "a subject"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        const struct cluster_query *query;
        struct fail f;

        if (cluster_query_parse(str_of(bad[i].text), &arena, &query, &f))
            fail_msg("'%s' was taken", bad[i].text);
        assert_string_equal(f.type, ECS_ERROR_INVALID_PARAMETER_EXCEPTION);
        if (str_search(str_of(f.message), str_of(bad[i].message)) == strlen(f.message))
            fail_msg("'%s' was refused with: %s", bad[i].text, f.message);
    }
}

static bool parses(const char *front, const char *middle, size_t count, const char *end)
{
    auto_buf text = {.ptr = NULL};
    const struct cluster_query *query;
    struct fail f;

    for (size_t i = 0; i < count; i++)
        buf_add_cstr(&text, front);
    buf_add_cstr(&text, middle);
    for (size_t i = 0; i < count; i++)
        buf_add_cstr(&text, end);
    return cluster_query_parse(buf_str(&text), &arena, &query, &f);
}

static void there_are_limits(void **state)
{
    (void)state;
    assert_true(parses("(", "runningTasksCount>1", CLUSTER_QUERY_DEPTH_MAX - 1, ")"));
    assert_false(parses("(", "runningTasksCount>1", CLUSTER_QUERY_DEPTH_MAX, ")"));
    assert_true(parses("", "runningTasksCount>1", 50, "||runningTasksCount>1"));
    assert_false(parses("", "runningTasksCount>1", 100, "||runningTasksCount>1")); /* too long */
    assert_true(parses("!", "runningTasksCount>1", 1000, ""));
    assert_false(parses("(", "", 1900, ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(expressions_mean_what_the_page_says, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_text_is_refused_with_its_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(there_are_limits, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
