/* Unit tests: constraints, and AWS's words for them. */
#include "model/gen/ecr.h"
#include "model/gen/ecs.h"
#include "model/interpret.h"
#include "model/model_test.h"
#include "model/pattern.h"
#include "model/services.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void assert_accepted(const struct model_test_everything *value)
{
    struct fail f;

    if (!value_check(&model_test_everything_shape, value, &f))
        fail_msg("%s", f.message);
}

static void assert_refused(const struct model_test_everything *value, const char *message)
{
    struct fail f;

    assert_false(value_check(&model_test_everything_shape, value, &f));
    assert_int_equal(f.code, FAIL_API);
    assert_string_equal(f.type, "ValidationException");
    assert_string_equal(f.message, message);
}

static void accepts_what_satisfies_all_constraints(void **state)
{
    struct str names[] = {STR("ab"), STR("cdefg")};
    struct model_test_choice choice = {.a = STR("")};
    struct model_test_everything value = {.cluster_name = STR("abc"), .names = {names, 2}, .choice = &choice};

    (void)state;
    assert_accepted(&(struct model_test_everything){0});
    SET(&value, count, 10);
    SET(&value, share, 99.5);
    assert_accepted(&value);
}

static void words_each_constraint_as_aws_does(void **state)
{
    struct model_test_everything numbers = {.token = STR("t")};

    (void)state;
    assert_refused(&(struct model_test_everything){.cluster_name = STR("abcdef")},
                   "1 validation error detected: Value 'abcdef' at 'clusterName' failed to satisfy constraint: "
                   "Member must have length less than or equal to 5");
    assert_refused(&(struct model_test_everything){.cluster_name = STR("A")},
                   "2 validation errors detected: Value 'A' at 'clusterName' failed to satisfy constraint: Member must "
                   "satisfy regular expression pattern: [a-z]+; Value 'A' at 'clusterName' failed to satisfy "
                   "constraint: Member must have length greater than or equal to 2");
    assert_refused(&(struct model_test_everything){.secret = STR("hidden")},
                   "1 validation error detected: Value at 'secret' failed to satisfy constraint: Member must have "
                   "length less than or equal to 3");
    SET(&numbers, count, 0);
    SET(&numbers, share, 100.5);
    assert_refused(&numbers, "2 validation errors detected: Value '0' at 'count' failed to satisfy constraint: Member "
                             "must have value greater than or equal to 1; Value '100.5' at 'share' failed to satisfy "
                             "constraint: Member must have value less than or equal to 100.0");
}

static void numbers_that_are_none_are_refused(void **state)
{
    struct model_test_everything value = {0};

    (void)state;
    SET(&value, share, (double)NAN);
    assert_refused(&value, "1 validation error detected: Value 'nan' at 'share' failed to satisfy constraint: Member "
                           "must have value greater than or equal to 0.0");
}

static void lengths_count_characters_of_strings_and_bytes_of_blobs(void **state)
{
    (void)state;
    assert_accepted(&(struct model_test_everything){.secret = STR("\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac")});
    assert_refused(&(struct model_test_everything){.bytes = STR("12345")},
                   "1 validation error detected: Value '\"<5 bytes>\"' at 'bytes' failed to satisfy constraint: Member "
                   "must have length less than or equal to 4");
}

static void paths_lead_through_structures_lists_and_maps(void **state)
{
    struct model_test_leaf leaves[] = {{STR("ab")}, {{0}}};
    struct model_test_leaf_map_entry entries[] = {{STR("key"), {STR("x9")}}};
    struct model_test_leaf leaf = {0};

    (void)state;
    assert_refused(&(struct model_test_everything){.leaf = &leaf},
                   "1 validation error detected: Value null at 'leaf.name' failed to satisfy constraint: Member must "
                   "not be null");
    assert_refused(&(struct model_test_everything){.leaves = {leaves, 2}},
                   "1 validation error detected: Value null at 'leaves.2.member.name' failed to satisfy constraint: "
                   "Member must not be null");
    assert_refused(&(struct model_test_everything){.leaf_map = {entries, 1}},
                   "1 validation error detected: Value 'x9' at 'leafMap.key.member.name' failed to satisfy "
                   "constraint: Member must satisfy regular expression pattern: [a-z]+");
}

