/* `berth host`: the composition root of a host. */
#include "node/host/host.h"

#include "base/log.h"
#include "base/must.h"
#include "main/data_dir.h"
#include "main/file_limit.h"
#include "main/listen.h"
#include "main/signals.h"
#include "main/verbs.h"

#include <sys/utsname.h>

/* What this machine has, in ECS's units. */
static void measure(struct host_options *options)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    long pages = sysconf(_SC_PHYS_PAGES);
    long page = sysconf(_SC_PAGESIZE);

    options->cpu_units = (int32_t)(cores * 1024);
    options->memory_mib = (int32_t)((int64_t)pages * page >> 20);
}

int verb_host(const struct verb *verb, int argc, char **argv)
{
    const char *data = DATA_DIR_DEFAULT;
    const char *server = "127.0.0.1:4566";
    const char *public_address = NULL;
    const char *name = NULL;
    const char *runtime = "native";
    bool log_as_json = false;
    const struct option_spec rows[] = {
        {"data", OPTION_TEXT, "DIR", "where everything is kept (" DATA_DIR_DEFAULT ")", &data},
        {"server", OPTION_TEXT, "ADDRESS:PORT", "where the server answers (127.0.0.1:4566)", &server},
        {"public-address", OPTION_TEXT, "NAME:PORT", "what clients call the server, in names of images (as --server)",
         &public_address},
        {"name", OPTION_TEXT, "NAME", "shown by `berth status` (the machine's name)", &name},
        {"runtime", OPTION_TEXT, "native|PROGRAM", "who starts containers: Berth, or crun under conmon (native)",
         &runtime},
        {"log-json", OPTION_FLAG, NULL, "log lines as JSON", &log_as_json},
        {0},
    };
    struct host_options options = {.data_dir = data};
    struct utsname machine;
    struct data_dir dir;
    struct arena arena;
    struct host *host;
    struct fail f;
    int lock_fd;
    int first;
    int status;

    if (!options_parse(verb, rows, argc, argv, &first, &status))
        return status;
    log_setup(LOG_INFO, log_as_json);
    signals_block();
    file_limit_raise();
    arena_init(&arena, (size_t)1 << 20);
    (void)uname(&machine);
    options.data_dir = data;
    options.endpoint = server;
    options.public_address = public_address != NULL ? public_address : server;
    options.oci_runtime = strcmp(runtime, "native") == 0 ? NULL : runtime;
    options.name = name != NULL ? name : machine.nodename;
    measure(&options);
    if (!listen_parse("server", server, &arena, &options.server_address, &options.server_port, &f) ||
        !data_dir_open(data, &dir, &f) || !data_dir_lock(&dir, "host", &lock_fd, &f))
        return verb_failed(verb, &f);
    options.instance = dir.instance;
    options.token = dir.token;
    if (!host_start(&options, &host, &f))
        return verb_failed(verb, &f);
    log_info("host %s is at work for the server at %s", options.name, server);
    signals_wait();
    host_stop(host);
    arena_free(&arena);
    return EXIT_OK;
}
