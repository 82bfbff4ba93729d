#include "plane/ssm/injected_value.h"

#include "base/must.h"
#include "plane/iam/iam.h"
#include "plane/secrets/operations.h"
#include "plane/ssm/operations.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define REGION  "us-east-1"
#define ACCOUNT "000000000000"

static const struct domain_spec *const domains[] = {&iam_domain, &secrets_domain, &ssm_domain};

static const struct settings settings = {.default_region = STR_INIT(REGION),
                                         .default_account = STR_INIT(ACCOUNT),
                                         .secret_key = STR_INIT("0123456789abcdef0123456789abcdef")};
static struct arena arena;
static struct core *core;
static struct str secret_arn;

static void fill(void *bytes, size_t len)
{
    static struct random random = {{1, 2, 3, 4}};

    for (size_t i = 0; i < len; i++)
        ((unsigned char *)bytes)[i] = (unsigned char)random_next(&random);
}

static void release(void *context, const char *kind, struct str target, struct str bytes)
{
    (void)context;
    (void)kind;
    (void)target;
    (void)bytes;
}

/* ---- what there is: a secret in two versions, one without a text, a parameter ---- */

static bool make_all(struct job *job, struct transaction *tx)
{
    const struct principal root = {.kind = PRINCIPAL_ROOT, .account = STR(ACCOUNT), .arn = STR("root")};
    struct fail f;
    struct call call = {
        .tx = tx, .arena = &arena, .fail = &f, .principal = &root, .settings = &settings, .region = STR(REGION)};
    const struct secretsmanager_create_secret_request secret = {.name = STR("app"), .secret_string = STR("old")};
    const struct secretsmanager_put_secret_value_request again = {
        .secret_id = STR("app"), .secret_string = STR("{\"user\":\"me\",\"port\":5432,\"empty\":\"\"}")};
    const struct secretsmanager_create_secret_request binary = {.name = STR("bin"), .secret_binary = STR("\1\2")};
    const struct ssm_put_parameter_request parameter = {
        .name = STR("/app/key"), .value = STR("parameter's"), .type = SSM_PARAMETER_TYPE_SECURE_STRING};
    struct secretsmanager_create_secret_response made = {.arn = {NULL, 0}};
    struct secretsmanager_put_secret_value_response put = {.arn = {NULL, 0}};
    struct ssm_put_parameter_result stored = {.version = 0};

    (void)job;
    must(secretsmanager_create_secret(&call, &binary, &made));
    must(secretsmanager_create_secret(&call, &secret, &made));
    secret_arn = arena_str(&arena, made.arn);
    must(secretsmanager_put_secret_value(&call, &again, &put));
    must(ssm_put_parameter(&call, &parameter, &stored));
    return true;
}

static void done(struct job *job, bool durable)
{
    (void)job;
    must(durable);
}

static int begin(void **state)
{
    static struct job job = {.actor = "api", .cause = {"test", 4}, .run = make_all, .done = done};
    const struct core_options options = {.domains = domains,
                                         .domain_count = COUNT_OF(domains),
                                         .engine = engine_memory_new(),
                                         .settings = &settings,
                                         .secret = fill,
                                         .release = release};
    struct turn *turn;
    struct fail f;

    *state = options.engine;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    must(core_open(&options, 1000, &core, &f));
    core_submit(core, &job);
    while ((turn = core_turn(core, 1000)) != NULL)
        (void)core_settle(core, turn, true);
    return 0;
}

static int end(void **state)
{
    struct engine *engine = *state;

    core_close(core);
    engine->kind->close(engine);
    arena_free(&arena);
    return 0;
}

/* ---- what is read ---- */

static bool read_value(struct str value_from, struct str *ret_value, struct fail *f)
{
    const struct injected_place place = {STR(ACCOUNT), STR(REGION)};
    struct transaction view = core_view(core, &arena, 1000);
    struct value_from from;

    must(value_from_parse(value_from, &from, f));
    return injected_value(&view, &place, &from, &arena, ret_value, f);
}

