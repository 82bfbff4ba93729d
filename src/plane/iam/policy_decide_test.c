#include "base/buf.h"
#include "base/must.h"
#include "plane/iam/policy_private.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* ---- the words of policy_cases.h ---- */

#define BLUE              "arn:aws:ecs:us-east-1:111122223333:cluster/blue"
#define GREEN             "arn:aws:ecs:us-east-1:111122223333:cluster/green"
#define HOME              "111122223333"
#define HOME_ROOT         "arn:aws:iam::111122223333:root"
#define AWAY              "444455556666"
#define AWAY_ROOT         "arn:aws:iam::444455556666:root"
#define ANNA              "arn:aws:iam::111122223333:user/anna"
#define BERT              "arn:aws:iam::111122223333:user/bert"
#define ROLE              "arn:aws:iam::111122223333:role/team/worker"
#define OTHER_ROLE        "arn:aws:iam::111122223333:role/other"
#define SESSION_ARN       "arn:aws:sts::111122223333:assumed-role/worker/one"
#define OTHER_SESSION_ARN "arn:aws:sts::111122223333:assumed-role/worker/two"
#define FEDERATED_ARN     "arn:aws:sts::111122223333:federated-user/guest"
#define FOREIGN_ARN       "arn:aws:iam::444455556666:user/zoe"
#define FOREIGN_ROLE      "arn:aws:iam::444455556666:role/puller"
#define ANNA_ID           "AIDAAAAAAAAAAAAAAANNA"
#define ROLE_ID           "AROAAAAAAAAAAAAAAROLE"
#define AWS(arn)          "{'AWS':'" arn "'}"
#define TASKS             "{'Service':'ecs-tasks.amazonaws.com'}"
#define PROVIDER          "{'Federated':'arn:aws:iam::111122223333:oidc-provider/id.example.com'}"
#define LONG_A            "arn:aws:s3:::aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* JSON with ' for ", and ` for '. */
#define DOC(statements)        "{'Version':'2012-10-17','Statement':[" statements "]}"
#define OLD(statements)        "{'Version':'2008-10-17','Statement':[" statements "]}"
#define NO_VERSION(statements) "{'Statement':[" statements "]}"
#define STATEMENT(effect, action, resource, condition)                                                                 \
    "{'Effect':'" effect "','Action':'" action "','Resource':'" resource "','Condition':{" condition "}}"
#define ALLOW(action, resource)               STATEMENT("Allow", action, resource, "")
#define DENY(action, resource)                STATEMENT("Deny", action, resource, "")
#define ALLOW_IF(action, resource, condition) STATEMENT("Allow", action, resource, condition)
#define DENY_IF(action, resource, condition)  STATEMENT("Deny", action, resource, condition)
#define STATEMENT_TO(effect, action, principal, condition)                                                             \
    "{'Effect':'" effect "','Action':'" action "'," principal ",'Condition':{" condition "}}"
#define ALLOW_TO(action, principal)               STATEMENT_TO("Allow", action, "'Principal':" principal, "")
#define DENY_TO(action, principal)                STATEMENT_TO("Deny", action, "'Principal':" principal, "")
#define DENY_TO_NOT(action, principal)            STATEMENT_TO("Deny", action, "'NotPrincipal':" principal, "")
#define ALLOW_TO_IF(action, principal, condition) STATEMENT_TO("Allow", action, "'Principal':" principal, condition)

