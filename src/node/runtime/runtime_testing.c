#include "node/runtime/runtime_testing.h"

#include <stdio.h>
#include <sys/stat.h>

struct fixture *fixture;
static const char *oci_runtime; /* the argument */

void must_do(bool done, const struct fail *f)
{
    if (!done)
        fail_msg("%s", f->message);
}

void start(const struct container_spec *spec)
{
    struct fail f;

    must_do(runtime_start(fixture->runtime, spec, &f), &f);
}

const char *run(const struct container_spec *spec, struct fixture_exit *ret_exit)
{
    const struct fixture_exit *ended;
    const char *output;
    struct fail f;

    fixture->exit_count = 0;
    start(spec);
    ended = fixture_wait(fixture, spec->id);
    assert_non_null(ended);
    *ret_exit = *ended;
    output = fixture_output(spec->log_path);
    must_do(runtime_delete(fixture->runtime, spec->id, &f), &f);
    (void)unlink(spec->log_path);
    return output;
}

void expect(const struct container_spec *spec, int code, const char *output)
{
    struct fixture_exit ended;
    const char *came = run(spec, &ended);

    assert_string_equal(came, output);
    assert_int_equal(ended.code, code);
    assert_false(ended.oom_killed);
    assert_false(ended.lost);
}

int nothing_left(void **state)
{
    auto_free struct runtime_container *containers = NULL;
    size_t count = 0;
    struct fail f;
    int failures = 0;

    (void)state;
    if (fixture->runtime == NULL)
        fixture_open(fixture);
    if (!runtime_list(fixture->runtime, &containers, &count, &f))
        return -1;
    for (size_t i = 0; i < count; i++)
        if (!runtime_delete(fixture->runtime, containers[i].id, &f))
            failures++;
    return fixture_processes(fixture->state_dir) == 0 && !fixture_left_in_mounts(fixture->directory) && failures == 0
               ? 0
               : -1;
}

int make_world(void **state)
{
    (void)state;
    fixture = fixture_new();
    fixture->oci_runtime = oci_runtime;
    fixture_open(fixture);
    return 0;
}

int end_world(void **state)
{
    char instance[RUNTIME_INSTANCE_BYTES];
    struct stat st;
    char directory[FIXTURE_PATH_BYTES];

    (void)state;
    memcpy(instance, fixture->instance, sizeof(instance));
    memcpy(directory, fixture->directory, sizeof(directory));
    fixture_free(fixture);
    return fixture_left_in_cgroups(instance) || stat(directory, &st) == 0 ? -1 : 0;
}

bool runtime_tests_possible(int argc, char **argv)
{
    oci_runtime = argc > 1 ? argv[1] : NULL;
    if (geteuid() != 0)
        (void)fprintf(stderr, "needs root\n");
    return geteuid() == 0;
}
