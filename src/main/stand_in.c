/* `berth stand-in`: hosts that run nothing, for tests and benchmarks (node/stand_in/stand_in.h). */
#include "node/stand_in/stand_in.h"

#include "base/log.h"
#include "main/data_dir.h"
#include "main/listen.h"
#include "main/signals.h"
#include "main/verbs.h"

int verb_stand_in(const struct verb *verb, int argc, char **argv)
{
    const char *data = DATA_DIR_DEFAULT;
    const char *server = "127.0.0.1:4566";
    const char *name = "stand-in";
    unsigned long hosts = 1;
    unsigned long cpu_units = 4096;
    unsigned long memory_mib = 16384;
    unsigned long step_ms = 0;
    const struct option_spec rows[] = {
        {"data", OPTION_TEXT, "DIR", "the installation's directory: its token (" DATA_DIR_DEFAULT ")", &data},
        {"server", OPTION_TEXT, "ADDRESS:PORT", "where the server answers (127.0.0.1:4566)", &server},
        {"name", OPTION_TEXT, "NAME", "what the hosts are called, with a number behind (stand-in)", &name},
        {"hosts", OPTION_NUMBER, "N", "how many (1)", &hosts},
        {"cpu", OPTION_NUMBER, "UNITS", "CPU units of each (4096)", &cpu_units},
        {"memory", OPTION_NUMBER, "MIB", "memory of each (16384)", &memory_mib},
        {"step-ms", OPTION_NUMBER, "MS", "from one status of a task to the next (0)", &step_ms},
        {0},
    };
    struct stand_in_options options = {0};
    struct stand_in *stand_in;
    struct data_dir dir;
    struct arena arena;
    struct fail f;
    int first;
    int status;

    if (!options_parse(verb, rows, argc, argv, &first, &status))
        return status;
    log_setup(LOG_INFO, false);
    signals_block();
    arena_init(&arena, (size_t)1 << 20);
    if (!listen_parse("server", server, &arena, &options.server_address, &options.server_port, &f) ||
        !data_dir_open(data, &dir, &f))
        return verb_failed(verb, &f);
    options.token = dir.token;
    options.name = name;
    options.hosts = (unsigned)hosts;
    options.cpu_units = (int32_t)cpu_units;
    options.memory_mib = (int32_t)memory_mib;
    options.step_ms = (unsigned)step_ms;
    if (!stand_in_start(&options, &stand_in, &f))
        return verb_failed(verb, &f);
    (void)printf("ready\n");
    (void)fflush(stdout);
    signals_wait();
    stand_in_stop(stand_in);
    arena_free(&arena);
    return EXIT_OK;
}