static void items_are_reported_once_with_all_their_constraints(void **state)
{
    struct str names[] = {STR("ab"), STR("x"), STR("y")};
    struct model_test_name_map_entry entries[] = {{STR("K"), STR("ab")}, {STR("ab"), STR("V")}};
    struct model_test_names rows[] = {{names, 1}, {names, 3}};

    (void)state;
    assert_refused(&(struct model_test_everything){.names = {names, 2}},
                   "1 validation error detected: Value '[ab, x]' at 'names' failed to satisfy constraint: Member must "
                   "satisfy constraint: [Member must have length less than or equal to 5, Member must have length "
                   "greater than or equal to 2, Member must satisfy regular expression pattern: [a-z]+, Member must "
                   "not be null]");
    assert_refused(&(struct model_test_everything){.name_map = {entries, 2}},
                   "2 validation errors detected: Value '{K=ab, ab=V}' at 'nameMap' failed to satisfy constraint: Map "
                   "keys must satisfy constraint: [Member must have length less than or equal to 5, Member must have "
                   "length greater than or equal to 2, Member must satisfy regular expression pattern: [a-z]+, Member "
                   "must not be null]; Value '{K=ab, ab=V}' at 'nameMap' failed to satisfy constraint: Map value must "
                   "satisfy constraint: [Member must have length less than or equal to 5, Member must have length "
                   "greater than or equal to 2, Member must satisfy regular expression pattern: [a-z]+, Member must "
                   "not be null]");
    assert_refused(&(struct model_test_everything){.grid = {rows, 2}},
                   "2 validation errors detected: Value '[[ab], [ab, x, y]]' at 'grid' failed to satisfy constraint: "
                   "Member must satisfy constraint: [Member must have length less than or equal to 2, Member must not "
                   "be null]; Value '[ab, x, y]' at 'grid.2.member' failed to satisfy constraint: Member must satisfy "
                   "constraint: [Member must have length less than or equal to 5, Member must have length greater than "
                   "or equal to 2, Member must satisfy regular expression pattern: [a-z]+, Member must not be null]");
}

static void unknown_enum_values_are_reported_where_they_stand(void **state)
{
    struct unknown_enums unknown = {0};
    enum model_test_mode modes[2];
    struct model_test_everything value = {.modes = {modes, 2}};
    struct fail f;

    (void)state;
    value.network_mode = (enum model_test_mode)enum_parse(&model_test_mode_shape, STR("mesh"), &unknown);
    modes[0] = (enum model_test_mode)enum_parse(&model_test_mode_shape, STR("host"), &unknown);
    modes[1] = (enum model_test_mode)enum_parse(&model_test_mode_shape, STR(""), &unknown);
    assert_int_equal(modes[0], MODEL_TEST_MODE_HOST);
    assert_int_equal(unknown.count, 2);
    assert_false(value_check_input(&model_test_everything_shape, &value, &unknown, &f));
    assert_string_equal(f.message,
                        "2 validation errors detected: Value 'mesh' at 'networkMode' failed to satisfy constraint: "
                        "Member must satisfy enum value set: [none, host, awsvpc]; Value '[host, ]' at 'modes' failed "
                        "to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: "
                        "[none, host, awsvpc], Member must not be null]");
}

static void more_unknown_enum_values_than_fit_are_still_refused(void **state)
{
    struct unknown_enums unknown = {0};
    enum model_test_mode modes[UNKNOWN_ENUMS_MAX + 1];
    struct model_test_everything value = {.modes = {&modes[UNKNOWN_ENUMS_MAX], 1}};
    struct fail f;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(modes); i++)
        modes[i] = (enum model_test_mode)enum_parse(&model_test_mode_shape, STR("?"), &unknown);
    assert_int_equal(unknown.count, UNKNOWN_ENUMS_MAX);
    assert_false(value_check_input(&model_test_everything_shape, &value, &unknown, &f));
}

static void unions_have_exactly_one_member(void **state)
{
    struct model_test_choice none = {0};
    struct model_test_choice both = {.a = STR("x"), .b = 1, .has_b = true};

    (void)state;
    assert_refused(&(struct model_test_everything){.choice = &none},
                   "1 validation error detected: Value 'Choice' at 'choice' failed to satisfy constraint: Member must "
                   "have exactly one of its members set");
    assert_refused(&(struct model_test_everything){.choice = &both},
                   "1 validation error detected: Value 'Choice' at 'choice' failed to satisfy constraint: Member must "
                   "have exactly one of its members set");
}

static void many_violations_are_counted_and_ten_listed(void **state)
{
    struct model_test_leaf leaves[30] = {0};
    struct model_test_everything value = {.leaves = {leaves, COUNT_OF(leaves)}};
    struct fail f;

    (void)state;
    assert_false(value_check(&model_test_everything_shape, &value, &f));
    assert_true(str_starts(str_of(f.message), STR("30 validation errors detected: Value null at 'leaves.1.member")));
    assert_non_null(strstr(f.message, "leaves.10.member"));
    assert_null(strstr(f.message, "leaves.11.member"));
}

