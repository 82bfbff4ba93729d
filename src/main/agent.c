/* `berth agent`: the composition root of the ECS agent. */
#include "node/agent/agent.h"

#include "base/log.h"
#include "base/must.h"
#include "base/when.h"
#include "main/signals.h"
#include "main/verbs.h"

enum { EXIT_RESTART = 1, EXIT_TERMINAL = 5 };

static const char *from_environment(const char *name)
{
    return getenv(name);
}

static bool wait_for_end(int64_t ms)
{
    if (ms != WHEN_NEVER)
        return signals_wait_for(ms);
    signals_wait();
    return true;
}

int verb_agent(const struct verb *verb, int argc, char **argv)
{
    const char *cluster = NULL;
    const char *activation_id = NULL;
    const char *activation_code = NULL;
    bool external = false;
    const struct option_spec rows[] = {
        {"cluster", OPTION_TEXT, "NAME", "the cluster to join (ECS_CLUSTER, or default)", &cluster},
        {"activation-id", OPTION_TEXT, "ID", "of ssm create-activation: register as a machine of one's own",
         &activation_id},
        {"activation-code", OPTION_TEXT, "CODE", "the activation's code", &activation_code},
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
    config.external = config.external || external || activation_id != NULL;
    config.activation_id = str_of(activation_id);
    config.activation_code = str_of(activation_code);
    if ((activation_id == NULL) != (activation_code == NULL)) {
        (void)fail(&f, FAIL_INPUT, "--activation-id and --activation-code go together");
        (void)verb_failed(verb, &f);
        return EXIT_TERMINAL;
    }
    if (config.external && !managed_instance_open(&config, &config.managed, &f)) {
        (void)verb_failed(verb, &f);
        return f.code == FAIL_API ? EXIT_TERMINAL : EXIT_RESTART;
    }
    status = agent_run(&config, wait_for_end);
    arena_free(&arena);
    return status;
}
