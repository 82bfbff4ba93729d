#include "node/network/resolver.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void loopback_servers_are_left_out(void **state)
{
    static const struct {
        const char *resolv_conf;
        const char *expected;
    } cases[] = {
        {"nameserver 192.0.2.1\n", "server=192.0.2.1\n"},
        {"# nameserver 192.0.2.9\nsearch a.test\nnameserver\t192.0.2.1 \n nameserver 192.0.2.2",
         "server=192.0.2.1\nserver=192.0.2.2\n"},
        {"nameserver 127.0.0.53\nnameserver 0.0.0.0\n", ""},
        {"nameserver fe80::1\nnameserver\nnameserver 192.0.2\nnameservers 192.0.2.1\n", ""},
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        auto_buf out = {0};

        resolver_servers(str_of(cases[i].resolv_conf), &out);
        buf_add_char(&out, '\0');
        assert_string_equal(out.ptr, cases[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(loopback_servers_are_left_out)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
