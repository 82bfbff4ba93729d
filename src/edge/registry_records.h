/* The registry protocol's questions, answered from the records of plane/ecr in transactions on the core thread. */
#pragma once

#include "core/call.h"
#include "edge/audit.h"
#include "edge/keys.h"
#include "edge/loop.h"
#include "edge/registry/metadata.h"

struct registry_records {
    struct loop *loop;
    const struct settings *settings;
    struct keys *keys;
    struct str host_token; /* the password of this installation's own hosts */
    struct audit *audit;   /* NULL: nothing is written */
};

struct registry_metadata registry_records_metadata(struct registry_records *records);
