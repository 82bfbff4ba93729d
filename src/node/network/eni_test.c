#include "node/network/eni.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char record[] = "eni-0a vpc-0b subnet-0c 10.0.0.5 02:00:5e:00:53:01 198.18.0.5 sg-1 sg-2\n";

static void a_record_is_read_as_written(void **state)
{
    auto_buf text = {0};
    struct eni eni;

    (void)state;
    assert_true(eni_read(&eni, str_of(record)));
    assert_string_equal(eni.subnet.text, "subnet-0c");
    assert_int_equal(eni.address, 0x0a000005);
    assert_int_equal(eni.public_address, 0xC6120005);
    assert_int_equal(eni.group_count, 2);
    eni_write(&eni, &text);
    assert_true(str_is(buf_str(&text), record));
}

/* What an older Berth wrote of a running task: a new one goes on with it, without the address that it never had. */
static void an_older_record_is_read(void **state)
{
    struct eni eni;

    (void)state;
    assert_true(eni_read(&eni, STR("eni-0a vpc-0b subnet-0c 10.0.0.5 02:00:5e:00:53:01 public sg-1\n")));
    assert_int_equal(eni.public_address, 0);
}

static void a_record_says_where_it_is_inside(void **state)
{
    static const char inside[] = "eni-0a vpc-0b subnet-0c 10.0.0.5 02:00:5e:00:53:01 private eni-0d sg-1\n";
    auto_buf text = {0};
    struct eni eni;

    (void)state;
    assert_true(eni_read(&eni, str_of(inside)));
    assert_string_equal(eni.inside.text, "eni-0d");
    assert_int_equal(eni.group_count, 1);
    eni_write(&eni, &text);
    assert_true(str_is(buf_str(&text), inside));
}

/* A crash may cut a record anywhere: no part of one is one. */
static void a_part_of_a_record_is_none(void **state)
{
    struct eni eni;

    (void)state;
    for (size_t len = 0; len + 1 < sizeof(record); len++)
        assert_false(eni_read(&eni, (struct str){record, len}));
}

static void groups_are_sorted_and_single(void **state)
{
    struct str groups[] = {STR("sg-2"), STR("sg-1"), STR("sg-2")};
    struct network_eni wanted = {.id = STR("eni-0a"),
                                 .vpc = STR("vpc-0b"),
                                 .subnet = STR("subnet-0c"),
                                 .address = STR("10.0.0.5"),
                                 .mac = STR("02:00:5e:00:53:01"),
                                 .groups = groups,
                                 .group_count = 3};
    struct str many[NETWORK_ENI_GROUPS_MAX + 1];
    char names[COUNT_OF(many)][8];
    struct fail f;
    struct eni eni;

    (void)state;
    assert_true(eni_set(&eni, &wanted, &f));
    assert_int_equal(eni.group_count, 2);
    assert_string_equal(eni.groups[0].text, "sg-1");
    assert_string_equal(eni.groups[1].text, "sg-2");
    wanted.group_count = 0;
    assert_false(eni_set(&eni, &wanted, &f));
    for (size_t i = 0; i < COUNT_OF(many); i++) {
        (void)snprintf(names[i], sizeof(names[i]), "sg-%zu", i);
        many[i] = str_of(names[i]);
    }
    wanted.groups = many;
    wanted.group_count = COUNT_OF(many);
    assert_false(eni_set(&eni, &wanted, &f));
    assert_int_equal(f.code, FAIL_INPUT);
}

static void ids_cannot_break_out(void **state)
{
    static const char *const bad[] = {
        "eni-", "eni-a/b", "eni-..", "eni-a b", "eni-a;", "ENI-a", "sg-a", "", "eni-0123456789012345678901234567890"};
    struct network_id id;
    struct fail f;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_false(network_id_set(&id, str_of(bad[i]), "eni-", &f));
        assert_int_equal(f.code, FAIL_INPUT);
    }
    assert_true(network_id_set(&id, STR("eni-0123456789abcdef0"), "eni-", &f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_read_as_written),      cmocka_unit_test(an_older_record_is_read),
        cmocka_unit_test(a_record_says_where_it_is_inside), cmocka_unit_test(a_part_of_a_record_is_none),
        cmocka_unit_test(groups_are_sorted_and_single),     cmocka_unit_test(ids_cannot_break_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
