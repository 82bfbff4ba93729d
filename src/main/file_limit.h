/* How many files a process of Berth may have open. */
#pragma once

/* Raises the soft limit to 65535, or to the hard limit where that is lower. Shells give 1024 unless they are asked for
 * more: 2000 clients would leave a server none for the database and the blobs, and a host has several for each
 * container. Containers that say nothing of it inherit the host's, which is then what Fargate gives (ECS developer
 * guide, "Task definition parameters", ulimits). */
void file_limit_raise(void);
