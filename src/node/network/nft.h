/* nftables of one network namespace, through libnftables: text in, one atomic transaction a call.
 *
 * The library's first context in a process costs 10-13 ms (it reads its tables); network_open pays that. A context
 * belongs to the namespace in which it was opened, whoever uses it later. Not thread-safe. */
#pragma once

#include "base/buf.h"
#include "base/fail.h"

struct nft_ctx;

struct nft {
    struct nft_ctx *context; /* NULL: closed */
};

/* In the calling thread's namespace. */
checked bool nft_open(struct nft *nft, struct fail *f);
void nft_close(struct nft *nft);

/* All of the commands or none. An empty buffer is fine. FAIL_LIMIT when the buffer has overflowed. */
checked bool nft_run(struct nft *nft, struct buf *commands, struct fail *f);
