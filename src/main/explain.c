/* `berth explain`: what policies decide about somebody, an action and a resource, and which statement makes it so. */
#include "base/buf.h"
#include "main/installation.h"
#include "main/verbs.h"

#include <ctype.h>

/* Percent-encoded, all but what stands for itself in a query (RFC 3986, section 2.3). */
static void add_encoded(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++)
        if (isalnum((unsigned char)*text) || strchr("-._~", *text) != NULL)
            buf_add_char(out, *text);
        else
            buf_printf(out, "%%%02X", (unsigned char)*text);
}

static const char *member(const json_t *answer, const char *name)
{
    const char *value = json_string_value(json_object_get(answer, name));

    return value == NULL ? "" : value;
}

static void print_reason(const json_t *answer)
{
    const json_t *statement = json_object_get(answer, "statement");
    bool denied = strcmp(member(answer, "verdict"), "implicitDeny") == 0;

    if (json_is_object(statement)) {
        (void)printf("by a statement of the %s %s:\n", member(answer, "source"), member(answer, "policy"));
        (void)json_dumpf(statement, stdout, JSON_INDENT(2));
        (void)printf("\n");
    } else if (denied) {
        (void)printf("no %s allows it\n", member(answer, "source"));
    } else {
        (void)printf("the account's root may do everything that nothing denies\n");
    }
}

static bool explain(const struct installation *in, char **asked, json_t **ret_answer, struct fail *f)
{
    auto_buf path = {.ptr = NULL};
    static const char *const names[] = {"/_berth/explain?who=", "&action=", "&resource="};

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        buf_add_cstr(&path, names[i]);
        add_encoded(&path, asked[i]);
    }
    buf_add_char(&path, '\0');
    return !path.overflowed && installation_ask(in, "GET", path.ptr, ret_answer, f);
}

int verb_explain(const struct verb *verb, int argc, char **argv)
{
    auto_installation in = {.data = DATA_DIR_DEFAULT};
    bool as_json = false;
    const struct option_spec rows[] = {
        {"listen", OPTION_TEXT, "ADDRESS:PORT", "where the server answers (as `berth up` was told)", &in.listen},
        {"data", OPTION_TEXT, "DIR", "the installation's directory (" DATA_DIR_DEFAULT ")", &in.data},
        {"json", OPTION_FLAG, NULL, "print JSON", &as_json},
        {0},
    };
    json_t *answer;
    int first;
    int status;
    struct fail f;

    if (!options_parse(verb, rows, argc, argv, &first, &status))
        return status;
    if (argc - first != 3) {
        (void)fprintf(stderr,
                      "berth explain: say who (an access key id, or the ARN of a user or role), which action, and "
                      "which resource (an ARN, or '*')\n");
        return EXIT_USAGE;
    }
    if (!installation_open(&in, &f) || !explain(&in, argv + first, &answer, &f))
        return verb_failed(verb, &f);
    if (as_json) {
        (void)json_dumpf(answer, stdout, JSON_INDENT(2));
        (void)printf("\n");
    } else {
        (void)printf("%s: ", member(answer, "verdict"));
        print_reason(answer);
    }
    json_decref(answer);
    return EXIT_OK;
}
