/* The one binary: which verb, and off to it. */
#include "cli/options.h"
#include "main/verbs.h"

#include <string.h>

static int version(const struct verb *verb, int argc, char **argv)
{
    static const struct option_spec rows[] = {{0}};
    int first;
    int status;

    if (!options_parse(verb, rows, argc, argv, &first, &status))
        return status;
    (void)printf("berth %s\n", BERTH_VERSION);
    return EXIT_OK;
}

static const struct verb verbs[] = {
    {"up", "", "Start Berth on this machine (server and host) and return when it is ready.", verb_up},
    {"down", "", "End what `berth up` started here, and everything it made.", verb_down},
    {"status", "", "Show hosts, clusters, tasks and images.", verb_status},
    {"env", "", "Print shell lines that point the AWS tools at Berth: eval \"$(berth env)\".", verb_env},
    {"doctor", "", "Check whether this machine can run Berth, and say how to mend what cannot.", verb_doctor},
    {"logs", "TASK", "Show what the containers of a task wrote.", verb_logs},
    {"exec", "TASK [--] COMMAND...", "Run a command in a container of a task, on this terminal.", verb_exec},
    {"account", "create [ID] | list", "Make another account, or list those that there are.", verb_account},
    {"explain", "WHO ACTION RESOURCE", "Show what policies decide, and by which statement.", verb_explain},
    {"audit", "", "Show who called what, and what was refused.", verb_audit},
    {"events", "", "Show what happens to tasks, and all else that the event bus carries.", verb_events},
    {"server", "", "Run the control plane: answers the APIs, owns all state, decides.", verb_server},
    {"host", "", "Run a host: lends this machine's capacity, runs Fargate tasks.", verb_host},
    {"agent", "", "Run the ECS agent: joins a cluster as a container instance, and runs its tasks.", verb_agent},
    {"instance-init", "", "Be the first process of an EC2 instance; only inside one.", verb_instance_init},
    {"sim", "", "Run the control plane against simulated hosts and faults, from a seed.", verb_sim},
    {"stand-in", "", "Run hosts that run nothing: for tests of clients, and benchmarks.", verb_stand_in},
    {"operations", "", "List the API operations that Berth answers, and those it refuses.", verb_operations},
    {"version", "", "Print the version.", version},
};

static void usage(FILE *to)
{
    (void)fprintf(to, "Usage: berth VERB [OPTIONS]\n\nAmazon ECS and its neighbours on your own machines.\n\nVerbs:\n");
    for (size_t i = 0; i < COUNT_OF(verbs); i++)
        (void)fprintf(to, "  %-10s %s\n", verbs[i].name, verbs[i].summary);
    (void)fprintf(to, "\n'berth VERB --help' tells a verb's options.\n");
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        usage(stdout);
        return EXIT_OK;
    }
    if (strcmp(argv[1], "--version") == 0)
        argv[1] = (char *)(uintptr_t) "version";
    for (size_t i = 0; i < COUNT_OF(verbs); i++)
        if (strcmp(argv[1], verbs[i].name) == 0)
            return verbs[i].run(&verbs[i], argc - 1, argv + 1);
    (void)fprintf(stderr, "berth: there is no verb '%s'; 'berth --help' lists them.\n", argv[1]);
    return EXIT_USAGE;
}
