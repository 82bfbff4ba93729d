/* Ranges of bytes, as clients ask for a part of a blob and say which part they send. Pure text. */
#pragma once

#include "base/str.h"

enum range_kind { RANGE_WHOLE, RANGE_PART, RANGE_OUTSIDE };

/* A Range header (absent: none) over a blob of `size` bytes: "bytes=first-last", "bytes=first-" or "bytes=-last"
 * (RFC 9110, section 14.1). Several ranges, or what is no range, mean the whole, as the RFC allows. RANGE_PART sets
 * both: at least one byte, all within the blob. */
enum range_kind range_parse(struct str text, uint64_t size, uint64_t *ret_offset, uint64_t *ret_count);

/* The Content-Range of an uploaded chunk: "first-last" (OCI distribution specification 1.1, "Pushing a blob in
 * chunks"), or as RFC 9110 has it, "bytes first-last/size". first <= last. False on anything else. */
checked bool content_range_parse(struct str text, uint64_t *ret_first, uint64_t *ret_last);
