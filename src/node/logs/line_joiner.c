#include "node/logs/line_joiner.h"

#include "base/must.h"
#include "base/when.h"

/* LINE_BYTES_MAX of lines, the newlines between them included. */
#define EVENT_BYTES_MAX LINE_BYTES_MAX

void line_joiner_init(struct line_joiner *joiner, const struct line_pattern *pattern)
{
    *joiner = (struct line_joiner){
        .pattern = pattern, .open = {.limit = EVENT_BYTES_MAX}, .done = {.limit = EVENT_BYTES_MAX}};
}

void line_joiner_free(struct line_joiner *joiner)
{
    buf_free(&joiner->open);
    buf_free(&joiner->done);
    joiner->has_open = false;
}

static struct line finish(struct line_joiner *joiner)
{
    struct buf finished = joiner->open;

    joiner->open = joiner->done;
    joiner->done = finished;
    joiner->has_open = false;
    buf_clear(&joiner->open);
    return (struct line){joiner->open_when_ms, buf_str(&joiner->done)};
}

static void take_in(struct line_joiner *joiner, struct line line, int64_t now_ms)
{
    if (joiner->has_open)
        buf_add_char(&joiner->open, '\n');
    else {
        joiner->open_when_ms = line.when_ms;
        joiner->open_since_ms = now_ms;
    }
    joiner->has_open = true;
    buf_add(&joiner->open, line.text);
}

bool line_joiner_add(struct line_joiner *joiner, struct line line, int64_t now_ms, struct line *ret_event)
{
    bool finished;

    must(line.text.len <= LINE_BYTES_MAX);
    if (joiner->pattern == NULL) {
        *ret_event = line;
        return true;
    }
    finished = joiner->has_open && (joiner->open.len + 1 + line.text.len > EVENT_BYTES_MAX ||
                                    line_pattern_match(joiner->pattern, line.text));
    if (finished)
        *ret_event = finish(joiner);
    take_in(joiner, line, now_ms);
    return finished;
}

bool line_joiner_take(struct line_joiner *joiner, int64_t now_ms, bool force, struct line *ret_event)
{
    if (!joiner->has_open || (!force && now_ms < line_joiner_due_ms(joiner)))
        return false;
    *ret_event = finish(joiner);
    return true;
}

int64_t line_joiner_due_ms(const struct line_joiner *joiner)
{
    return joiner->has_open ? joiner->open_since_ms + LINE_JOINER_WAIT_MS : WHEN_NEVER;
}
