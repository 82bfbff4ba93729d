/* Feeds patterns and values: lines of pattern, text, and what every variable stands for. A text without anything
 * special matches itself; what an ARN pattern matches, the same pattern as text matches too. */
#include "base/must.h"
#include "plane/iam/policy_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool find_key(const void *context, struct str key, struct policy_values *ret_values)
{
    const struct str *value = context;

    *ret_values = (struct policy_values){value, 1};
    return value->ptr != NULL && key.len > 0;
}

static bool is_plain(struct str text)
{
    return str_find(text, '*') == text.len && str_find(text, '?') == text.len && str_find(text, '$') == text.len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = {(const char *)data, size};
    struct str pattern = str_cut(rest, '\n', &rest);
    struct str text = rest.ptr == NULL ? STR("") : str_cut(rest, '\n', &rest);
    struct policy_scope scope = {find_key, &rest, true};
    enum policy_match match = policy_match_text(pattern, text, &scope, POLICY_MATCH_WILD);

    if (is_plain(pattern))
        must((match == POLICY_MATCH_YES) == str_eq(pattern, text));
    if (policy_match_text(pattern, text, &scope, POLICY_MATCH_EXACT) == POLICY_MATCH_YES && is_plain(pattern))
        must(policy_match_text(pattern, text, &scope, POLICY_MATCH_NOCASE) == POLICY_MATCH_YES);
    if (policy_match_arn(pattern, text, &scope) == POLICY_MATCH_YES)
        must(match == POLICY_MATCH_YES);
    must(policy_compare_numbers(pattern, text) == 0 || policy_compare_numbers(text, text) == POLICY_EQUAL);
    must(policy_compare_dates(pattern, text) == 0 || policy_compare_dates(text, text) == POLICY_EQUAL);
    (void)policy_ip_matches(pattern, text);
    (void)policy_base64_is(pattern, text);
    return 0;
}
