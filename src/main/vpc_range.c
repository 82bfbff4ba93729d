#include "main/vpc_range.h"

#include "os/files.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#define CLAIMS "/run/berth"

enum {
    RANGES = 16, /* 172.16.0.0/12 (RFC 1918) in sixteenths */
    SECOND_BYTE_MAX = 31,
    PATH_BYTES = 64,
    DIRECTORY_BYTES = 4096,
};

static void claim_path(const struct data_dir *dir, char path[PATH_BYTES])
{
    (void)snprintf(path, PATH_BYTES, CLAIMS "/%s.vpc", dir->instance);
}

/* A claim is "172.31.0.0/16 /var/lib/berth"; one whose directory is gone is nobody's. */
static bool claims(const char *path, const char *cidr, char ret_directory[DIRECTORY_BYTES])
{
    auto_buf text = {.limit = (size_t)2 * DIRECTORY_BYTES};
    struct str directory;
    struct fail ignored;

    return file_read(path, &text, &ignored) && str_is(str_cut(buf_str(&text), ' ', &directory), cidr) &&
           directory.ptr != NULL && str_to_buffer(directory, ret_directory, DIRECTORY_BYTES) &&
           access(ret_directory, F_OK) == 0;
}

/* Whether another installation has claimed the range, and in which directory. */
static bool is_claimed(const struct data_dir *dir, const char *cidr, char ret_directory[DIRECTORY_BYTES])
{
    DIR *directory = opendir(CLAIMS);
    const struct dirent *entry;
    char own[PATH_BYTES];
    bool found = false;

    claim_path(dir, own);
    while (directory != NULL && !found && (entry = readdir(directory)) != NULL) {
        char path[sizeof(CLAIMS) + sizeof(entry->d_name) + 1];

        (void)snprintf(path, sizeof(path), CLAIMS "/%s", entry->d_name);
        found =
            str_ends(str_of(entry->d_name), STR(".vpc")) && strcmp(path, own) != 0 && claims(path, cidr, ret_directory);
    }
    if (directory != NULL)
        (void)closedir(directory);
    return found;
}

/* /proc/net/route has destinations as eight hexadecimal digits, the first byte last. */
static bool is_routed(unsigned second_byte)
{
    auto_buf routes = {.limit = (size_t)4 << 20};
    struct fail ignored;
    char destination[16];

    (void)snprintf(destination, sizeof(destination), "\t0000%02XAC\t", second_byte);
    return file_read("/proc/net/route", &routes, &ignored) &&
           str_search(buf_str(&routes), str_of(destination)) != routes.len;
}

static const char *choose(const struct data_dir *dir, struct arena *arena)
{
    char ignored[DIRECTORY_BYTES];

    for (unsigned i = 0; i < RANGES; i++) {
        unsigned second_byte = SECOND_BYTE_MAX - i;
        const char *cidr = arena_printf(arena, "172.%u.0.0/16", second_byte).ptr;

        if (!is_routed(second_byte) && !is_claimed(dir, cidr, ignored))
            return cidr;
    }
    return NULL;
}

/* Addresses that tasks have had are not changed: who has them, too, is named. */
static const char *kept_range(const struct data_dir *dir, const char *cidr)
{
    char other[DIRECTORY_BYTES];

    if (is_claimed(dir, cidr, other))
        (void)fprintf(stderr,
                      "berth up: %s, the range of the default VPC, is also that of the installation in %s: while both "
                      "are up, this machine reaches the tasks of one of them only\n",
                      cidr, other);
    return cidr;
}

bool vpc_range_claim(const struct data_dir *dir, struct arena *arena, const char **ret_cidr, struct fail *f)
{
    const char *cidr;
    char path[PATH_BYTES];
    struct str kept;
    struct fail missing;
    auto_fd turn = -1; /* one chooses at a time, machine-wide */

    if (!directory_turn(CLAIMS, &turn, f))
        return false;
    if (data_dir_read(dir, "vpc-cidr", arena, &kept, &missing))
        cidr = kept_range(dir, arena_cstr(arena, kept));
    else
        cidr = choose(dir, arena);
    if (cidr == NULL)
        return fail(f, FAIL_LIMIT, "172.16.0.0/12 has no range left for a VPC: berth down what is not needed");
    claim_path(dir, path);
    if (!data_dir_write(dir, "vpc-cidr", str_of(cidr), f) ||
        !file_write(path, arena_printf(arena, "%s %s", cidr, dir->path), 0644, f))
        return false;
    *ret_cidr = cidr;
    return true;
}

void vpc_range_release(const struct data_dir *dir)
{
    char path[PATH_BYTES];

    claim_path(dir, path);
    (void)unlink(path);
}