enum who { ANNA_HERSELF, ROOT, SESSION, FEDERATED, FOREIGN, FOREIGN_ROOT, FOREIGN_SESSION, SERVICE, WEB, NOBODY };
static const struct policy_caller callers[] = {
    [ANNA_HERSELF] = {.account = STR_INIT(HOME), .arn = STR_INIT(ANNA), .id = STR_INIT(ANNA_ID)},
    [ROOT] = {.account = STR_INIT(HOME), .arn = STR_INIT(HOME_ROOT), .is_root = true},
    [SESSION] = {.account = STR_INIT(HOME),
                 .arn = STR_INIT(SESSION_ARN),
                 .id = STR_INIT(ROLE_ID),
                 .role_arn = STR_INIT(ROLE)},
    [FEDERATED] = {.account = STR_INIT(HOME),
                   .arn = STR_INIT(FEDERATED_ARN),
                   .id = STR_INIT(ANNA_ID),
                   .role_arn = STR_INIT(ANNA)},
    [FOREIGN] = {.account = STR_INIT(AWAY), .arn = STR_INIT(FOREIGN_ARN)},
    [FOREIGN_ROOT] = {.account = STR_INIT(AWAY), .arn = STR_INIT(AWAY_ROOT), .is_root = true},
    [FOREIGN_SESSION] = {.account = STR_INIT(AWAY),
                         .arn = STR_INIT("arn:aws:sts::444455556666:assumed-role/puller/one"),
                         .role_arn = STR_INIT(FOREIGN_ROLE)},
    [SERVICE] = {.service = STR_INIT("ecs-tasks.amazonaws.com")},
    [WEB] = {.federated = STR_INIT("arn:aws:iam::111122223333:oidc-provider/id.example.com")},
    [NOBODY] = {.account = {NULL, 0}},
};

#define EXPECT(verdict, source) (int)((verdict)*8 + (source))
enum {
    ALLOWED = -1, /* by whichever */
    NO_IDENTITY = EXPECT(POLICY_IMPLICIT_DENY, POLICY_SOURCE_IDENTITY),
    NO_RESOURCE = EXPECT(POLICY_IMPLICIT_DENY, POLICY_SOURCE_RESOURCE),
    NO_BOUNDARY = EXPECT(POLICY_IMPLICIT_DENY, POLICY_SOURCE_BOUNDARY),
    NO_SESSION = EXPECT(POLICY_IMPLICIT_DENY, POLICY_SOURCE_SESSION),
    DENIED_IDENTITY = EXPECT(POLICY_EXPLICIT_DENY, POLICY_SOURCE_IDENTITY),
    DENIED_RESOURCE = EXPECT(POLICY_EXPLICIT_DENY, POLICY_SOURCE_RESOURCE),
    DENIED_BOUNDARY = EXPECT(POLICY_EXPLICIT_DENY, POLICY_SOURCE_BOUNDARY),
    DENIED_SESSION = EXPECT(POLICY_EXPLICIT_DENY, POLICY_SOURCE_SESSION),
    HOLDS = ALLOWED,
    FAILS = NO_IDENTITY,
};

/* Pages of the IAM user guide. */
#define LOGIC         "Policy evaluation logic"
#define CROSS         "Cross-account policy evaluation logic"
#define BOUNDARY      "Permissions boundaries for IAM entities"
#define SESSIONS      "Policies and permissions in IAM: Session policies"
#define TRUST         "How to use trust policies with IAM roles"
#define PRINCIPAL     "AWS JSON policy elements: Principal"
#define NOT_PRINCIPAL "AWS JSON policy elements: NotPrincipal"
#define ACTIONS       "IAM JSON policy elements: Action"
#define NOT_ACTION    "IAM JSON policy elements: NotAction"
#define RESOURCES     "IAM JSON policy elements: Resource"
#define NOT_RESOURCE  "IAM JSON policy elements: NotResource"
#define VERSION       "IAM JSON policy elements: Version"
#define VARIABLES     "IAM policy elements: Variables and tags"
#define OPERATORS     "IAM JSON policy elements: Condition operators"
#define MULTI         "Conditions with multiple context keys or values"

enum { IDENTITY_MAX = 3 };

