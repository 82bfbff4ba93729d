/* The first byte chooses a datetime format ('d') or a regular expression; then the pattern, a NUL byte, a line. */
#include "base/must.h"
#include "node/logs/line_pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str input = {(const char *)data, size};
    struct line_pattern *pattern;
    struct str line;
    struct str text;
    struct fail f;
    bool good;

    if (size == 0)
        return 0;
    text = str_cut(str_from(input, 1), '\0', &line);
    good =
        data[0] == 'd' ? line_pattern_from_datetime(text, &pattern, &f) : line_pattern_from_regex(text, &pattern, &f);
    if (!good) {
        must(f.message[0] != '\0');
        return 0;
    }
    (void)line_pattern_match(pattern, line.ptr == NULL ? STR("") : line);
    line_pattern_free(pattern);
    return 0;
}
