/* What parameters are called, and how requests name one of their versions. Any thread.
 *
 *   NAME, or /PATH/NAME with up to 15 levels, or arn:aws:ssm:REGION:ACCOUNT:parameter/NAME
 *   each with :VERSION or :LABEL behind it */
#pragma once

#include "base/arena.h"
#include "base/fail.h"

enum { PARAMETER_LEVELS_MAX = 15, PARAMETER_NAME_MAX = 1011 }; /* API reference, "PutParameter": Name */

/* The rules of a new name; fails as PutParameter does. */
checked bool parameter_name_check(struct str name, struct fail *f);

/* A label's: up to 100 letters, digits, periods, hyphens and underscores, not beginning with a digit, aws or ssm (API
 * reference, "LabelParameterVersion"). */
bool parameter_label_is_valid(struct str label);

/* Parts of the text it was read from. */
struct parameter_ref {
    struct str account, region; /* of an ARN; absent */
    struct str name;            /* of an ARN: what stands behind "parameter/" */
    struct str selector;        /* ":3", ":label"; absent */
    int64_t version;            /* the selector's number, 0: it is a label or absent */
};

/* false when the text cannot name a parameter. */
checked bool parameter_ref_parse(struct str text, struct parameter_ref *ret_ref);

/* "x" and "/x" have one ARN, so only one of them can be there: the other one's name. */
struct str parameter_twin(struct arena *arena, struct str name);

struct str parameter_arn(struct arena *arena, struct str account, struct str region, struct str name);
