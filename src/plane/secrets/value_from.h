/* valueFrom of a container's secrets (ECS developer guide, "Pass sensitive data to an Amazon ECS container"): what an
 * environment variable is read from.
 *
 *   arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-XXXXXX[:JSON-KEY:VERSION-STAGE:VERSION-ID]
 *   arn:aws:ssm:REGION:ACCOUNT:parameter/NAME
 *   NAME, of a parameter in the task's own account and region
 *
 * The last three parts of the first form may each be empty, but the colons are all there or none is. Any thread. */
#pragma once

#include "base/fail.h"
#include "base/str.h"

enum value_from_kind { VALUE_FROM_SECRET, VALUE_FROM_PARAMETER };

/* Parts of the text it was read from; what is absent or empty there has len 0. */
struct value_from {
    enum value_from_kind kind;
    struct str account, region; /* of an ARN */
    struct str name;            /* a secret's ARN, without the last three parts; a parameter's name or ARN */
    struct str json_key, version_stage, version_id;
};

/* Fails with FAIL_INPUT when the text is none of the forms. */
checked bool value_from_parse(struct str text, struct value_from *ret_from, struct fail *f);
