#include "plane/vpc/place.h"
#include "plane/vpc/vpc.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void networks(void **state)
{
    static const struct {
        const char *text;
        bool network, cidr; /* is one; is one without host bits */
        uint32_t first;
        unsigned prefix;
    } cases[] = {
        {"10.0.0.0/16", true, true, 0x0a000000, 16},
        {"10.0.7.1/16", true, false, 0x0a000000, 16},
        {"0.0.0.0/0", true, true, 0, 0},
        {"255.255.255.255/0", true, false, 0, 0},
        {"192.0.2.1/32", true, true, 0xc0000201, 32},
        {"192.0.2.1/31", true, false, 0xc0000200, 31},
        {"255.255.255.255/32", true, true, ~0U, 32},
        {"10.0.0.0/33", false, false, 0, 0},
        {"10.0.0.0/016", false, false, 0, 0},
        {"10.0.0.0/", false, false, 0, 0},
        {"10.0.0.0", false, false, 0, 0},
        {"10.0.0/8", false, false, 0, 0},
        {"10.0.0.0.0/8", false, false, 0, 0},
        {"10.0.0.256/8", false, false, 0, 0},
        {"010.0.0.0/8", false, false, 0, 0},
        {"10.0.0.0/-1", false, false, 0, 0},
        {" 10.0.0.0/8", false, false, 0, 0},
        {"10.0.0.0/8 ", false, false, 0, 0},
        {"10..0.0/8", false, false, 0, 0},
        {"", false, false, 0, 0},
        {"/", false, false, 0, 0},
        {"::/0", false, false, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint32_t first = 1;
        unsigned prefix = 99;

        if (ipv4_network_parse(str_of(cases[i].text), &first, &prefix) != cases[i].network)
            fail_msg("%s", cases[i].text);
        if (cases[i].network && (first != cases[i].first || prefix != cases[i].prefix))
            fail_msg("%s: %x/%u", cases[i].text, first, prefix);
        if (ipv4_cidr_parse(str_of(cases[i].text), &first, &prefix) != cases[i].cidr)
            fail_msg("%s", cases[i].text);
    }
}

static void ranges_and_texts(void **state)
{
    struct arena arena;
    struct ipv4_range range;

    (void)state;
    arena_init(&arena, 4096);
    assert_true(ipv4_range_parse(STR("10.9.0.0/28"), &range));
    assert_true(range.first == 0x0a090000 && range.last == 0x0a09000f);
    assert_true(ipv4_range_parse(STR("0.0.0.0/0"), &range));
    assert_true(range.first == 0 && range.last == UINT32_MAX);
    assert_true(ipv4_range_parse(STR("10.9.0.3/32"), &range));
    assert_true(range.first == range.last);
    assert_false(ipv4_range_parse(STR("10.9.0.3/31"), &range));
    assert_string_equal(ipv4_cidr_text(&arena, 0xc0a80100, 24).ptr, "192.168.1.0/24");
    arena_free(&arena);
}

static void zones_have_the_ids_that_aws_gives_them(void **state)
{
    static const char *const cases[][2] = {
        {"us-east-1", "use1-az1"},       {"eu-central-1", "euc1-az1"}, {"ap-southeast-2", "apse2-az1"},
        {"ap-northeast-1", "apne1-az1"}, {"sa-east-1", "sae1-az1"},    {"us-gov-west-1", "usgw1-az1"},
        {"ca-central-1", "cac1-az1"},
    };
    struct arena arena;

    (void)state;
    arena_init(&arena, 4096);
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_string_equal(zone_id(&arena, str_of(cases[i][0]), 0).ptr, cases[i][1]);
    assert_string_equal(zone_name(&arena, STR("eu-west-3"), 2).ptr, "eu-west-3c");
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks),
        cmocka_unit_test(ranges_and_texts),
        cmocka_unit_test(zones_have_the_ids_that_aws_gives_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
