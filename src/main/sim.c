#include "sim/sim.h"

#include "main/memory.h"
#include "main/verbs.h"

#include <stdint.h>

static void print(const struct sim_options *options, const struct sim_result *result, bool json)
{
    const struct {
        const char *name;
        unsigned long long value;
    } rows[] = {
        {"seed", options->seed},
        {"hosts", options->hosts},
        {"instances", options->instances},
        {"placements", result->placements},
        {"serviceTasks", result->service_tasks},
        {"messages", result->messages},
        {"lostMessages", result->lost_messages},
        {"repeatedRequests", result->repeated_requests},
        {"hostLosses", result->host_losses},
        {"instanceLosses", result->instance_losses},
        {"cuts", result->cuts},
        {"registrations", result->registrations},
        {"serverRestarts", result->restarts},
        {"failedCommits", result->failed_commits},
        {"turns", result->turns},
        {"virtualMs", (unsigned long long)result->virtual_ms},
    };
    double rate = result->wall_s > 0 ? (double)(result->placements + result->service_tasks) / result->wall_s : 0.0;

    if (json)
        (void)printf("{");
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (json)
            (void)printf("\"%s\":%llu,", rows[i].name, rows[i].value);
        else
            (void)printf("%-20s %llu\n", rows[i].name, rows[i].value);
    if (json)
        (void)printf("\"placementsPerSecond\":%.0f}\n", rate);
    else
        (void)printf("%-20s %.0f\n", "placementsPerSecond", rate);
}

/* What a world takes: about twelve KiB a task, and a little for each machine. */
static size_t room(unsigned long tasks, unsigned long machines)
{
    enum { WORLD_BYTES = 16 << 20, PIECE_BYTES = 12 << 10 };
    size_t pieces_max = (MEMORY_RESERVE_MAX - WORLD_BYTES) / PIECE_BYTES;
    size_t pieces = tasks + machines;

    return WORLD_BYTES + (pieces < pieces_max ? pieces : pieces_max) * PIECE_BYTES;
}

int verb_sim(const struct verb *verb, int argc, char **argv)
{
    unsigned long seed = 1;
    unsigned long hosts = 10;
    unsigned long tasks = 500;
    unsigned long instances = 0;
    unsigned long services = 0;
    unsigned long service_tasks = 0;
    unsigned long runs = 1;
    bool calm = false;
    bool json = false;
    const struct option_spec rows[] = {
        {"seed", OPTION_NUMBER, "N", "the world's seed (1); a failure is replayed by its seed", &seed},
        {"hosts", OPTION_NUMBER, "H", "how many hosts (10)", &hosts},
        {"tasks", OPTION_NUMBER, "T", "how many tasks are run (500)", &tasks},
        {"instances", OPTION_NUMBER, "I", "how many container instances (0)", &instances},
        {"services", OPTION_NUMBER, "S", "how many services on them (0)", &services},
        {"service-tasks", OPTION_NUMBER, "T", "how many tasks those have together (0)", &service_tasks},
        {"runs", OPTION_NUMBER, "N", "how many worlds, from that seed on (1)", &runs},
        {"no-faults", OPTION_FLAG, NULL, "lose no host, no message and no server", &calm},
        {"json", OPTION_FLAG, NULL, "print JSON", &json},
        {0},
    };
    int first;
    int status;

    if (!options_parse(verb, rows, argc, argv, &first, &status))
        return status;
    if (hosts < 1 || hosts > 100000) {
        (void)fprintf(stderr, "berth sim: --hosts takes 1 to 100000\n");
        return EXIT_USAGE;
    }
    if ((services > 0 && instances == 0) || instances > 100000 || services > 5000) {
        (void)fprintf(stderr, "berth sim: --services takes 0 to 5000, and --instances for them, up to 100000\n");
        return EXIT_USAGE;
    }
    memory_reserve(room(tasks + service_tasks, hosts + instances));
    for (unsigned long i = 0; i < runs; i++) {
        struct sim_options options = {.seed = seed + i,
                                      .hosts = (unsigned)hosts,
                                      .tasks = (unsigned)tasks,
                                      .instances = (unsigned)instances,
                                      .services = (unsigned)services,
                                      .service_tasks = (unsigned)service_tasks,
                                      .faults = !calm};
        struct sim_result result;
        struct fail f;

        if (!sim_run(&options, &result, &f)) {
            (void)fprintf(stderr,
                          "berth sim: seed %lu is broken: %s\nReplay it: berth sim --seed %lu --hosts %lu --tasks %lu "
                          "--instances %lu --services %lu --service-tasks %lu%s\n",
                          seed + i, f.message, seed + i, hosts, tasks, instances, services, service_tasks,
                          calm ? " --no-faults" : "");
            return EXIT_FAILED;
        }
        print(&options, &result, json);
    }
    return EXIT_OK;
}
