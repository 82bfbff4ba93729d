#include "base/buf.h"
#include "base/must.h"
#include "plane/iam/policy.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* The words of policy_read_cases.h. */
#define ONE(members)  "{'Version':'2012-10-17','Statement':[{" members "}]}"
#define TWO(one, two) "{'Version':'2012-10-17','Statement':[{" one "},{" two "}]}"
#define IF(condition) ONE("'Effect':'Allow','Action':'*','Resource':'*','Condition':" condition)
#define TO(principal) ONE("'Effect':'Allow','Action':'*','Principal':" principal)

#define CASE(kind, message, json) {__LINE__, POLICY_##kind, message, json},
static const struct {
    int line;
    enum policy_kind kind;
    const char *message;
    const char *json;
} cases[] = {
#include "plane/iam/policy_read_cases.h"
};

static bool read_quoted(const char *quoted, enum policy_kind kind, struct arena *arena,
                        struct policy_document **ret_document, struct fail *f)
{
    struct buf text = {0};
    bool good;

    buf_add_cstr(&text, quoted);
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == '\'')
            text.ptr[i] = '"';
    good = policy_read(buf_str(&text), kind, arena, ret_document, f);
    buf_free(&text);
    return good;
}

static void every_fault_has_its_message(void **state)
{
    struct policy_document *document;
    struct arena arena;
    struct fail f;

    (void)state;
    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        bool good = read_quoted(cases[i].json, cases[i].kind, &arena, &document, &f);

        if (good != (cases[i].message == NULL))
            fail_msg("policy_read_cases.h:%d: %s", cases[i].line, good ? "accepted" : f.message);
        if (good)
            continue;
        assert_int_equal(f.code, FAIL_API);
        assert_string_equal(f.type, "MalformedPolicyDocument");
        assert_string_equal(f.message, cases[i].message);
    }
    arena_free(&arena);
}

static void a_document_stands_in_its_structs(void **state)
{
    struct policy_document *document;
    const struct policy_statement *statement;
    const struct policy_condition *condition;
    struct arena arena;
    struct fail f;

    (void)state;
    arena_init(&arena, 1 << 20);
    assert_true(read_quoted(
        "{'Version':'2012-10-17','Id':'one','Statement':{'Sid':'S','Effect':'Deny','NotAction':['a:b','c:d'],"
        "'NotResource':'arn:aws:s3:::x','NotPrincipal':{'AWS':['111122223333'],'Service':'ecs.amazonaws.com'},"
        "'Condition':{'ForAnyValue:NumericLessThanIfExists':{'x:y':[1,2.5,true]},'Null':{'x:z':'true'}}}}",
        POLICY_RESOURCE, &arena, &document, &f));
    statement = &document->statements.items[0];
    assert_true(str_is(document->version, "2012-10-17"));
    assert_true(str_is(document->id, "one"));
    assert_int_equal(document->statements.count, 1);
    assert_true(str_is(statement->sid, "S"));
    assert_int_equal(statement->effect, POLICY_EFFECT_DENY);
    assert_true(statement->not_action);
    assert_true(statement->not_resource);
    assert_true(statement->not_principal);
    assert_int_equal(statement->actions.count, 2);
    assert_true(str_is(statement->resources.items[0], "arn:aws:s3:::x"));
    assert_int_equal(statement->principals.count, 2);
    assert_int_equal(statement->principals.items[1].type, POLICY_PRINCIPAL_TYPE_SERVICE);
    assert_int_equal(statement->conditions.count, 2);
    condition = &statement->conditions.items[0];
    assert_int_equal(condition->operator, POLICY_OPERATOR_NUMERIC_LESS_THAN);
    assert_int_equal(condition->qualifier, POLICY_QUALIFIER_FOR_ANY_VALUE);
    assert_true(condition->if_exists);
    assert_true(str_is(condition->key, "x:y"));
    assert_true(str_is(condition->values.items[0], "1"));
    assert_true(str_is(condition->values.items[1], "2.5"));
    assert_true(str_is(condition->values.items[2], "true"));
    assert_int_equal(statement->conditions.items[1].operator, POLICY_OPERATOR_NULL);
    arena_free(&arena);
}

/* Six megabytes are refused unread; what is deeply nested is refused without a deep stack. */
static void large_and_deep_documents_are_refused(void **state)
{
    size_t len = 6 << 20;
    char *text = malloc(len);
    struct policy_document *document;
    struct arena arena;
    struct fail f;

    (void)state;
    must(text != NULL);
    memset(text, '[', len);
    arena_init(&arena, 1 << 20);
    assert_false(policy_read((struct str){text, len}, POLICY_IDENTITY, &arena, &document, &f));
    assert_string_equal(f.message, "The policy document is longer than 131072 bytes.");
    assert_false(policy_read((struct str){text, POLICY_BYTES_MAX}, POLICY_IDENTITY, &arena, &document, &f));
    assert_string_equal(f.message, "Syntax errors in policy.");
    assert_int_equal(arena.used, 0);
    arena_free(&arena);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fault_has_its_message),
        cmocka_unit_test(a_document_stands_in_its_structs),
        cmocka_unit_test(large_and_deep_documents_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
