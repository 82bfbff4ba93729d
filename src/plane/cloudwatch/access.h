/* What CloudWatch tells IAM's decisions: its condition keys, the tags of alarms. */
#pragma once

#include "plane/iam/authorize.h"

extern const struct access_spec cloudwatch_access;
