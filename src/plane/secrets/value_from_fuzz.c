/* Any text: what is read lies within it, and a secret's ARN without its last parts is read as itself. */
#include "base/must.h"
#include "plane/secrets/value_from.h"

static bool is_within(struct str part, struct str text)
{
    return part.len == 0 || (part.ptr >= text.ptr && part.ptr + part.len <= text.ptr + text.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct value_from from;
    struct value_from again;
    struct fail f;

    if (data == NULL || !value_from_parse(text, &from, &f))
        return 0;
    must(from.name.len > 0);
    must(is_within(from.name, text));
    must(is_within(from.json_key, text));
    must(is_within(from.version_stage, text));
    must(is_within(from.version_id, text));
    must(value_from_parse(from.name, &again, &f));
    must(again.kind == from.kind);
    must(str_eq(again.name, from.name));
    return 0;
}
