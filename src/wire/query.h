/* Input of the AWS query and EC2 query protocols: structures, lists and maps spelled as names of form parameters, such
 * as "Filter.1.Value.2" (EC2) or "Tags.member.1.Key" (query). */
#pragma once

#include "wire/decode.h"
#include "wire/form.h"

/* Sorts form's pairs and reads them into a zeroed structure. Strs of the input may point into the form. */
checked bool query_read(struct decoder *decoder, const struct shape *structure, bool ec2, struct form *form,
                        void *ret_value);

/* The name of a member as a parameter: for EC2 its queryName, or its locationName with a capital. */
struct str query_name(const struct member *member, bool ec2, char buffer[static 128]);
