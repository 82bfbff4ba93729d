/* The CPU and memory of a task, as a task definition or an override spells them (ECS developer guide, "Task size"):
 * "256", "0.25 vCPU", ".25 vcpu", "1vCPU"; "512", "0.5 GB", "1GB". */
#pragma once

#include "base/str.h"

/* CPU units (1024 a vCPU) and MiB; false on anything that is not a positive whole number of them. */
checked bool task_cpu_parse(struct str text, int32_t *ret_cpu_units);
checked bool task_memory_parse(struct str text, int32_t *ret_memory_mib);

/* Whether Fargate has a task of that size (the same page's table of CPU and memory combinations). */
bool fargate_size_exists(int32_t cpu_units, int32_t memory_mib);
