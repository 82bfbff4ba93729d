/* Owns the computing of a capability set. Setting it is the launcher's. */
#include "node/runtime/capabilities.h"

#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <strings.h>
#include <sys/capability.h>

#define BIT(number) (UINT64_C(1) << (number))

/* Docker's documentation, "Runtime privilege and Linux capabilities": granted by default. */
static const uint64_t DOCKER_DEFAULT = BIT(CAP_AUDIT_WRITE) | BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FOWNER) |
                                       BIT(CAP_FSETID) | BIT(CAP_KILL) | BIT(CAP_MKNOD) | BIT(CAP_NET_BIND_SERVICE) |
                                       BIT(CAP_NET_RAW) | BIT(CAP_SETFCAP) | BIT(CAP_SETGID) | BIT(CAP_SETPCAP) |
                                       BIT(CAP_SETUID) | BIT(CAP_SYS_CHROOT);

bool capabilities_bounding(uint64_t *ret_set, struct fail *f)
{
    uint64_t set = 0;

    for (int number = 0; number < 64; number++) {
        int has = cap_get_bound(number);

        if (has < 0 && number == 0)
            return fail(f, FAIL_SYSTEM, "read the capability bounding set: %s", strerror(errno));
        if (has < 0)
            break; /* beyond what the kernel knows */
        if (has > 0)
            set |= BIT(number);
    }
    *ret_set = set;
    return true;
}

static bool set_of_name(const char *name, uint64_t *ret_set, struct fail *f)
{
    char full[64];
    cap_value_t number;

    if (strcasecmp(name, "ALL") == 0) {
        *ret_set = UINT64_MAX;
        return true;
    }
    (void)snprintf(full, sizeof(full), "%s%s", strncasecmp(name, "cap_", 4) == 0 ? "" : "cap_", name);
    for (char *c = full; *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
    if (cap_from_name(full, &number) != 0 || isdigit((unsigned char)full[4]))
        return fail(f, FAIL_INPUT, "unknown capability \"%s\"", name);
    *ret_set = BIT(number);
    return true;
}

bool capabilities_of(const char *const *add, size_t add_count, const char *const *drop, size_t drop_count,
                     uint64_t bounding, uint64_t *ret_set, struct fail *f)
{
    uint64_t added = 0;
    uint64_t dropped = 0;
    uint64_t bits;
    bool add_all = false;

    for (size_t i = 0; i < drop_count; i++) {
        if (!set_of_name(drop[i], &bits, f))
            return false;
        dropped |= bits;
    }
    for (size_t i = 0; i < add_count; i++) {
        if (!set_of_name(add[i], &bits, f))
            return false;
        if (bits == UINT64_MAX)
            add_all = true;
        else if ((bits & bounding) == 0)
            return fail(f, FAIL_DENIED, "capability \"%s\" is not available on this host", add[i]);
        else
            added |= bits;
    }
    /* A capability named in both lists: with ALL in one of them the name in the other wins, else add does. */
    *ret_set = ((add_all ? UINT64_MAX & ~dropped : DOCKER_DEFAULT & ~dropped) | added) & bounding;
    return true;
}

char *capability_name(unsigned number)
{
    char *name = cap_to_name((cap_value_t)number);
    char *copy = NULL;

    if (name != NULL && isalpha((unsigned char)name[0]))
        copy = strdup(name);
    (void)cap_free(name);
    for (char *c = copy; c != NULL && *c != '\0'; c++)
        *c = (char)toupper((unsigned char)*c);
    return copy;
}
