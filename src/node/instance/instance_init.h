/* The first process of an instance (`berth instance-init`), as little of an init system as it needs:
 *
 *   1 user data runs, at the first start only, as cloud-init does it: output to the console and to
 *     /var/log/cloud-init-output.log
 *   2 the ECS agent is started, with the variables of /etc/ecs/ecs.config, and again when it ends, unless it ended with
 *     5, "do not restart" (as ecs-init)
 *   3 orphans are reaped
 *   4 SIGTERM ends all processes, SIGKILL those that stay, and then itself: the instance is stopped
 *
 * Its standard output is the console. */
#pragma once

/* Does not return before the shutdown. `program`: the path of berth inside. The exit status. */
int instance_init_run(const char *program);