struct decision_case {
    int line;
    const char *page;
    int expected;
    enum who who;
    const char *action, *resource, *keys;
    bool must;
    const char *identity[IDENTITY_MAX], *resource_policy, *boundary, *session;
};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
#define CASE(page_, expected_, ...)                                                                                    \
    {.line = __LINE__,                                                                                                 \
     .page = (page_),                                                                                                  \
     .expected = (expected_),                                                                                          \
     .who = ANNA_HERSELF,                                                                                              \
     .action = "ecs:RunTask",                                                                                          \
     .resource = BLUE,                                                                                                 \
     ##__VA_ARGS__},
#define COND(page_, expected_, condition, keys_)                                                                       \
    CASE(page_, expected_, .keys = (keys_), .identity = {DOC(ALLOW_IF("*", "*", condition))})
#define ACTION(expected_, pattern)   CASE(ACTIONS, expected_, .identity = {DOC(ALLOW(pattern, "*"))})
#define RESOURCE(expected_, pattern) CASE(RESOURCES, expected_, .identity = {DOC(ALLOW("*", pattern))})
#define VARIABLE(expected_, pattern, resource_, keys_)                                                                 \
    CASE(VARIABLES, expected_, .keys = (keys_), .resource = "arn:aws:ecs:us-east-1:111122223333:" resource_,           \
         .identity = {DOC(ALLOW("*", "arn:aws:ecs:us-east-1:111122223333:" pattern))})
static const struct decision_case cases[] = {
#include "plane/iam/policy_cases.h"
};
#pragma GCC diagnostic pop

/* ---- asking ---- */

/* "aws:TagKeys=a|b;aws:username=anna" */
struct request {
    struct str keys;
    struct arena *arena;
};

static bool find_key(const void *context, struct str key, struct policy_values *ret_values)
{
    const struct request *request = context;
    struct str rest = request->keys;
    struct str *values;

    while (rest.len > 0) {
        struct str value;
        struct str name = str_cut(str_cut(rest, ';', &rest), '=', &value);

        if (!str_eq_nocase(name, key))
            continue;
        values = arena_array(request->arena, struct str, 8);
        *ret_values = (struct policy_values){values, 0};
        while (value.ptr != NULL)
            values[ret_values->count++] = str_cut(value, '|', &value);
        return true;
    }
    return false;
}

static void read_into(struct policy_list *list, const char *quoted, enum policy_kind kind, struct arena *arena)
{
    struct policy_named *items = (struct policy_named *)(uintptr_t)list->items;
    struct policy_document *document;
    struct buf text = {0};
    struct fail f;

    if (quoted == NULL)
        return;
    if (items == NULL)
        list->items = items = arena_array(arena, struct policy_named, IDENTITY_MAX);
    buf_add_cstr(&text, quoted);
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\'')
            text.ptr[i] = '"';
        else if (text.ptr[i] == '`')
            text.ptr[i] = '\'';
    }
    if (!policy_read(buf_str(&text), kind, arena, &document, &f))
        fail_msg("%s: %s", quoted, f.message);
    items[list->count++] = (struct policy_named){STR("policy"), document};
    list->present = true;
    buf_free(&text);
}

static struct policy_decision ask(const struct decision_case *row, struct arena *arena)
{
    struct request request = {.keys = str_of(row->keys), .arena = arena};
    struct policies policies = {0};
    struct policy_question question = {.caller = &callers[row->who],
                                       .action = str_of(row->action),
                                       .resource = str_of(row->resource),
                                       .resource_account = STR(HOME),
                                       .resource_must_allow = row->must,
                                       .key = find_key,
                                       .context = &request};

    for (size_t i = 0; i < IDENTITY_MAX; i++)
        read_into(&policies.identity, row->identity[i], POLICY_IDENTITY, arena);
    read_into(&policies.resource, row->resource_policy, POLICY_RESOURCE, arena);
    read_into(&policies.boundary, row->boundary, POLICY_IDENTITY, arena);
    read_into(&policies.session, row->session, POLICY_IDENTITY, arena);
    return policy_decide(&question, &policies);
}

