#include "plane/secrets/operations.h"
#include "plane/secrets/password.h"

static void fill(void *context, void *bytes, size_t len)
{
    transaction_secret(context, bytes, len);
}

bool secretsmanager_get_random_password(struct call *call, const struct secretsmanager_get_random_password_request *in,
                                        struct secretsmanager_get_random_password_response *out)
{
    const struct password_source source = {fill, call->tx};

    return password_make(in, &source, call->arena, &out->random_password, call->fail);
}
