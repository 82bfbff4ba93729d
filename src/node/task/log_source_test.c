#include "node/task/log_source.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct world {
    char dir[64], path[96];
    FILE *file;
};

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof(*world));

    (void)snprintf(world->dir, sizeof(world->dir), "/tmp/berth-log-source-XXXXXX");
    assert_non_null(mkdtemp(world->dir));
    (void)snprintf(world->path, sizeof(world->path), "%s/log", world->dir);
    world->file = fopen(world->path, "ae");
    assert_non_null(world->file);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    (void)fclose(world->file);
    (void)unlink(world->path);
    (void)rmdir(world->dir);
    free(world);
    return 0;
}

/* "stdout F text" becomes a line of the file. */
static void write_piece(struct world *world, const char *piece)
{
    assert_true(fprintf(world->file, "2026-11-22T10:00:00.123456789+00:00 %s\n", piece) > 0);
    assert_int_equal(fflush(world->file), 0);
}

static void expect(struct log_source *source, const char *text, struct log_mark *ret_mark)
{
    struct log_source_line line;
    struct fail f;
    bool there;

    assert_true(log_source_next(source, &there, &line, &f));
    assert_int_equal(there, text != NULL);
    if (text == NULL)
        return;
    assert_int_equal(line.line.text.len, strlen(text));
    assert_memory_equal(line.line.text.ptr, text, strlen(text));
    *ret_mark = line.mark;
}

static uint64_t inode_of(const struct world *world)
{
    struct stat st;

    assert_int_equal(stat(world->path, &st), 0);
    return st.st_ino;
}

static void pieces_become_lines(void **state)
{
    struct world *world = *state;
    struct log_source source;
    struct log_mark mark;
    struct fail f;

    assert_true(log_source_open(world->path, 0, (struct log_mark){0}, &source, &f));
    expect(&source, NULL, &mark);
    write_piece(world, "stdout P one ");
    write_piece(world, "stderr F between");
    write_piece(world, "stdout P line ");
    expect(&source, "between", &mark);
    assert_int_equal(mark.from, 0); /* the other stream's line is not out yet */
    assert_true(mark.complete > mark.from);
    expect(&source, NULL, &mark);
    write_piece(world, "stdout F whole");
    expect(&source, "one line whole", &mark);
    assert_int_equal(mark.from, mark.complete);
    write_piece(world, "stdout F ");
    expect(&source, "", &mark);
    log_source_close(&source);
}

/* From the mark of every line, exactly the lines behind it come again. */
static void every_mark_goes_on_behind_its_line(void **state)
{
    static const char *const pieces[] = {"stdout P a", "stderr F b", "stderr P c",   "stdout F a",
                                         "stdout F d", "stdout P e", "stderr F c",   "stderr F f",
                                         "stdout F e", "nonsense",   "stdout F last"};
    static const char *const lines[] = {"b", "aa", "d", "cc", "f", "ee", "last"};
    struct world *world = *state;
    struct log_mark marks[COUNT_OF(lines)];
    struct log_source source;
    struct fail f;

    for (size_t i = 0; i < COUNT_OF(pieces); i++)
        write_piece(world, pieces[i]);
    assert_true(log_source_open(world->path, 0, (struct log_mark){0}, &source, &f));
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        expect(&source, lines[i], &marks[i]);
    log_source_close(&source);
    for (size_t from = 0; from < COUNT_OF(lines); from++) {
        struct log_mark ignored;

        assert_true(log_source_open(world->path, inode_of(world), marks[from], &source, &f));
        for (size_t i = from + 1; i < COUNT_OF(lines); i++)
            expect(&source, lines[i], &ignored);
        expect(&source, NULL, &ignored);
        log_source_close(&source);
    }
}

static void what_is_not_ended_comes_at_the_end(void **state)
{
    struct world *world = *state;
    struct log_source_line line;
    struct log_source source;
    struct log_mark mark;
    struct fail f;
    bool there;

    assert_true(log_source_open(world->path, 0, (struct log_mark){0}, &source, &f));
    write_piece(world, "stdout F x");
    write_piece(world, "stderr P no newline");
    expect(&source, "x", &mark);
    expect(&source, NULL, &mark);
    log_source_rest(&source, &there, &line);
    assert_true(there);
    assert_true(str_is(line.line.text, "no newline"));
    log_source_rest(&source, &there, &line);
    assert_false(there);
    log_source_close(&source);
}

