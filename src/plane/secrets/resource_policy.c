#include "plane/secrets/resource_policy.h"

#include "model/gen/secretsmanager.h"

bool resource_policy_read(struct str text, struct arena *arena, struct policy_document **ret_document, struct fail *f)
{
    if (policy_read(text, POLICY_RESOURCE, arena, ret_document, f))
        return true;
    f->type = SECRETSMANAGER_ERROR_MALFORMED_POLICY_DOCUMENT_EXCEPTION;
    return false;
}

static bool is_everybody(const struct policy_statement *statement)
{
    if (statement->not_principal)
        return true;
    for (size_t i = 0; i < statement->principals.count; i++)
        if (str_is(statement->principals.items[i].value, "*"))
            return true;
    return false;
}

bool resource_policy_is_public(const struct policy_document *document)
{
    for (size_t i = 0; i < document->statements.count; i++) {
        const struct policy_statement *statement = &document->statements.items[i];

        if (statement->effect == POLICY_EFFECT_ALLOW && statement->conditions.count == 0 && is_everybody(statement))
            return true;
    }
    return false;
}