static void long_values_are_cut_between_characters(void **state)
{
    struct arena arena;
    struct model_test_everything value = {0};
    char text[401];
    struct fail f;

    (void)state;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    text[0] = 'a';
    for (size_t i = 1; i < sizeof(text); i += 2)
        memcpy(&text[i], "\xc3\xa9", 2);
    value.cluster_name = (struct str){text, sizeof(text)};
    assert_false(value_check(&model_test_everything_shape, &value, &f));
    assert_non_null(strstr(f.message, "\xc3\xa9...' at 'clusterName'"));
    arena_free(&arena);
}

static void a_null_from_the_wire_is_refused_in_lists(void **state)
{
    struct str names[] = {STR("ab"), {0}};
    struct fail f;

    (void)state;
    assert_false(value_check(&model_test_everything_shape, &(struct model_test_everything){.names = {names, 2}}, &f));
    assert_non_null(strstr(f.message, "Value '[ab, null]' at 'names'"));
}

/* Patterns match the whole text, and the ones of all models compile (a bug otherwise: pattern_matches aborts). */
static void every_pattern_of_every_model_compiles(void **state)
{
    size_t patterns = 0;

    (void)state;
    for (size_t i = 0; i < SERVICE_COUNT; i++) {
        for (size_t j = 0; j < services[i]->shape_count; j++) {
            if (service_shapes(services[i])[j].pattern == 0)
                continue;
            patterns++;
            (void)pattern_matches(&service_shapes(services[i])[j], STR("a"));
        }
    }
    assert_true(patterns > 300);
}

static void patterns_written_for_java_mean_the_same(void **state)
{
    static const struct {
        const char *service;
        const char *shape;
        struct str text;
        bool matches;
    } cases[] = {
        {"ecs", "TagKey", STR_INIT("team/\xc3\xa4-1"), true},
        {"ecs", "TagKey", STR_INIT("a*b"), false},
        {"ecs", "TagKey", STR_INIT("\xff\xfe"), false},
        {"ecr", "RepositoryName", STR_INIT("library/nginx"), true},
        {"ecr", "RepositoryName", STR_INIT("library/nginx\n"), false},
        {"ecr", "RepositoryName", STR_INIT("Library"), false},
        {"iam", "pathType", STR_INIT("/a/b/"), true},
        {"iam", "pathType", STR_INIT("/a/b"), false},
        {"application-autoscaling", "PolicyName", STR_INIT("cpu 50%"), true},
        {"application-autoscaling", "PolicyName", STR_INIT("\xc3\xa9"), false},
        {"application-autoscaling", "Expression", STR_INIT("m1/\xf0\x9f\x90\xb3"), true},
        {"application-autoscaling", "Expression", STR_INIT("m1\x01"), false},
        {"logs", "ResourceType", STR_INIT("a-b_c"), true},
        {"ssm", "InstancePropertyFilterValue", STR_INIT("x"), true},
        {"ssm", "InstancePropertyFilterValue", STR_INIT(""), false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        for (size_t j = 0; j < SERVICE_COUNT; j++)
            if (str_is(str_of(cases[i].service), service_id(services[j])))
                assert_int_equal(pattern_matches(service_shape(services[j], str_of(cases[i].shape)), cases[i].text),
                                 cases[i].matches);
}

static void real_requests_get_real_messages(void **state)
{
    struct ecr_create_repository_request request = {.repository_name = STR("x")};
    struct fail f;

    (void)state;
    assert_false(value_check(&ecr_create_repository_request_shape, &request, &f));
    assert_string_equal(f.message,
                        "1 validation error detected: Value 'x' at 'repositoryName' failed to satisfy constraint: "
                        "Member must have length greater than or equal to 2");
    assert_false(value_check(&ecs_run_task_request_shape, &(struct ecs_run_task_request){0}, &f));
    assert_string_equal(f.message, "1 validation error detected: Value null at 'taskDefinition' failed to satisfy "
                                   "constraint: Member must not be null");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_what_satisfies_all_constraints),
        cmocka_unit_test(words_each_constraint_as_aws_does),
        cmocka_unit_test(numbers_that_are_none_are_refused),
        cmocka_unit_test(lengths_count_characters_of_strings_and_bytes_of_blobs),
        cmocka_unit_test(paths_lead_through_structures_lists_and_maps),
        cmocka_unit_test(items_are_reported_once_with_all_their_constraints),
        cmocka_unit_test(unknown_enum_values_are_reported_where_they_stand),
        cmocka_unit_test(more_unknown_enum_values_than_fit_are_still_refused),
        cmocka_unit_test(unions_have_exactly_one_member),
        cmocka_unit_test(many_violations_are_counted_and_ten_listed),
        cmocka_unit_test(long_values_are_cut_between_characters),
        cmocka_unit_test(a_null_from_the_wire_is_refused_in_lists),
        cmocka_unit_test(every_pattern_of_every_model_compiles),
        cmocka_unit_test(patterns_written_for_java_mean_the_same),
        cmocka_unit_test(real_requests_get_real_messages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
