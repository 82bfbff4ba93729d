/* Fetches the keys of OpenID Connect providers (OpenID Connect Discovery, section 4: the issuer's document names their
 * place) for plane/iam, which asks by effect and gets the answer as a job. One thread, one fetch at a time. */
#pragma once

#include "edge/loop.h"

struct oidc_keys;

checked bool oidc_keys_start(struct oidc_keys **ret_keys, struct fail *f);
/* The loop that answers go to; before it there are no asks. */
void oidc_keys_begin(struct oidc_keys *keys, struct loop *loop);
/* From the core thread: fetch the keys of that issuer for that provider. Asks beyond ASKS_MAX are dropped: they come
 * again. */
void oidc_keys_ask(struct oidc_keys *keys, struct str issuer, struct str provider_key);
/* Breaks off what is under way and ends the thread; before the loop stops. */
void oidc_keys_stop(struct oidc_keys *keys);
/* After the loop, which may ask until it has stopped. */
void oidc_keys_free(struct oidc_keys *keys);
