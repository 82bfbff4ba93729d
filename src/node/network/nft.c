#include "node/network/nft.h"

#include "base/trace.h"

#include <nftables/libnftables.h>

bool nft_open(struct nft *nft, struct fail *f)
{
    struct nft_ctx *context = nft_ctx_new(NFT_CTX_DEFAULT);

    if (context == NULL || nft_ctx_buffer_error(context) != 0 || nft_ctx_buffer_output(context) != 0) {
        if (context != NULL)
            nft_ctx_free(context);
        return fail(f, FAIL_SYSTEM, "libnftables: no context (out of memory or descriptors)");
    }
    nft->context = context;
    return true;
}

void nft_close(struct nft *nft)
{
    if (nft->context != NULL)
        nft_ctx_free(nft->context);
    nft->context = NULL;
}

bool nft_run(struct nft *nft, struct buf *commands, struct fail *f)
{
    if (commands->len == 0 && !commands->overflowed)
        return true;
    buf_add_char(commands, '\0');
    if (commands->overflowed)
        return fail(f, FAIL_LIMIT, "nftables: the rules are larger than %zu bytes", commands->limit);
    commands->len--;
    if (nft_run_cmd_from_buffer(nft->context, commands->ptr) == 0)
        return true;
    trace("nft refused: %s", commands->ptr);
    return fail(f, FAIL_SYSTEM, "nftables: %s", nft_ctx_get_error_buffer(nft->context));
}
