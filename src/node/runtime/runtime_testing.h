/* What the tests of the runtime have in common, beside the fixture. cmocka's assertions: in its tests only. */
#pragma once

#include "node/runtime/runtime_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

extern struct fixture *fixture; /* while tests run */

void must_do(bool done, const struct fail *f);
void start(const struct container_spec *spec);

/* Runs to the end and deletes; *ret_exit is a copy. The output is what fixture_output gives. */
const char *run(const struct container_spec *spec, struct fixture_exit *ret_exit);
void expect(const struct container_spec *spec, int code, const char *output);

/* Each test ends with nothing of it on the machine. */
int nothing_left(void **state);
#define TEST(name) cmocka_unit_test_teardown(name, nothing_left)

int make_world(void **state);
int end_world(void **state);
/* The arguments of main: which OCI runtime starts the containers. False: this needs root. */
bool runtime_tests_possible(int argc, char **argv);

#define RUN(tests, argc, argv)                                                                                         \
    (runtime_tests_possible(argc, argv) ? cmocka_run_group_tests(tests, make_world, end_world) : 77 /* skipped */)