static void a_line_without_end_comes_in_pieces(void **state)
{
    enum { PIECE = 60000, COUNT = 10 };
    struct world *world = *state;
    char *piece = malloc(PIECE + 20);
    struct log_source source;
    size_t total = 0;
    struct fail f;

    (void)memcpy(piece, "stdout P ", 9);
    (void)memset(piece + 9, 'x', PIECE);
    piece[9 + PIECE] = '\0';
    for (size_t i = 0; i < COUNT; i++)
        write_piece(world, piece);
    write_piece(world, "stdout F ");
    assert_true(log_source_open(world->path, 0, (struct log_mark){0}, &source, &f));
    for (bool there = true; there;) {
        struct log_source_line line = {.line = {.text = {NULL, 0}}};

        assert_true(log_source_next(&source, &there, &line, &f));
        assert_true(line.line.text.len <= LINE_BYTES_MAX);
        total += line.line.text.len;
    }
    assert_int_equal(total, (size_t)PIECE * COUNT);
    log_source_close(&source);
    free(piece);
}

static void a_hole_is_skipped(void **state)
{
    struct world *world = *state;
    struct log_source source;
    struct log_mark mark = {0};
    struct fail f;
    auto_fd fd = open(world->path, O_RDWR | O_CLOEXEC);
    uint64_t begin;

    for (size_t i = 0; i < 1000; i++)
        write_piece(world, "stdout F before the hole ends");
    begin = (uint64_t)ftell(world->file);
    write_piece(world, "stdout F behind");
    log_file_punch(fd, begin);
    mark.from = log_file_begin(fd);
    if (mark.from == 0)
        skip(); /* this file system has no holes */
    assert_true(mark.from <= begin && mark.from > begin - 8192);
    assert_true(log_source_open(world->path, inode_of(world), mark, &source, &f));
    for (bool there = true; there;) {
        struct log_source_line line;

        assert_true(log_source_next(&source, &there, &line, &f));
        assert_true(there);
        there = !str_is(line.line.text, "behind");
    }
    log_source_close(&source);
}

/* ---- positions ---- */

static void positions_are_kept(void **state)
{
    struct world *world = *state;
    struct log_position written = {
        .inode = 77, .delivered = {5, 6}, .asked = {UINT64_MAX, 9}, .request = "0123456789abcdef0123456789abcdef"};
    struct log_position read;
    char path[200];
    struct fail f;
    auto_fd fd = -1;

    (void)snprintf(path, sizeof(path), "%s/task", world->dir);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_true(log_position_open(world->dir, STR("task"), 0, &fd, &read, &f));
    assert_int_equal(read.inode, 0);
    assert_false(read.finished);
    for (int finished = 0; finished < 2; finished++) {
        auto_fd again = -1;

        written.finished = finished == 1;
        assert_true(log_position_write(fd, &written, &f));
        assert_true(log_position_open(world->dir, STR("task"), 0, &again, &read, &f));
        assert_int_equal(read.inode, 77);
        assert_int_equal(read.delivered.from, 5);
        assert_int_equal(read.delivered.complete, 6);
        assert_true(read.asked.from == UINT64_MAX);
        assert_int_equal(read.asked.complete, 9);
        assert_string_equal(read.request, written.request);
        assert_int_equal(read.finished, finished);
        if (finished == 1)
            written.request[0] = '0';
    }
    /* A torn file is a new one. */
    assert_int_equal(ftruncate(fd, 100), 0);
    close_fd_at(&fd);
    fd = -1;
    assert_true(log_position_open(world->dir, STR("task"), 0, &fd, &read, &f));
    assert_int_equal(read.inode, 0);
    (void)snprintf(path, sizeof(path), "%s/task/0.position", world->dir);
    (void)unlink(path);
    (void)snprintf(path, sizeof(path), "%s/task", world->dir);
    assert_int_equal(rmdir(path), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(pieces_become_lines),
        TEST(every_mark_goes_on_behind_its_line),
        TEST(what_is_not_ended_comes_at_the_end),
        TEST(a_line_without_end_comes_in_pieces),
        TEST(a_hole_is_skipped),
        TEST(positions_are_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
