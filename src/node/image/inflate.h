/* A layer's blob as the tar archive inside it: gzip, zstd or plain, told by the first bytes, as docker and containerd
 * do (media types of real images are wrong now and then; the digest of the result decides anyway).
 *
 * Several gzip members or zstd frames behind each other are one archive. Refused: anything else behind the end, and
 * more than ratio_max times the input once ratio_free_bytes are out. */
#pragma once

#include "node/image/image_limits.h"
#include "node/image/stream.h"

struct inflater;

/* Reads the first bytes of input, which stays the caller's and outlives the inflater. */
checked bool inflater_open(struct stream *input, const struct image_limits *limits, struct inflater **ret_inflater,
                           struct fail *f);
/* Its end is the end of the input too. */
struct stream *inflater_stream(struct inflater *inflater);
void inflater_close(struct inflater *inflater);
