#include "node/network/machine.h"

#include "base/must.h"
#include "node/network/forwarding.h"
#include "os/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

enum { PATH_SIZE = RESOLVER_PATH_SIZE + 32 };

struct machine_path {
    char text[PATH_SIZE];
};

static struct machine_path path_of(const struct machine *machine, const char *file)
{
    struct machine_path path;

    (void)snprintf(path.text, sizeof(path.text), "%s/%s", machine->run_dir, file);
    return path;
}

struct machine_name machine_name(const struct machine *machine, const char *id)
{
    struct machine_name name;
    int len = snprintf(name.text, sizeof(name.text), "berth-%s-%s", machine->instance, id);

    must(len > 0 && (size_t)len < sizeof(name.text));
    return name;
}

static bool set_names(struct machine *machine, const struct network_options *options, struct fail *f)
{
    struct str instance = str_of(options->instance);
    bool good = instance.len > 0 && str_to_buffer(instance, machine->instance, sizeof(machine->instance));

    for (size_t i = 0; good && i < instance.len; i++) {
        char c = instance.ptr[i];
        good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    }
    if (!good)
        return fail(f, FAIL_INPUT, "\"%.*s\" is not an instance: 1 to %d of a-z and 0-9", STR_ARG(instance),
                    NETWORK_INSTANCE_MAX);
    if (!str_to_buffer(str_of(options->run_dir), machine->run_dir, sizeof(machine->run_dir)) ||
        machine->run_dir[0] != '/')
        return fail(f, FAIL_INPUT, "the run directory is an absolute path of at most %zu bytes",
                    sizeof(machine->run_dir) - 1);
    return true;
}

/* Everyone may pass from / down to the run directory. */
static bool check_passable(const struct machine *machine, struct fail *f)
{
    char path[RESOLVER_PATH_SIZE];
    struct stat stat_now;

    (void)snprintf(path, sizeof(path), "%s", machine->run_dir);
    while (path[1] != '\0') {
        char *slash = strrchr(path, '/');

        if (stat(path, &stat_now) < 0)
            return fail(f, FAIL_SYSTEM, "stat %s: %s", path, strerror(errno));
        if ((stat_now.st_mode & S_IXOTH) == 0)
            return fail(f, FAIL_INPUT, "%s must let others pass (chmod o+x): the resolver reads its files below it",
                        path);
        slash[slash == path ? 1 : 0] = '\0';
    }
    return true;
}

static bool make_directories(struct machine *machine, struct fail *f)
{
    struct machine_path records = path_of(machine, "eni");

    if (!directory_make(machine->run_dir, 0755, f) || !check_passable(machine, f) ||
        !directory_lock(machine->run_dir, &machine->lock, f) ||
        !directory_make(path_of(machine, "resolver").text, 0755, f) || !directory_make(records.text, 0700, f))
        return false;
    machine->records = open(records.text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (machine->records < 0)
        return fail(f, FAIL_SYSTEM, "open %s: %s", records.text, strerror(errno));
    return true;
}

bool machine_open(struct machine *machine, const struct network_options *options, struct fail *f)
{
    *machine = (struct machine){.lock = -1, .records = -1, .fd = -1, .rt.fd = -1};
    if (set_names(machine, options, f) && make_directories(machine, f) && namespace_prepare(f) &&
        namespace_home(&machine->fd, f) && rtnetlink_open(&machine->rt, f) && nft_open(&machine->nft, f))
        return true;
    machine_close(machine);
    return false;
}

void machine_close(struct machine *machine)
{
    const int fds[] = {machine->fd, machine->records, machine->lock};

    nft_close(&machine->nft);
    rtnetlink_close(&machine->rt);
    for (size_t i = 0; i < COUNT_OF(fds); i++)
        close_fd_at(&fds[i]);
    buf_free(&machine->table);
}

bool machine_translate(struct machine *machine, const struct uplink_row *rows, size_t count, struct fail *f)
{
    auto_buf text = {0};
    bool exit = false;

    for (size_t i = 0; i < count; i++)
        exit = exit || rows[i].exit;
    uplink_table(&text, machine->instance, rows, count);
    if (!str_eq(buf_str(&text), buf_str(&machine->table))) {
        if (!nft_run(&machine->nft, &text, f))
            return false;
        buf_clear(&machine->table);
        buf_add(&machine->table, buf_str(&text));
    }
    return exit ? forwarding_need(machine->instance, f) : forwarding_release(machine->instance, f);
}

bool machine_records(const struct machine *machine, machine_record_fn *each, void *context, struct fail *f)
{
    DIR *dir = opendir(path_of(machine, "eni").text);
    struct dirent *entry;
    bool ok = true;

    if (dir == NULL)
        return fail(f, FAIL_SYSTEM, "open the records of ENIs: %s", strerror(errno));
    while (ok && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.')
            ok = each(entry->d_name, context, f);
    }
    (void)closedir(dir);
    return ok;
}

bool machine_clear(struct machine *machine, struct fail *f)
{
    if (!machine_translate(machine, NULL, 0, f) || !path_remove(path_of(machine, "eni").text, f) ||
        !path_remove(path_of(machine, "resolver").text, f) || !path_remove(path_of(machine, "lock").text, f))
        return false;
    /* The run directory itself may hold what is not ours. */
    if (rmdir(machine->run_dir) < 0 && errno != ENOENT && errno != ENOTEMPTY && errno != EEXIST)
        return fail(f, FAIL_SYSTEM, "remove %s: %s", machine->run_dir, strerror(errno));
    return true;
}
