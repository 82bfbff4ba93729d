/* `berth instance-init`: the first process of an EC2 instance. */
#include "node/instance/instance_init.h"

#include "main/verbs.h"

int verb_instance_init(const struct verb *verb, int argc, char **argv)
{
    static const struct option_spec rows[] = {{0}};
    int first;
    int status;

    if (!options_parse(verb, rows, argc, argv, &first, &status))
        return status;
    if (getpid() != 1) {
        (void)fprintf(stderr, "berth instance-init: this is the first process of an instance, and nothing else\n");
        return EXIT_USAGE;
    }
    return instance_init_run("/usr/local/bin/berth");
}
