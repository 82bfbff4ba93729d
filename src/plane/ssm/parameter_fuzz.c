/* Any text as a parameter's name, reference and policies: nothing is read outside of it, and what is a name refers to
 * itself. */
#include "base/must.h"
#include "plane/ssm/parameter_name.h"
#include "plane/ssm/parameter_policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct parameter_policies policies;
    struct parameter_ref ref;
    struct arena arena;
    struct fail f;

    if (data == NULL)
        return 0;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    if (parameter_name_check(text, &f)) {
        must(parameter_ref_parse(text, &ref));
        must(str_eq(ref.name, text));
    }
    if (parameter_ref_parse(text, &ref))
        must(ref.name.len + ref.selector.len <= text.len);
    if (parameter_policies_parse(text, /* now_ms= */ 0, &arena, &policies, &f))
        must(policies.list.count <= PARAMETER_POLICIES_MAX);
    arena_free(&arena);
    return 0;
}
