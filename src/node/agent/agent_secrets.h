/* What the agent fetches for a task before it begins: the values of its secrets, from Secrets Manager and SSM, and the
 * passwords of its images' registries; as the execution role, or without one as the instance (developer guide, "Pass
 * sensitive data to an Amazon ECS container"). */
#pragma once

#include "node/agent/agent_config.h"
#include "node/image/image.h"
#include "node/task/task.h"

/* The task's secrets and log secrets, in the arena. Fails in the agent's words. Worker threads. */
checked bool agent_secrets_fetch(const struct agent_config *config, const struct task *task, struct arena *arena,
                                 struct host_task_assignment *ret_supplied, struct fail *f);
/* Whether a registry of that name takes tokens of the ECR: "<account>.dkr.ecr....", the built-in one by the address of
 * the API, or by an address of the server's own machine, which means nothing here. */
bool agent_secrets_is_ecr(const struct agent_config *config, struct str registry);
/* User and password for the image of container i, where it needs some: a token of the ECR, or repositoryCredentials,
 * whose name it is pulled on behalf of. Worker threads. */
checked bool agent_secrets_registry(const struct agent_config *config, const struct task *task, size_t i,
                                    struct arena *arena, struct image_pull_request *request, struct fail *f);
