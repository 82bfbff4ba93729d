#include "main/listen.h"

bool listen_parse(const char *option, const char *text, struct arena *arena, const char **ret_address,
                  uint16_t *ret_port, struct fail *f)
{
    struct str all = str_of(text);
    size_t colon = str_find_last(all, ':');
    uint64_t port;

    if (colon == all.len || !str_to_uint64(str_from(all, colon + 1), &port) || port < 1 || port > 65535)
        return fail(f, FAIL_INPUT, "--%s takes ADDRESS:PORT, not '%s'", option, text);
    *ret_address = arena_cstr(arena, str_to(all, colon));
    *ret_port = (uint16_t)port;
    return true;
}
