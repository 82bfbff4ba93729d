/* Account settings (developer guide, "Access Amazon ECS features with account settings"): per account, region and
 * principal. A principal without a setting of its own has the root user's, which PutAccountSettingDefault sets; without
 * that the value that every account begins with.
 *
 * A value that Berth could only remember, and not act on, is refused. */
#pragma once

#include "core/call.h"
#include "model/gen/ecs.h"

/* The value in force for the caller. */
struct str account_setting(const struct call *call, enum ecs_setting_name name);
/* Whether containers go on when their logs cannot be taken: the setting defaultLogDriverMode, see log_mode.h. */
bool logs_are_non_blocking(const struct call *call);
