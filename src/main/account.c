/* `berth env` and `account`: how a shell reaches an installation, as the root of which account. */
#include "base/must.h"
#include "main/installation.h"
#include "main/verbs.h"

static bool list(const struct installation *in, json_t **ret_answer, struct fail *f)
{
    return installation_ask(in, "GET", "/_berth/accounts", ret_answer, f);
}

static const char *member(const json_t *account, const char *name)
{
    const char *value = json_string_value(json_object_get(account, name));

    return value == NULL ? "" : value;
}

/* ---- env ---- */

/* The default account's lines with another account's keys. */
static void print_lines(struct str lines, const json_t *account)
{
    static const struct {
        const char *line, *member;
    } keys[] = {{"export AWS_ACCESS_KEY_ID=", "accessKeyId"}, {"export AWS_SECRET_ACCESS_KEY=", "secretAccessKey"}};

    while (lines.len > 0) {
        struct str line = str_cut(lines, '\n', &lines);

        for (size_t i = 0; account != NULL && i < COUNT_OF(keys); i++)
            if (str_starts(line, str_of(keys[i].line))) {
                (void)printf("%s%s\n", keys[i].line, member(account, keys[i].member));
                line = (struct str){NULL, 0};
            }
        if (line.ptr != NULL)
            (void)printf("%.*s\n", STR_ARG(line));
    }
}

static bool print_account(const struct installation *in, struct str lines, const char *id, struct fail *f)
{
    json_t *answer;
    bool found = false;

    if (!list(in, &answer, f))
        return false;
    for (size_t i = 0; i < json_array_size(json_object_get(answer, "accounts")); i++) {
        const json_t *account = json_array_get(json_object_get(answer, "accounts"), i);

        if (strcmp(member(account, "accountId"), id) != 0)
            continue;
        print_lines(lines, account);
        found = true;
    }
    json_decref(answer);
    return found || fail(f, FAIL_NOT_FOUND, "there is no account %s; 'berth account create %s' makes it", id, id);
}

int verb_env(const struct verb *verb, int argc, char **argv)
{
    auto_installation in = {.data = DATA_DIR_DEFAULT};
    const char *account = NULL;
    const struct option_spec rows[] = {
        {"listen", OPTION_TEXT, "ADDRESS:PORT", "where the server answers, with --account (as `berth up` was told)",
         &in.listen},
        {"data", OPTION_TEXT, "DIR", "the installation's directory (" DATA_DIR_DEFAULT ")", &in.data},
        {"account", OPTION_TEXT, "ID", "as the root of this account (the default account)", &account},
        {0},
    };
    struct str lines;
    int first;
    int status;
    struct fail f;

    if (!options_parse(verb, rows, argc, argv, &first, &status))
        return status;
    if (!installation_open(&in, &f) || !data_dir_read(&in.dir, "env", &in.arena, &lines, &f))
        return verb_failed(verb, &f);
    if (account == NULL)
        print_lines(lines, NULL);
    else if (!print_account(&in, lines, account, &f))
        return verb_failed(verb, &f);
    return EXIT_OK;
}

/* ---- account ---- */

static bool create(const struct installation *in, const char *id, bool as_json, struct fail *f)
{
    char path[64];
    json_t *account;

    if (id != NULL && (strlen(id) != 12 || strspn(id, "0123456789") != 12))
        return fail(f, FAIL_INPUT, "an account id has twelve digits, '%s' has not", id);
    (void)snprintf(path, sizeof(path), "/_berth/accounts%s%s", id == NULL ? "" : "?id=", id == NULL ? "" : id);
    if (!installation_ask(in, "POST", path, &account, f))
        return false;
    if (as_json) {
        (void)json_dumpf(account, stdout, JSON_INDENT(2));
        (void)printf("\n");
    } else {
        (void)printf("Account %s is made; as its root:\n  eval \"$(berth env --account %s)\"\n",
                     member(account, "accountId"), member(account, "accountId"));
    }
    json_decref(account);
    return true;
}

static bool show(const struct installation *in, bool as_json, struct fail *f)
{
    const json_t *accounts;
    json_t *answer;

    if (!list(in, &answer, f))
        return false;
    accounts = json_object_get(answer, "accounts");
    if (as_json) {
        (void)json_dumpf(accounts, stdout, JSON_INDENT(2));
        (void)printf("\n");
    } else {
        (void)printf("%-14s %s\n", "ACCOUNT", "ROOT ACCESS KEY");
        for (size_t i = 0; i < json_array_size(accounts); i++)
            (void)printf("%-14s %s\n", member(json_array_get(accounts, i), "accountId"),
                         member(json_array_get(accounts, i), "accessKeyId"));
    }
    json_decref(answer);
    return true;
}

int verb_account(const struct verb *verb, int argc, char **argv)
{
    auto_installation in = {.data = DATA_DIR_DEFAULT};
    bool as_json = false;
    const struct option_spec rows[] = {
        {"listen", OPTION_TEXT, "ADDRESS:PORT", "where the server answers (as `berth up` was told)", &in.listen},
        {"data", OPTION_TEXT, "DIR", "the installation's directory (" DATA_DIR_DEFAULT ")", &in.data},
        {"json", OPTION_FLAG, NULL, "print JSON, with the secret keys", &as_json},
        {0},
    };
    bool is_create;
    int first;
    int status;
    struct fail f;

    if (!options_parse(verb, rows, argc, argv, &first, &status))
        return status;
    is_create = first < argc && strcmp(argv[first], "create") == 0;
    if (first == argc || argc - first > (is_create ? 2 : 1) || (!is_create && strcmp(argv[first], "list") != 0)) {
        (void)fprintf(stderr, "berth account: say 'create [ID]' or 'list'\n");
        return EXIT_USAGE;
    }
    if (!installation_open(&in, &f) ||
        !(is_create ? create(&in, first + 1 < argc ? argv[first + 1] : NULL, as_json, &f) : show(&in, as_json, &f)))
        return verb_failed(verb, &f);
    return EXIT_OK;
}
