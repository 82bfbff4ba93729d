/* Machine images: the ECS-optimized ones, one an architecture (plane/ssm/public_parameter.h). */
#pragma once

#include "core/call.h"
#include "plane/ssm/public_parameter.h"

#define IMAGE_ROOT_DEVICE "/dev/xvda"

/* Fails with InvalidAMIID.Malformed and InvalidAMIID.NotFound. */
checked bool machine_image_find(const struct call *call, struct str id, const struct machine_image **ret_image);
