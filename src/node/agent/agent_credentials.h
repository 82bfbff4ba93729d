/* Whose calls the agent's are: of the environment (AWS_ACCESS_KEY_ID ...), else of the instance's role, fetched again
 * before they end. */
#pragma once

#include "node/agent/instance_client.h"

enum { CREDENTIAL_BYTES = 4096 };

struct agent_credentials {
    char access_key[128], secret[256], token[CREDENTIAL_BYTES]; /* token "": none */
    int64_t expires_ms;                                         /* 0: never */
};

/* Those that are good now: fetched when there are none or they end within five minutes. FAIL_NOT_FOUND: there are none.
 */
checked bool agent_credentials_get(struct agent_credentials *credentials, struct instance_client *instance,
                                   int64_t now_ms, struct fail *f);
