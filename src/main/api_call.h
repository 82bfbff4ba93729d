/* One call of Berth's own API from a verb, signed as the aws CLI would: AWS_ACCESS_KEY_ID and its kin name who calls,
 * without them the account's root does, whose key stands in the data directory. */
#pragma once

#include "main/installation.h"
#include "model/shape.h"

/* `operation` is one of JSON 1.1 or 1.0; the answer is the caller's to decref. Fails in the words of the API. */
checked bool api_call(struct installation *in, const struct operation *operation, const void *input,
                      json_t **ret_answer, struct fail *f);
