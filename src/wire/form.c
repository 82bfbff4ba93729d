#include "wire/form.h"

#include "wire/percent.h"

static size_t count_pairs(struct str text)
{
    size_t count = 1;

    for (size_t i = 0; i < text.len; i++)
        count += text.ptr[i] == '&';
    return count;
}

static bool decode_pair(struct str text, struct arena *arena, struct form_pair *ret_pair)
{
    struct form_pair pair;
    struct str value;
    struct str name = str_cut(text, '=', &value);

    if (value.ptr == NULL)
        value = STR("");
    if (!percent_decode(name, true, arena, &pair.name))
        return false;
    if (!percent_decode(value, true, arena, &pair.value))
        return false;
    *ret_pair = pair;
    return true;
}

bool form_decode(struct str text, struct arena *arena, struct form *ret_form, struct fail *f)
{
    struct form form = {0};

    form.pairs = arena_try(arena, count_pairs(text) * sizeof(*form.pairs));
    if (form.pairs == NULL)
        return fail_api(f, "MalformedQueryString", "The query string holds too many parameters");
    while (text.ptr != NULL) {
        struct str pair = str_cut(text, '&', &text);

        if (pair.len == 0)
            continue;
        if (!decode_pair(pair, arena, &form.pairs[form.count]))
            return fail_api(f, "MalformedQueryString", "The query string contains a syntax error");
        form.count++;
    }
    *ret_form = form;
    return true;
}

struct str form_get(const struct form *form, const char *name)
{
    for (size_t i = 0; i < form->count; i++)
        if (str_is(form->pairs[i].name, name))
            return form->pairs[i].value;
    return (struct str){NULL, 0};
}
