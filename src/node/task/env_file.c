#include "node/task/env_file.h"

#include "os/files.h"
#include "wire/utf8.h"

#define BYTE_ORDER_MARK STR("\xef\xbb\xbf")

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r';
}

static struct str trim_front(struct str text)
{
    while (text.len > 0 && is_space(text.ptr[0]))
        text = str_from(text, 1);
    return text;
}

static bool malformed(size_t line, const char *why, struct fail *f)
{
    return fail(f, FAIL_INPUT, "line %zu %s", line, why);
}

static bool check_name(struct str name, size_t line, struct fail *f)
{
    if (name.len == 0)
        return malformed(line, "has no variable name", f);
    for (size_t i = 0; i < name.len; i++)
        if (is_space(name.ptr[i]))
            return malformed(line, "has a variable name with whitespace", f);
    return true;
}

static bool parse_line(struct str text, size_t line, struct env_lines *lines, struct fail *f)
{
    size_t equals = str_find(text, '=');

    if (!utf8_valid(text) || str_find(text, '\0') < text.len)
        return malformed(line, "is not UTF-8 text", f);
    if (text.len == 0 || text.ptr[0] == '#')
        return true;
    if (!check_name(str_to(text, equals), line, f))
        return false;
    if (equals < text.len)
        lines->items[lines->count++] = text;
    return true;
}

static size_t line_count(struct str text)
{
    size_t count = 1;

    for (size_t i = 0; i < text.len; i++)
        count += text.ptr[i] == '\n';
    return count;
}

bool env_file_parse(struct str text, struct arena *arena, struct env_lines *ret_lines, struct fail *f)
{
    struct env_lines lines = {arena_array(arena, struct str, line_count(text)), 0};
    struct str rest = str_starts(text, BYTE_ORDER_MARK) ? str_from(text, BYTE_ORDER_MARK.len) : text;

    for (size_t number = 1; rest.ptr != NULL; number++) {
        struct str line = str_cut(rest, '\n', &rest);

        if (str_ends(line, STR("\r")))
            line.len--;
        if (!parse_line(trim_front(line), number, &lines, f))
            return false;
    }
    *ret_lines = lines;
    return true;
}

const char *env_file_path(const char *task_dir, size_t i, size_t k, struct arena *arena)
{
    return arena_printf(arena, "%s/%zu.env-%zu", task_dir, i, k).ptr;
}

bool env_files_read(const char *task_dir, size_t i, const struct ecs_environment_files *files, struct arena *arena,
                    struct env_lines *ret_lines, struct fail *f)
{
    struct env_lines *parts = arena_array(arena, struct env_lines, files->count + 1);
    struct env_lines all = {.count = 0};

    for (size_t k = 0; k < files->count; k++) {
        auto_buf text = {.limit = ENV_FILE_BYTES_MAX};

        if (!file_read(env_file_path(task_dir, i, k, arena), &text, f) ||
            !env_file_parse(arena_str(arena, buf_str(&text)), arena, &parts[k], f))
            return false;
        all.count += parts[k].count;
    }
    all.items = arena_array(arena, struct str, all.count + 1);
    all.count = 0;
    for (size_t k = files->count; k-- > 0;)
        for (size_t line = 0; line < parts[k].count; line++)
            all.items[all.count++] = parts[k].items[line];
    *ret_lines = all;
    return true;
}
