/* `berth agent`: the composition root of the ECS agent. */
#include "node/agent/agent.h"

#include "base/log.h"
#include "base/must.h"
#include "main/signals.h"
#include "main/verbs.h"

enum { EXIT_TERMINAL = 5 };

static const char *from_environment(const char *name)
{
    return getenv(name);
}

static void wait_for_end(void)
{
    signals_wait();
}

int verb_agent(const struct verb *verb, int argc, char **argv)
{
    const char *cluster = NULL;
    bool external = false;
    const struct option_spec rows[] = {
        {"cluster", OPTION_TEXT, "NAME", "the cluster to join (ECS_CLUSTER, or default)", &cluster},
        {"external", OPTION_FLAG, NULL, "a machine of one's own, without instance metadata (ECS_EXTERNAL)", &external},
        {0},
    };
    struct agent_config config;
    struct arena arena;
    struct fail f;
    int first;
    int status;

    if (!options_parse(verb, rows, argc, argv, &first, &status))
        return status;
    log_setup(LOG_INFO, /* json= */ false);
    signals_block();
    arena_init(&arena, (size_t)1 << 20);
    if (!agent_config_read(from_environment, &arena, &config, &f)) {
        (void)verb_failed(verb, &f);
        return EXIT_TERMINAL;
    }
    if (cluster != NULL)
        config.cluster = str_of(cluster);
    config.external = config.external || external;
    status = agent_run(&config, wait_for_end);
    arena_free(&arena);
    return status;
}
