#include "node/network/ruleset.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static bool is_known(struct str group, const void *context)
{
    (void)context;
    return str_is(group, "sg-known");
}

/* The lines of one rule behind "add rule inet vpc i-sg-a". */
static void one_rule(const struct network_rule *rule, const char *expected)
{
    struct network_group group = {.id = STR("sg-a"), .ingress = rule, .ingress_count = 1};
    auto_buf out = {0};
    auto_buf wanted = {0};
    struct fail f;

    buf_add_cstr(&wanted, "flush chain inet vpc i-sg-a\n");
    if (*expected != '\0')
        buf_printf(&wanted, "add rule inet vpc i-sg-a %s\n", expected);
    buf_add_cstr(&wanted, "flush chain inet vpc e-sg-a\n");
    if (!ruleset_group_rules(&out, &group, is_known, NULL, &f))
        fail_msg("%s", f.message);
    buf_add_char(&out, '\0');
    buf_add_char(&wanted, '\0');
    assert_string_equal(out.ptr, wanted.ptr);
}

static void each_rule_is_one_line(void **state)
{
    static const struct {
        struct network_rule rule;
        const char *expected;
    } cases[] = {
        {{-1, 0, 0, STR_INIT("0.0.0.0/0"), {0}}, "accept"},
        {{-1, 80, 80, STR_INIT("10.0.0.0/8"), {0}}, "ip saddr { 10.0.0.0/8 } accept"},
        {{6, 80, 80, STR_INIT("0.0.0.0/0"), {0}}, "meta l4proto 6 th dport 80 accept"},
        {{17, 1, 2, STR_INIT("0.0.0.0/0"), {0}}, "meta l4proto 17 th dport 1-2 accept"},
        {{6, 0, 65535, STR_INIT("0.0.0.0/0"), {0}}, "meta l4proto 6 accept"},
        {{1, 8, -1, STR_INIT("0.0.0.0/0"), {0}}, "meta l4proto 1 icmp type 8 accept"},
        {{1, 3, 4, STR_INIT("0.0.0.0/0"), {0}}, "meta l4proto 1 icmp type 3 icmp code 4 accept"},
        {{1, -1, -1, STR_INIT("0.0.0.0/0"), {0}}, "meta l4proto 1 accept"},
        {{50, 0, 0, STR_INIT("1.2.3.4/32"), {0}}, "ip saddr { 1.2.3.4/32 } meta l4proto 50 accept"},
        {{6, 443, 443, {0}, STR_INIT("sg-known")}, "ip saddr @m-sg-known meta l4proto 6 th dport 443 accept"},
        {{6, 443, 443, {0}, STR_INIT("sg-gone")}, ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        one_rule(&cases[i].rule, cases[i].expected);
}

/* The order of rules means nothing, so it changes nothing; CIDRs of equal ports share a line. */
static void equal_groups_give_equal_texts(void **state)
{
    struct network_rule rules[] = {{6, 80, 80, STR("10.0.0.0/8"), {0}},
                                   {6, 443, 443, {0}, STR("sg-known")},
                                   {6, 80, 80, STR("192.168.0.0/16"), {0}},
                                   {6, 443, 443, STR("0.0.0.0/0"), {0}},
                                   {6, 443, 443, STR("192.168.0.0/16"), {0}}};
    struct network_rule turned[COUNT_OF(rules)];
    struct network_group group = {.id = STR("sg-a"), .egress = rules, .egress_count = COUNT_OF(rules)};
    auto_buf first = {0};
    auto_buf second = {0};
    struct fail f;

    (void)state;
    assert_true(ruleset_group_rules(&first, &group, is_known, NULL, &f));
    for (size_t i = 0; i < COUNT_OF(rules); i++)
        turned[i] = rules[COUNT_OF(rules) - 1 - i];
    group.egress = turned;
    assert_true(ruleset_group_rules(&second, &group, is_known, NULL, &f));
    assert_true(str_eq(buf_str(&first), buf_str(&second)));
    buf_add_char(&first, '\0');
    assert_string_equal(first.ptr, "flush chain inet vpc i-sg-a\n"
                                   "flush chain inet vpc e-sg-a\n"
                                   "add rule inet vpc e-sg-a ip daddr { 10.0.0.0/8, 192.168.0.0/16 } "
                                   "meta l4proto 6 th dport 80 accept\n"
                                   "add rule inet vpc e-sg-a meta l4proto 6 th dport 443 accept\n"
                                   "add rule inet vpc e-sg-a ip daddr @m-sg-known "
                                   "meta l4proto 6 th dport 443 accept\n");
}

static void malformed_rules_are_refused(void **state)
{
    static const struct network_rule bad[] = {
        {256, 0, 0, STR_INIT("0.0.0.0/0"), {0}},
        {-2, 0, 0, STR_INIT("0.0.0.0/0"), {0}},
        {6, 80, 79, STR_INIT("0.0.0.0/0"), {0}},
        {6, -1, 79, STR_INIT("0.0.0.0/0"), {0}},
        {17, 0, 65536, STR_INIT("0.0.0.0/0"), {0}},
        {1, 256, 0, STR_INIT("0.0.0.0/0"), {0}},
        {6, 80, 80, STR_INIT("::/0"), {0}},
        {6, 80, 80, {0}, {0}},
        {6, 80, 80, STR_INIT("0.0.0.0/0"), STR_INIT("sg-known")},
        {6, 80, 80, {0}, STR_INIT("sg-a accept; drop")},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct network_group group = {.id = STR("sg-a"), .ingress = &bad[i], .ingress_count = 1};
        struct fail f;

        assert_false(ruleset_group_check(&group, &f));
        assert_int_equal(f.code, FAIL_INPUT);
        group = (struct network_group){.id = STR("sg-a"), .egress = &bad[i], .egress_count = 1};
        assert_false(ruleset_group_check(&group, &f));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_rule_is_one_line),
        cmocka_unit_test(equal_groups_give_equal_texts),
        cmocka_unit_test(malformed_rules_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
