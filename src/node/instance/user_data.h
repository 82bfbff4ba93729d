/* What an instance is told to do when it starts for the first time, by the forms that cloud-init knows ("User data
 * formats"). Shell scripts run; the others are refused by name. */
#pragma once

#include "base/str.h"

enum user_data_kind {
    USER_DATA_NONE,
    USER_DATA_SCRIPT,       /* "#!": run as it is */
    USER_DATA_CLOUD_CONFIG, /* "#cloud-config", YAML */
    USER_DATA_MULTIPART,    /* "Content-Type: multipart/..." */
    USER_DATA_OTHER,
};

enum user_data_kind user_data_kind(struct str text);
/* Why one that is not run is not; NULL for the first two. */
const char *user_data_refusal(enum user_data_kind kind);
