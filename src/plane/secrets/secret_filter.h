/* The filters of ListSecrets and BatchGetSecretValue (API reference, "Filter"). A secret passes when every filter has a
 * value that fits, or that begins with ! and does not. Any thread. */
#pragma once

#include "model/gen/secretsmanager.h"

bool secret_passes(const struct secretsmanager_secret_list_entry *secret, struct str region,
                   const struct secretsmanager_filters_list_type *filters);
