/* An environment file: what is taken has a name, a value and one line, and is taken again as it stands. */
#include "base/must.h"
#include "node/task/env_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(struct str line, struct arena *arena)
{
    struct env_lines again;
    struct fail f;

    must(str_find(line, '=') > 0);
    must(str_find(line, '=') < line.len);
    must(str_find(line, '\n') == line.len);
    must(str_find(line, '\0') == line.len);
    if (str_starts(line, STR("\xef\xbb\xbf"))) /* at the front of a file it would be no part of the name */
        return;
    must(env_file_parse(line, arena, &again, &f));
    must(again.count == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct env_lines lines;
    struct fail f;

    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    if (!env_file_parse((struct str){(const char *)data, size}, &arena, &lines, &f))
        must(f.message[0] != '\0');
    else
        for (size_t i = 0; i < lines.count; i++)
            check_line(lines.items[i], &arena);
    arena_free(&arena);
    return 0;
}
