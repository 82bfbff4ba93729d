/* What the agent asks of the instance metadata service, version 2: who the instance is, and its role's credentials. */
#pragma once

#include "base/arena.h"
#include "base/fail.h"
#include "os/http_client.h"

struct instance_client;

checked bool instance_client_new(struct instance_client **ret_client, struct fail *f);
void instance_client_free(struct instance_client *client); /* NULL is fine */
/* What stands at "dynamic/instance-identity/document"; in the arena. FAIL_NOT_FOUND: nothing. */
checked bool instance_client_get(struct instance_client *client, const char *path, struct arena *arena,
                                 struct str *ret_text, struct fail *f);
