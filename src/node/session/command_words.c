#include "node/session/command_words.h"

#include "base/buf.h"

/* What is between the words, or not yet looked at. */
struct reader {
    struct str rest;
    struct buf word;
    bool in_word; /* also an empty one: '' */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static char next(struct reader *reader)
{
    char c = reader->rest.ptr[0];

    reader->rest = str_from(reader->rest, 1);
    return c;
}

/* Behind the opening quote, up to the closing one. */
static bool read_quoted(struct reader *reader, char quote, struct fail *f)
{
    while (reader->rest.len > 0) {
        char c = next(reader);

        if (c == quote)
            return true;
        if (c == '\\' && quote == '"' && reader->rest.len > 0)
            c = next(reader);
        buf_add_char(&reader->word, c);
    }
    return fail(f, FAIL_INPUT, "the command has a %c that is not closed", quote);
}

static void skip_comment(struct reader *reader)
{
    size_t end = str_find(reader->rest, '\n');

    reader->rest = str_from(reader->rest, end);
}

/* Up to the blank behind a word; false, too, when there is none any more (in_word says so). */
static bool read_word(struct reader *reader, struct fail *f)
{
    buf_clear(&reader->word);
    reader->in_word = false;
    while (reader->rest.len > 0) {
        char c = next(reader);

        if (is_blank(c) && reader->in_word)
            return true;
        if (is_blank(c))
            continue;
        if (c == '#' && !reader->in_word) {
            skip_comment(reader);
            continue;
        }
        reader->in_word = true;
        if (c == '\'' || c == '"') {
            if (!read_quoted(reader, c, f))
                return false;
            continue;
        }
        if (c == '\\' && reader->rest.len > 0)
            c = next(reader);
        buf_add_char(&reader->word, c);
    }
    return true;
}

static bool read_all(struct reader *reader, struct arena *arena, const char **words, size_t *ret_count, struct fail *f)
{
    size_t count = 0;

    for (;;) {
        if (!read_word(reader, f))
            return false;
        if (!reader->in_word)
            break;
        if (count == COMMAND_WORDS_MAX)
            return fail(f, FAIL_INPUT, "the command has more than %d words", COMMAND_WORDS_MAX);
        words[count++] = arena_cstr(arena, buf_str(&reader->word));
    }
    *ret_count = count;
    return count > 0 || fail(f, FAIL_INPUT, "no command specified");
}

bool command_words(struct str command, struct arena *arena, const char ***ret_words, size_t *ret_count, struct fail *f)
{
    struct reader reader = {.rest = command};
    const char **words = arena_array(arena, const char *, COMMAND_WORDS_MAX + 1);
    bool good;

    if (str_find(command, '\0') != command.len)
        return fail(f, FAIL_INPUT, "the command has a NUL byte");
    good = read_all(&reader, arena, words, ret_count, f);
    buf_free(&reader.word);
    if (good)
        *ret_words = words;
    return good;
}