static struct str of_secret(const char *more)
{
    return arena_printf(&arena, "%.*s%s", STR_ARG(secret_arn), more);
}

static void values_are_read(void **state)
{
    const struct {
        struct str value_from;
        const char *value;
    } cases[] = {
        {of_secret("::AWSPREVIOUS:"), "old"},
        {of_secret(":user::"), "me"},
        {of_secret(":port:AWSCURRENT:"), "5432"},
        {of_secret(":empty::"), ""},
        {STR("/app/key"), "parameter's"},
        {STR("arn:aws:ssm:" REGION ":" ACCOUNT ":parameter/app/key"), "parameter's"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct str value;
        struct fail f;

        assert_true(read_value(cases[i].value_from, &value, &f));
        assert_true(str_is(value, cases[i].value));
    }
}

static void what_cannot_be_read_says_why(void **state)
{
    const struct {
        struct str value_from;
        const char *why;
    } cases[] = {
        {of_secret(":password::"), "did not contain json key password"},
        {of_secret(":user:AWSPREVIOUS:"), "did not contain json key user"},
        {of_secret("::NONE:"), "Secrets Manager can't find the specified secret value for staging label: NONE"},
        {STR("arn:aws:secretsmanager:" REGION ":" ACCOUNT ":secret:none-AbCdEf"),
         "Secrets Manager can't find the specified secret."},
        {STR("arn:aws:secretsmanager:" REGION ":" ACCOUNT ":secret:bin"), "binary"},
        {STR("/app/none"), "invalid parameters: /app/none"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct str value;
        struct fail f;

        assert_false(read_value(cases[i].value_from, &value, &f));
        assert_non_null(strstr(f.message, cases[i].why));
    }
}

static void permission_is_asked_for_the_thing_itself(void **state)
{
    const struct injected_place place = {STR(ACCOUNT), STR(REGION)};
    struct transaction view = core_view(core, &arena, 1000);
    struct value_from from;
    struct injected_access access;
    struct fail f;

    (void)state;
    must(value_from_parse(str_to(secret_arn, secret_arn.len - 7), &from, &f)); /* without its last six characters */
    access = injected_access(&view, &place, &from, &arena);
    assert_string_equal(access.action, "secretsmanager:GetSecretValue");
    assert_true(str_eq(access.resource, secret_arn));
    must(value_from_parse(STR("/app/key"), &from, &f));
    access = injected_access(&view, &place, &from, &arena);
    assert_string_equal(access.action, "ssm:GetParameters");
    assert_true(str_is(access.resource, "arn:aws:ssm:" REGION ":" ACCOUNT ":parameter/app/key"));
}

/* No dump of a record may show a value, nor may the record hold it. */
static void records_hold_no_value(void **state)
{
    static const struct table_spec *const looked_at[] = {&secret_table, &secret_version_table, &parameter_table,
                                                         &parameter_version_table};
    struct transaction view = core_view(core, &arena, 1000);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(looked_at); i++) {
        struct walk walk = transaction_walk(&view, looked_at[i], NULL, STR(""));
        const void *record;

        while ((record = walk_next(&walk)) != NULL) {
            auto_buf stored = {.ptr = NULL};
            auto_buf dumped = {.ptr = NULL};

            value_encode(looked_at[i]->shape, record, &stored);
            value_dump(looked_at[i]->shape, record, &dumped);
            assert_int_equal(str_search(buf_str(&stored), STR("5432")), stored.len);
            assert_int_equal(str_search(buf_str(&stored), STR("parameter's")), stored.len);
            assert_int_equal(str_search(buf_str(&dumped), STR("5432")), dumped.len);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_read),
        cmocka_unit_test(what_cannot_be_read_says_why),
        cmocka_unit_test(permission_is_asked_for_the_thing_itself),
        cmocka_unit_test(records_hold_no_value),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
