#include "base/wildcard.h"

/* Whether the pattern's piece at `at` (a byte, or a backslash and a byte) stands for the byte c; *ret_next is behind
 * it. */
static bool piece_matches(struct str pattern, size_t at, char c, size_t *ret_next)
{
    bool escaped = pattern.ptr[at] == '\\' && at + 1 < pattern.len;

    *ret_next = at + (escaped ? 2 : 1);
    if (escaped)
        return pattern.ptr[at + 1] == c;
    return pattern.ptr[at] == '?' || pattern.ptr[at] == c;
}

/* Without recursion: after a mismatch it goes on behind the last star, one byte further. */
bool wildcard_matches(struct str pattern, struct str text)
{
    size_t p = 0;
    size_t t = 0;
    size_t star = pattern.len;
    size_t star_text = 0;
    size_t next;

    while (t < text.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            star_text = t;
        } else if (p < pattern.len && piece_matches(pattern, p, text.ptr[t], &next)) {
            p = next;
            t++;
        } else if (star < pattern.len) {
            p = star + 1;
            t = ++star_text;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*')
        p++;
    return p == pattern.len;
}
