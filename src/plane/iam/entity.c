#include "plane/iam/entity.h"

struct str iam_id_new(struct transaction *tx, const char *prefix, size_t len)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    unsigned char bytes[ENTITY_ID_LEN];
    char *id = arena_alloc(tx->arena, len + 1);
    size_t fixed = strlen(prefix);

    transaction_secret(tx, bytes, sizeof(bytes));
    memcpy(id, prefix, fixed);
    for (size_t i = fixed; i < len; i++)
        id[i] = alphabet[bytes[i] % 32];
    return (struct str){id, len};
}

struct str iam_path(struct str path)
{
    return path.ptr == NULL ? STR("/") : path;
}

struct str iam_arn(struct arena *arena, struct str account, const char *kind, struct str path, struct str name)
{
    return arena_printf(arena, "arn:aws:iam::%.*s:%s%.*s%.*s", STR_ARG(account), kind, STR_ARG(iam_path(path)),
                        STR_ARG(name));
}

void entity_name_key(struct buf *key, struct str account, struct str name)
{
    key_add(key, account);
    key_add(key, name);
    for (size_t i = key->len - name.len; i < key->len; i++)
        if (key->ptr[i] >= 'A' && key->ptr[i] <= 'Z')
            key->ptr[i] = (char)(key->ptr[i] - 'A' + 'a');
}

const void *entity_by_name(const struct transaction *tx, const struct table_spec *table, struct str account,
                           struct str name)
{
    auto_buf key = {0};
    struct walk walk;

    entity_name_key(&key, account, name);
    buf_add_char(&key, KEY_SEPARATOR);
    walk = transaction_walk(tx, table, "name", buf_str(&key));
    return walk_next(&walk);
}

bool arn_split(struct str arn, struct arn_parts *ret_parts)
{
    struct arn_parts parts;
    struct str rest = arn;

    if (!str_starts(arn, STR("arn:aws:iam::")))
        return false;
    parts.account = str_cut(str_from(arn, strlen("arn:aws:iam::")), ':', &rest);
    if (rest.ptr == NULL || str_find(rest, '/') == rest.len)
        return false;
    parts.kind = str_to(rest, str_find(rest, '/'));
    parts.name = str_from(rest, str_find_last(rest, '/') + 1);
    *ret_parts = parts;
    return true;
}
