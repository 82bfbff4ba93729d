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

/* Keys come by the environment only: command lines can be seen by all users of the machine. */
static bool choose_s3(const char *endpoint, struct host_s3 *s3, struct fail *f)
{
    struct str url = str_of(endpoint != NULL ? endpoint : getenv("BERTH_S3_ENDPOINT"));
    size_t scheme = str_search(url, STR("://"));

    if (url.len == 0)
        return true;
    if ((!str_starts(url, STR("http://")) && !str_starts(url, STR("https://"))) || scheme + 3 == url.len ||
        str_find(str_from(url, scheme + 3), '/') != url.len - scheme - 3)
        return fail(f, FAIL_INPUT, "--s3-endpoint takes a URL like http://127.0.0.1:9000, without a path, not '%s'",
                    url.ptr);
    s3->endpoint = url.ptr;
    s3->access_key = getenv("BERTH_S3_ACCESS_KEY_ID");
    s3->secret = getenv("BERTH_S3_SECRET_ACCESS_KEY");
    if ((s3->access_key == NULL) != (s3->secret == NULL))
        return fail(f, FAIL_INPUT, "BERTH_S3_ACCESS_KEY_ID and BERTH_S3_SECRET_ACCESS_KEY go together");
    return true;
}

int verb_host(const struct verb *verb, int argc, char **argv)
{
    const char *data = DATA_DIR_DEFAULT;
    const char *server = "127.0.0.1:4566";
    const char *public_address = NULL;
    const char *name = NULL;
    const char *runtime = "native";
    const char *s3_endpoint = NULL;
    bool log_as_json = false;
    const struct option_spec rows[] = {
        {"data", OPTION_TEXT, "DIR", "where everything is kept (" DATA_DIR_DEFAULT ")", &data},
        {"server", OPTION_TEXT, "ADDRESS:PORT", "where the server answers (127.0.0.1:4566)", &server},
        {"public-address", OPTION_TEXT, "NAME:PORT", "what clients call the server, in names of images (as --server)",
         &public_address},
        {"name", OPTION_TEXT, "NAME", "shown by `berth status` (the machine's name)", &name},
        {"runtime", OPTION_TEXT, "native|PROGRAM", "who starts containers: Berth, or crun under conmon (native)",
         &runtime},
        {"s3-endpoint", OPTION_TEXT, "URL",
         "where environmentFiles are (BERTH_S3_ENDPOINT; keys of its own: BERTH_S3_ACCESS_KEY_ID, "
         "BERTH_S3_SECRET_ACCESS_KEY)",
         &s3_endpoint},
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
    bool good;

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
    good = choose_s3(s3_endpoint, &options.s3, &f) &&
           listen_parse("server", server, &arena, &options.server_address, &options.server_port, &f) &&
           data_dir_open(data, &dir, &f) && data_dir_lock(&dir, "host", &lock_fd, &f);
    if (good) {
        options.instance = dir.instance;
        options.token = dir.token;
        good = host_start(&options, &host, &f);
    }
    if (good) {
        log_info("host %s is at work for the server at %s", options.name, server);
        signals_wait();
        host_stop(host);
    }
    arena_free(&arena);
    return good ? EXIT_OK : verb_failed(verb, &f);
}
