/* When access keys were last used: noted about once a minute a key, in a job of its own, so that no request waits for
 * it and reads stay reads. Any thread. */
#pragma once

#include "core/call.h"
#include "edge/loop.h"

struct key_use;

struct key_use *key_use_new(struct loop *loop);
/* Before the loop stops, so that what was noted becomes durable. */
void key_use_free(struct key_use *use);

/* The principal has called that service in that region at that time of the installation. */
void key_use_note(struct key_use *use, const struct principal *principal, struct str service, struct str region,
                  int64_t now_ms);
