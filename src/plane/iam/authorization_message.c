#include <openssl/evp.h> /* first: it uses the attribute name that base/attributes.h defines, `unused` */

#include "plane/iam/authorization_message.h"

#include "base/must.h"
#include "plane/iam/base64_url.h"
#include "plane/iam/iam.h"

#include <jansson.h>

/* AES-256-GCM (NIST SP 800-38D): nonce, text, tag; then base 64 for URLs. */
enum { KEY_LEN = 32, NONCE_LEN = 12, TAG_LEN = 16, TEXT_LEN_MAX = 4096 };

/* ---- the key ---- */

/* Made of the secret of the account's root, which no message shows. */
static bool account_key(const struct transaction *tx, struct str account, unsigned char key[KEY_LEN])
{
    static const char purpose[] = "authorization message";
    const struct access_key_record *root = iam_root_key(tx, account);
    struct str material;

    if (root == NULL)
        return false;
    material = arena_printf(tx->arena, "%s\n%.*s", purpose, STR_ARG(root->secret));
    return EVP_Digest(material.ptr, material.len, key, NULL, EVP_sha256(), NULL) == 1;
}

/* ---- encryption ---- */

static bool seal(const unsigned char key[KEY_LEN], struct str text, unsigned char *sealed)
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int len = 0;
    bool good =
        context != NULL && EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, sealed) == 1 &&
        EVP_EncryptUpdate(context, sealed + NONCE_LEN, &len, (const unsigned char *)text.ptr, (int)text.len) == 1 &&
        EVP_EncryptFinal_ex(context, sealed + NONCE_LEN + len, &len) == 1 &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, TAG_LEN, sealed + NONCE_LEN + text.len) == 1;

    EVP_CIPHER_CTX_free(context);
    return good;
}

static bool unseal(const unsigned char key[KEY_LEN], struct str sealed, unsigned char *text)
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    const unsigned char *bytes = (const unsigned char *)sealed.ptr;
    int text_len = (int)sealed.len - NONCE_LEN - TAG_LEN;
    int len = 0;
    bool good = context != NULL && EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, bytes) == 1 &&
                EVP_DecryptUpdate(context, text, &len, bytes + NONCE_LEN, text_len) == 1 &&
                EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, TAG_LEN,
                                    (void *)(uintptr_t)(bytes + NONCE_LEN + text_len)) == 1 &&
                EVP_DecryptFinal_ex(context, text + len, &len) == 1;

    EVP_CIPHER_CTX_free(context);
    return good;
}

/* ---- what it says ---- */

/* The statement that denied, when there is one. */
static json_t *matched(const struct policy_decision *decision)
{
    json_t *items = json_array();

    if (decision->policy != NULL)
        (void)json_array_append_new(
            items, json_pack("{s:s%}", "sourcePolicyId", decision->policy->name.ptr, (int)decision->policy->name.len));
    return json_pack("{s:o}", "items", items);
}

static struct str describe(const struct call *call, const struct ask *ask, const struct policy_decision *decision)
{
    struct str id = call->principal->user_id;
    struct str arn = call->principal->arn;
    json_t *message = json_pack("{s:b,s:b,s:o,s:{s:{s:s%,s:s%},s:s,s:s%}}", "allowed", 0, "explicitDeny",
                                decision->verdict == POLICY_EXPLICIT_DENY, "matchedStatements", matched(decision),
                                "context", "principal", "id", id.ptr, (int)id.len, "arn", arn.ptr, (int)arn.len,
                                "action", ask->action, "resource", ask->resource.ptr, (int)ask->resource.len);
    char *text = message == NULL ? NULL : json_dumps(message, JSON_COMPACT);
    struct str copy = arena_str(call->arena, str_of(text));

    free(text);
    json_decref(message);
    return copy;
}

struct str authorization_message_encode(const struct call *call, const struct ask *ask,
                                        const struct policy_decision *decision)
{
    static const struct str none = {NULL, 0};
    struct str text = describe(call, ask, decision);
    unsigned char key[KEY_LEN];
    unsigned char *sealed;

    if (text.ptr == NULL || text.len > TEXT_LEN_MAX || !account_key(call->tx, call->principal->account, key))
        return none;
    sealed = arena_alloc(call->arena, NONCE_LEN + text.len + TAG_LEN);
    transaction_secret(call->tx, sealed, NONCE_LEN);
    if (!seal(key, text, sealed))
        return none;
    return base64_url_write((struct str){(const char *)sealed, NONCE_LEN + text.len + TAG_LEN}, call->arena);
}

bool sts_decode_authorization_message(struct call *call, const struct sts_decode_authorization_message_request *in,
                                      struct sts_decode_authorization_message_response *out)
{
    unsigned char key[KEY_LEN];
    unsigned char *text = arena_alloc(call->arena, in->encoded_message.len + 1);
    struct str sealed;

    if (!base64_url_read(in->encoded_message, call->arena, &sealed) || sealed.len <= NONCE_LEN + TAG_LEN ||
        !account_key(call->tx, call->principal->account, key) || !unseal(key, sealed, text))
        return fail_api(call->fail, STS_ERROR_INVALID_AUTHORIZATION_MESSAGE_EXCEPTION,
                        "Invalid authorization message: it is not one of this account.");
    out->decoded_message = (struct str){(const char *)text, sealed.len - NONCE_LEN - TAG_LEN};
    return true;
}
