/* The registry as a whole: the token that opens it to docker and its kin, and what it says of itself. */
#include <openssl/evp.h> /* first: it uses the attribute name that base/attributes.h defines, `unused` */

#include "base/must.h"
#include "plane/ecr/operations.h"

/* A password that nobody can guess, kept until it expires; the client sends it back as Basic AWS:password. */
bool ecr_get_authorization_token(struct call *call, const struct ecr_get_authorization_token_request *in,
                                 struct ecr_get_authorization_token_response *out)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char bytes[31];
    char plain[4 + 2 * sizeof(bytes)] = "AWS:"; /* 66 bytes, a multiple of three: base64 without padding */
    char *encoded = arena_alloc(call->arena, sizeof(plain) / 3 * 4 + 1);
    size_t count = in->registry_ids.count == 0 ? 1 : in->registry_ids.count; /* deprecated: the token is the same */
    struct ecr_authorization_data *data = arena_array(call->arena, struct ecr_authorization_data, count);
    struct registry_token_record record = {.account_id = call->principal->account,
                                           .access_key_id = call->principal->access_key};

    transaction_secret(call->tx, bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        plain[4 + 2 * i] = hex[bytes[i] >> 4];
        plain[5 + 2 * i] = hex[bytes[i] & 15];
    }
    (void)EVP_EncodeBlock((unsigned char *)encoded, (const unsigned char *)plain, sizeof(plain));
    record.token = (struct str){plain + 4, sizeof(plain) - 4};
    SET(&record, expires_at, call->tx->now_ms + REGISTRY_TOKEN_MS);
    must(transaction_put(call->tx, &registry_token_table, &record));
    for (size_t i = 0; i < count; i++) {
        data[i].authorization_token = (struct str){encoded, sizeof(plain) / 3 * 4};
        data[i].proxy_endpoint = arena_printf(call->arena, "http://%.*s", STR_ARG(call->settings->endpoint));
        SET(&data[i], expires_at, record.expires_at);
    }
    out->authorization_data.items = data;
    out->authorization_data.count = count;
    return true;
}

bool ecr_describe_registry(struct call *call, const struct ecr_describe_registry_request *in,
                           struct ecr_describe_registry_response *out)
{
    (void)in;
    out->registry_id = call->principal->account;
    out->replication_configuration = arena_new(call->arena, struct ecr_replication_configuration);
    out->replication_configuration->rules.items = arena_alloc(call->arena, 0); /* an empty list, not an absent one */
    return true;
}
