/* Texts that come from files and callers: the first byte chooses the reader. What is read must be written and read the
 * same again. */
#include "base/must.h"
#include "node/network/eni.h"
#include "node/network/resolver.h"
#include "node/network/ruleset.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void feed_eni(struct str text)
{
    auto_buf first = {0};
    auto_buf second = {0};
    struct eni eni;
    struct eni again;

    if (!eni_read(&eni, text))
        return;
    eni_write(&eni, &first);
    must(eni_read(&again, buf_str(&first)));
    eni_write(&again, &second);
    must(str_eq(buf_str(&first), buf_str(&second)));
    must(strlen(eni_link(&eni).name) < 16);
}

static void feed_cidr(struct str text)
{
    struct cidr cidr;
    struct cidr again;

    if (!cidr_parse(text, &cidr))
        return;
    must(cidr_holds(cidr, cidr.address));
    must(cidr_parse(str_of(cidr_text(cidr).text), &again));
    must(cidr_within(cidr, again));
    must(cidr_within(again, cidr));
}

static bool is_known(struct str group, const void *context)
{
    (void)context;
    return group.len % 2 == 0;
}

/* A group of one rule whose texts are the input: whatever passes the check has no way out of its line. */
static void feed_rule(struct str text)
{
    struct str rest;
    struct network_rule rule = {.protocol = 6, .to_port = 80, .cidr = str_cut(text, '\n', &rest)};
    struct network_group group = {.id = STR("sg-a"), .ingress = &rule, .ingress_count = 1};
    auto_buf out = {0};
    size_t lines = 0;
    struct fail f;

    if (rest.ptr != NULL)
        rule = (struct network_rule){.protocol = -1, .group = rest};
    if (!ruleset_group_check(&group, &f))
        return;
    must(ruleset_group_rules(&out, &group, is_known, NULL, &f));
    for (size_t i = 0; i < out.len; i++) {
        lines += out.ptr[i] == '\n';
        must(out.ptr[i] != ';');
        must(out.ptr[i] != '\0');
    }
    must(lines <= 3);
}

static void feed_resolv_conf(struct str text)
{
    auto_buf out = {0};

    resolver_servers(text, &out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static void (*const readers[])(struct str) = {feed_eni, feed_cidr, feed_rule, feed_resolv_conf};

    if (size > 0)
        readers[bytes[0] % COUNT_OF(readers)]((struct str){(const char *)bytes + 1, size - 1});
    return 0;
}
