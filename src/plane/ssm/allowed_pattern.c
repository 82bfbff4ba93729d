#include "plane/ssm/allowed_pattern.h"

#include "base/must.h"
#include "model/gen/ssm.h"
#include "model/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

static bool matches(const pcre2_code *code, struct str value)
{
    pcre2_match_data *match = pcre2_match_data_create(1, NULL);
    pcre2_match_context *context = pcre2_match_context_create(NULL);
    int result;

    must(match != NULL);
    must(context != NULL);
    (void)pcre2_set_match_limit(context, PATTERN_STEPS_MAX);
    (void)pcre2_set_heap_limit(context, PATTERN_MEMORY_KIB_MAX);
    result = pcre2_match(code, (PCRE2_SPTR)value.ptr, value.len, 0, 0, match, context);
    pcre2_match_context_free(context);
    pcre2_match_data_free(match);
    return result >= 0;
}

bool allowed_pattern_check(struct str pattern, struct str value, struct fail *f)
{
    int error;
    PCRE2_SIZE offset;
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)pattern.ptr, pattern.len,
                      PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_NEVER_BACKSLASH_C, &error, &offset, NULL);
    bool good;

    if (code == NULL)
        return fail_api(f, SSM_ERROR_INVALID_ALLOWED_PATTERN_EXCEPTION,
                        "The allowedPattern '%.*s' is not a valid regular expression.", STR_ARG(pattern));
    good = matches(code, value);
    pcre2_code_free(code);
    return good || fail_api(f, SSM_ERROR_PARAMETER_PATTERN_MISMATCH_EXCEPTION,
                            "Parameter value, cannot be validated against allowedPattern: %.*s", STR_ARG(pattern));
}