static void every_row_is_decided_as_its_page_says(void **state)
{
    struct arena arena;
    size_t wrong = 0;

    (void)state;
    arena_init(&arena, 8 << 20);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct policy_decision decision = ask(&cases[i], &arena);
        int found = decision.verdict == POLICY_ALLOW ? ALLOWED : EXPECT(decision.verdict, decision.source);

        if (found != cases[i].expected) {
            print_error("policy_cases.h:%d (%s): expected %d, found %d\n", cases[i].line, cases[i].page,
                        cases[i].expected, found);
            wrong++;
        }
        /* What decides is shown; what is missing cannot be. */
        if (decision.verdict == POLICY_EXPLICIT_DENY)
            assert_int_equal(decision.statement->effect, POLICY_EFFECT_DENY);
        if (decision.verdict == POLICY_ALLOW && !callers[cases[i].who].is_root)
            assert_int_equal(decision.statement->effect, POLICY_EFFECT_ALLOW);
        if (decision.verdict == POLICY_IMPLICIT_DENY)
            assert_null(decision.statement);
        arena_reset(&arena);
    }
    arena_free(&arena);
    assert_int_equal(wrong, 0);
    assert_true(COUNT_OF(cases) >= 300);
}

/* A trust policy answers for itself, whatever the caller's own policies say. */
static void a_trust_policy_alone_says_whom_it_lets_in(void **state)
{
    static const struct {
        const char *document;
        enum who who;
        enum policy_verdict verdict;
    } rows[] = {
        {DOC(ALLOW_TO("sts:AssumeRole", TASKS)), SERVICE, POLICY_ALLOW},
        {DOC(ALLOW_TO("sts:AssumeRole", TASKS)), ANNA_HERSELF, POLICY_IMPLICIT_DENY},
        {DOC(ALLOW_TO("sts:AssumeRole", AWS(HOME))), ANNA_HERSELF, POLICY_ALLOW},
        {DOC(ALLOW_TO("sts:AssumeRole", AWS(HOME)) "," DENY_TO("sts:AssumeRole", AWS(ANNA))), ANNA_HERSELF,
         POLICY_EXPLICIT_DENY},
        {DOC(ALLOW_TO("sts:TagSession", AWS(HOME))), ANNA_HERSELF, POLICY_IMPLICIT_DENY},
        {DOC(ALLOW_TO("sts:AssumeRole", AWS(HOME))), FOREIGN, POLICY_IMPLICIT_DENY},
    };
    struct arena arena;

    (void)state;
    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct policy_list list = {0};
        struct policy_question question = {.caller = &callers[rows[i].who],
                                           .action = STR("sts:AssumeRole"),
                                           .resource = STR(ROLE),
                                           .resource_account = STR(HOME)};

        read_into(&list, rows[i].document, POLICY_TRUST, &arena);
        assert_int_equal(policy_decide_trust(&question, list.items).verdict, rows[i].verdict);
    }
    arena_free(&arena);
}

/* Many stars: time stays in the product of the lengths. With exponential matching this would not end. */
static void stars_do_not_multiply(void **state)
{
    static const struct policy_scope scope = {0};
    char pattern[2000];
    char text[2000];

    (void)state;
    for (size_t i = 0; i < sizeof(pattern); i++)
        pattern[i] = i % 2 == 0 ? '*' : 'a';
    memset(text, 'a', sizeof(text));
    pattern[sizeof(pattern) - 1] = 'b';
    assert_int_equal(policy_match_text((struct str){pattern, sizeof(pattern)}, (struct str){text, sizeof(text)}, &scope,
                                       POLICY_MATCH_WILD),
                     POLICY_MATCH_NO);
    text[sizeof(text) - 1] = 'b';
    assert_int_equal(policy_match_text((struct str){pattern, sizeof(pattern)}, (struct str){text, sizeof(text)}, &scope,
                                       POLICY_MATCH_WILD),
                     POLICY_MATCH_YES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_decided_as_its_page_says),
        cmocka_unit_test(a_trust_policy_alone_says_whom_it_lets_in),
        cmocka_unit_test(stars_do_not_multiply),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
