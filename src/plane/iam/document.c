/* Policy documents as IAM takes and shows them. */
#include "base/buf.h"
#include "plane/iam/operations.h"

size_t document_size(struct str text)
{
    size_t size = 0;

    for (size_t i = 0; i < text.len; i++)
        size += strchr(" \t\r\n", text.ptr[i]) == NULL || text.ptr[i] == '\0';
    return size;
}

static bool is_unreserved(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

struct str document_shown(struct arena *arena, struct str text)
{
    static const char hex[] = "0123456789ABCDEF";
    char *shown;
    size_t len = 0;

    if (text.ptr == NULL)
        return text;
    shown = arena_alloc(arena, 3 * text.len + 1);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (is_unreserved(text.ptr[i])) {
            shown[len++] = text.ptr[i];
            continue;
        }
        shown[len++] = '%';
        shown[len++] = hex[c >> 4];
        shown[len++] = hex[c & 15];
    }
    return (struct str){shown, len};
}
