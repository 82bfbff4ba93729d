/* Feeds the reader of policy documents: the first byte is the kind. What it accepts is decided on, reads the same
 * from its copy, and can be read with other names in it. */
#include "base/must.h"
#include "model/interpret.h"
#include "plane/iam/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool find_key(const void *context, struct str key, struct policy_values *ret_values)
{
    const struct str *value = context;

    *ret_values = (struct policy_values){value, 1};
    return key.len % 2 == 0;
}

static void decide(const struct policy_document *document, struct str value)
{
    static const struct policy_caller caller = {
        .account = STR_INIT("111122223333"),
        .arn = STR_INIT("arn:aws:sts::111122223333:assumed-role/worker/one"),
        .role_arn = STR_INIT("arn:aws:iam::111122223333:role/worker"),
    };
    struct policy_named named = {STR("x"), document};
    struct policy_list list = {&named, 1, true};
    struct policies policies = {list, list, list, list};
    struct policy_question question = {.caller = &caller,
                                       .action = STR("ecs:RunTask"),
                                       .resource = STR("arn:aws:ecs:us-east-1:111122223333:cluster/blue"),
                                       .key = find_key,
                                       .context = &value};
    struct policy_decision decision = policy_decide(&question, &policies);

    must((decision.verdict == POLICY_IMPLICIT_DENY) == (decision.statement == NULL));
    (void)policy_decide_trust(&question, &named);
}

static struct str everybody(const void *context, struct str principal)
{
    (void)context;
    (void)principal;
    return STR("*");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct policy_document *document;
    struct arena arena;
    struct str text;
    struct fail f;

    if (size == 0)
        return 0;
    arena_init(&arena, 32 << 20);
    text = (struct str){(const char *)data + 1, size - 1};
    if (policy_read(text, (enum policy_kind)(data[0] % 4), &arena, &document, &f)) {
        size_t block_size;
        struct policy_document *copy = value_block(&policy_document_shape, document, &block_size);

        must(value_equal(&policy_document_shape, document, copy));
        decide(copy, (struct str){(const char *)data, size});
        free(copy);
        text = policy_rename(text, everybody, NULL, &arena);
        must(policy_read(text, (enum policy_kind)(data[0] % 4), &arena, &document, &f));
    } else {
        must(f.code == FAIL_API);
    }
    arena_free(&arena);
    return 0;
}
