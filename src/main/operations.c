/* `berth operations`: which operations of which API have a handler, from the tables that the server is made of. As
 * Markdown it is the generated part of docs/compatibility.md (`./dev docs`). */
#include "base/must.h"
#include "main/apis.h"
#include "main/verbs.h"
#include "model/services.h"
#include "plane/iam/authorize.h"

#include <jansson.h>

/* More names than these would hide what there is. */
enum { REFUSED_SHOWN_MAX = 120 };

static const struct operation_spec *handler_of(const struct operation *operation)
{
    for (size_t i = 0; i < api_operations_count; i++)
        for (size_t k = 0; k < *api_operations[i].count; k++)
            if (api_operations[i].rows[k].operation == operation)
                return &api_operations[i].rows[k];
    return NULL;
}

static size_t handled_count(const struct service *service)
{
    size_t count = 0;

    for (size_t i = 0; i < service->operation_count; i++)
        count += handler_of(&service_operations(service)[i]) != NULL;
    return count;
}

/* What the decision is about. */
static const char *resource_of(const struct operation_spec *spec)
{
    if (spec->asks != NULL)
        return "what it names";
    return spec->resource == NULL ? "`*`" : "its ARN";
}

/* Beside the global ones, which every service has. */
static void print_condition_keys(const struct service *service)
{
    const struct access_spec *access = NULL;

    for (size_t i = 0; i < service->operation_count && access == NULL; i++)
        if (handler_of(&service_operations(service)[i]) != NULL)
            access = handler_of(&service_operations(service)[i])->access;
    if (access == NULL)
        return;
    (void)printf("\nCondition keys besides the global ones: ");
    for (size_t i = 0; i < access->key_count; i++)
        (void)printf("%s%s", i == 0 ? "" : ", ", access->keys[i].name);
    for (size_t i = 0; i < access->list_count; i++)
        (void)printf(", %s", access->lists[i].name);
    if (access->tag != NULL)
        (void)printf("%saws:ResourceTag/*", access->key_count == 0 ? "" : ", ");
    (void)printf(".\n");
}

static void print_handled(const struct service *service)
{
    (void)printf("\n| operation | IAM action | resource |\n| --- | --- | --- |\n");
    for (size_t i = 0; i < service->operation_count; i++) {
        const struct operation_spec *spec = handler_of(&service_operations(service)[i]);

        if (spec != NULL)
            (void)printf("| %s | %s | %s |\n", operation_name(spec->operation),
                         spec->action == NULL ? "none needed" : spec->action, resource_of(spec));
    }
}

static void print_refused(const struct service *service, size_t refused)
{
    const char *separator = "";

    if (refused == 0)
        return;
    if (refused > REFUSED_SHOWN_MAX) {
        (void)printf("\nRefused: the other %zu.\n", refused);
        return;
    }
    (void)printf("\nRefused: ");
    for (size_t i = 0; i < service->operation_count; i++)
        if (handler_of(&service_operations(service)[i]) == NULL) {
            (void)printf("%s%s", separator, operation_name(&service_operations(service)[i]));
            separator = ", ";
        }
    (void)printf(".\n");
}

static void print_markdown(void)
{
    for (size_t i = 0; i < SERVICES_ANSWERED; i++) {
        const struct service *service = services[i];
        size_t handled = handled_count(service);

        (void)printf("\n## %s: %zu of %d operations\n", service_id(service), handled, service->operation_count);
        if (handled == 0) {
            (void)printf("\nAll refused.\n");
            continue;
        }
        print_handled(service);
        print_condition_keys(service);
        print_refused(service, service->operation_count - handled);
    }
}

static json_t *as_json(void)
{
    json_t *all = json_array();

    for (size_t i = 0; i < SERVICES_ANSWERED; i++)
        for (size_t k = 0; k < services[i]->operation_count; k++) {
            const struct operation_spec *spec = handler_of(&service_operations(services[i])[k]);

            (void)json_array_append_new(all,
                                        json_pack("{s:s,s:s,s:b,s:s*}", "service", service_id(services[i]), "operation",
                                                  operation_name(&service_operations(services[i])[k]), "handled",
                                                  spec != NULL, "action", spec == NULL ? NULL : spec->action));
        }
    return all;
}

int verb_operations(const struct verb *verb, int argc, char **argv)
{
    bool json = false;
    const struct option_spec rows[] = {
        {"json", OPTION_FLAG, NULL, "print JSON, one object an operation", &json},
        {0},
    };
    json_t *all;
    int first;
    int status;

    if (!options_parse(verb, rows, argc, argv, &first, &status))
        return status;
    if (!json) {
        print_markdown();
        return EXIT_OK;
    }
    all = as_json();
    must(all != NULL);
    (void)json_dumpf(all, stdout, JSON_INDENT(2));
    (void)printf("\n");
    json_decref(all);
    return EXIT_OK;
}
