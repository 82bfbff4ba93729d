#include "main/listen.h"

#include "base/attributes.h"

#include <arpa/inet.h>
#include <sys/socket.h>

bool listen_parse(const char *option, const char *text, struct arena *arena, const char **ret_address,
                  uint16_t *ret_port, struct fail *f)
{
    struct str all = str_of(text);
    size_t colon = str_find_last(all, ':');
    struct str address = str_to(all, colon);
    uint64_t port;

    if (colon == all.len || !str_to_uint64(str_from(all, colon + 1), &port) || port < 1 || port > 65535)
        return fail(f, FAIL_INPUT, "--%s takes ADDRESS:PORT, not '%s'", option, text);
    if (str_starts(address, STR("[")) && str_ends(address, STR("]")))
        address = str_to(str_from(address, 1), address.len - 2);
    *ret_address = str_is(address, "localhost") ? "127.0.0.1" : arena_cstr(arena, address);
    *ret_port = (uint16_t)port;
    return true;
}

bool listen_is_everywhere(const char *address)
{
    return strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0;
}

/* The address that packets to the internet would leave with. Connecting a datagram socket sends nothing; the
 * destination is one that documentation has for itself (RFC 5737). */
static struct str outward_address(struct arena *arena)
{
    struct sockaddr_in far = {.sin_family = AF_INET, .sin_port = htons(9)};
    struct sockaddr_in own = {0};
    socklen_t size = sizeof(own);
    char text[INET_ADDRSTRLEN];
    auto_fd fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    (void)inet_pton(AF_INET, "192.0.2.1", &far.sin_addr);
    if (fd < 0 || connect(fd, (struct sockaddr *)&far, sizeof(far)) != 0 ||
        getsockname(fd, (struct sockaddr *)&own, &size) != 0 ||
        inet_ntop(AF_INET, &own.sin_addr, text, sizeof(text)) == NULL)
        return STR("127.0.0.1");
    return arena_str(arena, str_of(text));
}

static bool is_name(struct str name)
{
    static const char more[] = "0123456789.-:[]";

    for (size_t i = 0; i < name.len; i++)
        if (!(name.ptr[i] >= 'a' && name.ptr[i] <= 'z') && strchr(more, name.ptr[i]) == NULL)
            return false;
    return name.len > 0 && name.ptr[0] != ':';
}

bool listen_public(const char *wished, const char *listen, struct arena *arena, const char **ret_public, struct fail *f)
{
    const char *address;
    uint16_t port;
    struct str name = str_of(wished);

    if (!listen_parse("listen", listen, arena, &address, &port, f))
        return false;
    if (wished == NULL && !listen_is_everywhere(address)) {
        *ret_public = listen;
        return true;
    }
    if (wished == NULL)
        name = outward_address(arena);
    else if (!is_name(name))
        return fail(f, FAIL_INPUT, "--public-address takes NAME or NAME:PORT in lower case, not '%s'", wished);
    else if (str_find(name, ':') != name.len && !str_ends(name, STR("]"))) {
        *ret_public = wished;
        return listen_parse("public-address", wished, arena, &address, &port, f);
    }
    *ret_public = arena_cstr(arena, arena_printf(arena, "%.*s:%u", STR_ARG(name), port));
    return true;
}
