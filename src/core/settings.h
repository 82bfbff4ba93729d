/* What an installation is told at start and every domain may read. Constant while the core runs. */
#pragma once

#include "base/str.h"

struct settings {
    struct str endpoint;         /* "127.0.0.1:4566": host and port under which clients reach the APIs */
    struct str default_region;   /* "us-east-1" */
    struct str default_account;  /* twelve digits */
    struct str default_vpc_cidr; /* "172.31.0.0/16" unless that is taken on this machine */
    bool auth_open;
    int64_t task_session_ms; /* how long a task's credentials last; 0: six hours */
    struct str secret_key;   /* seals what must not be read from records (plane/secrets/vault.h); never shown */
};
