/* For tests and benchmarks of the registry protocol only: repositories in memory, answered from a thread of their own
 * as the core's would be. It keeps what the rules of metadata.h need and nothing else. */
#pragma once

#include "edge/registry/metadata.h"

struct memory_metadata;

/* password: what user AWS has to send; NULL lets anybody in. "expired" is always an expired one. */
struct memory_metadata *memory_metadata_start(const char *password);
void memory_metadata_stop(struct memory_metadata *metadata);

/* Before any call is under way. Strings are static. */
void memory_metadata_add(struct memory_metadata *metadata, const char *account, const char *region, const char *name,
                         bool immutable);
/* From now on every request about repositories is denied. */
void memory_metadata_deny(struct memory_metadata *metadata, const char *action);

struct registry_metadata memory_metadata_port(struct memory_metadata *metadata);
