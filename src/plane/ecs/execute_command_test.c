/* What becomes of an ExecuteCommand whose session the broker of data channels did not take. */
#include "plane/ecs/operations.h"
#include "plane/ssm/session.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* The context: the one session that is there. */
static bool has(void *context, struct str session)
{
    const struct str *there = context;

    return str_eq(*there, session);
}

static void a_session_that_was_not_taken_is_an_error(void **state)
{
    struct arena arena;
    struct fail f = {.message = ""};
    const struct principal caller = {.account = STR("000000000000")};
    const struct call call = {.arena = &arena, .fail = &f, .principal = &caller, .region = STR("us-east-1")};
    struct ecs_session session = {.session_id = STR("ecs-execute-command-1")};
    struct ecs_execute_command_response out = {.session = &session};
    struct str there;
    struct session_port port = {.context = &there, .has = has};
    const struct ports ports = {.sessions = &port};

    (void)state;
    arena_init(&arena, 4096);
    there = session_key(&arena, caller.account, call.region, session.session_id);
    assert_true(ecs_execute_command_finish(&call, &ports, NULL, &out));
    there = session_key(&arena, caller.account, STR("us-west-2"), session.session_id);
    assert_false(ecs_execute_command_finish(&call, &ports, NULL, &out));
    assert_string_equal(f.type, "TargetNotConnectedException");
    assert_string_equal(f.message, "The execute command failed due to an internal error. Try again later.");
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_session_that_was_not_taken_is_an_error)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
