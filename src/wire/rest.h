/* restJson1: the input is spread over path, query string and body. The models of the two services that speak it (eks,
 * efs) put nothing into headers, status codes or payload members, so neither does this; a test walks the tables for it.
 */
#pragma once

#include "wire/decode.h"
#include "wire/protocol.h"

/* Whether the path fits a template such as "/clusters/{name}/addons" or "/{key+}". Returns how many of its segments are
 * literal, plus one, so that the most specific of several fits is the largest; 0 when it does not fit. */
size_t rest_match(const char *template, struct str path);

/* Reads a request whose path fits operation->uri into a zeroed structure. Strs may point into the request. */
checked bool rest_read(struct decoder *decoder, const struct operation *operation, const struct wire_request *request,
                       void *ret_value);
