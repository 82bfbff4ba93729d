/* Back to the first state, as test suites need it between two tests: the records are those of a new installation, but
 * the root key stays, since the caller goes on with it; hosts end their containers; blobs and bulk go. */
#pragma once

#include "edge/front.h"

/* Waits for it, all but the hosts. Worker threads. */
checked bool installation_reset(const struct front_options *options, struct fail *f);
