#include "plane/ssm/allowed_pattern.h"

#include "model/gen/ssm.h"
#include "model/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

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
    good = pattern_code_matches(code, value);
    pcre2_code_free(code);
    return good || fail_api(f, SSM_ERROR_PARAMETER_PATTERN_MISMATCH_EXCEPTION,
                            "Parameter value, cannot be validated against allowedPattern: %.*s", STR_ARG(pattern));
}
