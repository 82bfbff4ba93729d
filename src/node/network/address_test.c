#include "node/network/address.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void cidrs_are_read(void **state)
{
    static const struct {
        const char *text;
        const char *expected; /* NULL: refused */
    } cases[] = {
        {"172.31.0.0/16", "172.31.0.0/16"},
        {"100.68.0.18/18", "100.68.0.0/18"},
        {"0.0.0.0/0", "0.0.0.0/0"},
        {"255.255.255.255/32", "255.255.255.255/32"},
        {"10.0.0.0", NULL},
        {"10.0.0.0/", NULL},
        {"10.0.0.0/33", NULL},
        {"10.0.0.0/-1", NULL},
        {"10.0.0.0/8 ", NULL},
        {"10.0.0/8", NULL},
        {"010.0.0.0/8", NULL},
        {"::/0", NULL},
        {"", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct cidr cidr;
        bool read = cidr_parse(str_of(cases[i].text), &cidr);

        assert_int_equal(read, cases[i].expected != NULL);
        if (read)
            assert_string_equal(cidr_text(cidr).text, cases[i].expected);
    }
}

static void ranges_overlap(void **state)
{
    static const struct {
        const char *a;
        const char *b;
        bool overlap;
    } cases[] = {
        {"10.0.0.0/8", "10.1.0.0/16", true},   {"10.1.0.0/16", "10.0.0.0/8", true},
        {"10.0.0.0/16", "10.1.0.0/16", false}, {"0.0.0.0/0", "10.1.0.0/16", true},
        {"10.1.0.0/16", "10.1.0.0/16", true},  {"10.1.0.4/30", "10.1.0.0/30", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct cidr a;
        struct cidr b;

        assert_true(cidr_parse(str_of(cases[i].a), &a));
        assert_true(cidr_parse(str_of(cases[i].b), &b));
        assert_int_equal(cidr_overlap(a, b), cases[i].overlap);
        assert_int_equal(cidr_overlap(b, a), cases[i].overlap);
    }
}

static void macs_are_read(void **state)
{
    static const uint8_t expected[MAC_BYTES] = {0x02, 0xab, 0xCD, 0x00, 0x09, 0xff};
    static const char *const bad[] = {"02:ab:cd:00:09", "02:ab:cd:00:09:fg", "02-ab-cd-00-09-ff", "03:00:00:00:00:00",
                                      "02:ab:cd:00:09:ff:"};
    uint8_t mac[MAC_BYTES];

    (void)state;
    assert_true(mac_parse(STR("02:ab:CD:00:09:ff"), mac));
    assert_memory_equal(mac, expected, MAC_BYTES);
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(mac_parse(str_of(bad[i]), mac));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cidrs_are_read),
        cmocka_unit_test(ranges_overlap),
        cmocka_unit_test(macs_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
