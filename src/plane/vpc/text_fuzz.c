/* Fuzzes what requests say in text: networks, and filter values against what they are to match. Input: pattern,
 * newline, text. */
#include "base/must.h"
#include "base/wildcard.h"
#include "plane/vpc/vpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void network(struct arena *arena, struct str text)
{
    struct str canonical;
    uint32_t first;
    uint32_t again;
    unsigned prefix;
    unsigned prefix_again;

    if (!ipv4_network_parse(text, &first, &prefix))
        return;
    canonical = ipv4_cidr_text(arena, first, prefix);
    must(ipv4_cidr_parse(canonical, &again, &prefix_again));
    must(again == first);
    must(prefix_again == prefix);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct str text;
    struct str pattern = str_cut((struct str){(const char *)data, size}, '\n', &text);

    arena_init(&arena, 4096);
    network(&arena, pattern);
    if (text.ptr != NULL && wildcard_matches(pattern, text))
        must(wildcard_matches(STR("*"), text));
    arena_free(&arena);
    return 0;
}
