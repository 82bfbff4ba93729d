#include "node/task/log_source.h"

bool log_source_open(const char *path, uint64_t inode, struct log_mark mark, struct log_source *ret_source,
                     struct fail *f)
{
    struct log_source source = {.given_out = mark.complete};
    struct container_log_position position = {.inode = inode, .offset = mark.from};

    if (!container_log_open(path, position, &source.reader, f))
        return false;
    for (size_t i = 0; i < COUNT_OF(source.partials); i++)
        buf_init(&source.partials[i].text, LINE_BYTES_MAX);
    *ret_source = source;
    return true;
}

void log_source_close(struct log_source *source)
{
    if (source->reader != NULL)
        container_log_close(source->reader);
    for (size_t i = 0; i < COUNT_OF(source->partials); i++)
        buf_free(&source->partials[i].text);
    *source = (struct log_source){0};
}

uint64_t log_source_inode(const struct log_source *source)
{
    return container_log_position(source->reader).inode;
}

uint64_t log_source_offset(const struct log_source *source)
{
    return container_log_position(source->reader).offset;
}

static void take_in(struct log_partial *partial, const struct container_log_line *piece, uint64_t start)
{
    if (!partial->open) {
        buf_clear(&partial->text);
        partial->when_ms = piece->when_ns / 1000000;
        partial->start = start;
        partial->open = true;
    }
    buf_add(&partial->text, piece->text);
}

static bool is_whole(const struct log_partial *partial, const struct container_log_line *piece)
{
    return !piece->partial || partial->text.len + CONTAINER_LOG_LINE_MAX > LINE_BYTES_MAX;
}

static struct log_source_line finish(struct log_source *source, struct log_partial *partial, uint64_t end)
{
    struct log_source_line line = {.line = {partial->when_ms, buf_str(&partial->text)},
                                   .mark = {.from = end, .complete = end}};

    partial->open = false;
    for (size_t i = 0; i < COUNT_OF(source->partials); i++)
        if (source->partials[i].open && source->partials[i].start < line.mark.from)
            line.mark.from = source->partials[i].start;
    return line;
}

bool log_source_next(struct log_source *source, bool *ret_there, struct log_source_line *ret_line, struct fail *f)
{
    for (;;) {
        uint64_t inode = log_source_inode(source);
        uint64_t start = log_source_offset(source);
        struct container_log_line piece;
        struct log_partial *partial;
        bool there;

        if (!container_log_next(source->reader, &there, &piece, f))
            return false;
        if (!there) {
            *ret_there = false;
            return true;
        }
        if (inode != 0 && log_source_inode(source) != inode) { /* somebody put another file in its place */
            source->given_out = 0;
            start = 0;
        }
        partial = &source->partials[piece.stream];
        take_in(partial, &piece, start);
        if (!is_whole(partial, &piece))
            continue;
        *ret_line = finish(source, partial, log_source_offset(source));
        if (ret_line->mark.complete <= source->given_out)
            continue;
        *ret_there = true;
        return true;
    }
}

void log_source_rest(struct log_source *source, bool *ret_there, struct log_source_line *ret_line)
{
    *ret_there = false;
    for (size_t i = 0; i < COUNT_OF(source->partials) && !*ret_there; i++)
        if (source->partials[i].open) {
            *ret_line = finish(source, &source->partials[i], log_source_offset(source));
            *ret_there = true;
        }
}
