/* `berth status`: what an installation is doing. */
#include "base/str.h"
#include "main/installation.h"
#include "main/verbs.h"

/* ---- status ---- */

/* A table: a list of the server's answer, and its columns. */
struct column {
    const char *title, *key;
    int width; /* negative: on the left */
};

static const struct {
    const char *list;
    struct column columns[6];
} status_tables[] = {
    {"hosts",
     {{"HOST", "name", -24}, {"STATUS", "status", -14}, {"CPU", "cpuUnits", 8}, {"MEMORY MiB", "memoryMiB", 12}}},
    {"clusters",
     {{"CLUSTER", "name", -24}, {"STATUS", "status", -14}, {"ACCOUNT", "accountId", -14}, {"REGION", "region", -14}}},
    {"tasks",
     {{"TASK", "id", -34},
      {"FAMILY", "family", -16},
      {"CLUSTER", "cluster", -16},
      {"STATUS", "lastStatus", -16},
      {"ADDRESS", "address", -15}}},
    {"images",
     {{"REPOSITORY", "repository", -24}, {"TAG", "tag", -16}, {"DIGEST", "digest", -20}, {"SIZE MiB", "sizeMiB", 9}}},
};

static void print_cell(const struct column *column, const json_t *row)
{
    const json_t *value = json_object_get(row, column->key);
    char number[24] = "-";

    if (json_is_number(value))
        (void)snprintf(number, sizeof(number), "%.0f", json_number_value(value));
    (void)printf("%*s ", column->width, json_is_string(value) ? json_string_value(value) : number);
}

static void print_table(const json_t *rows, const struct column *columns)
{
    for (const struct column *column = columns; column->title != NULL; column++)
        (void)printf("%*s ", column->width, column->title);
    (void)printf("\n");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        for (const struct column *column = columns; column->title != NULL; column++)
            print_cell(column, json_array_get(rows, i));
        (void)printf("\n");
    }
}

static void print_status(const json_t *status)
{
    for (size_t i = 0; i < COUNT_OF(status_tables); i++) {
        if (i > 0)
            (void)printf("\n");
        print_table(json_object_get(status, status_tables[i].list), status_tables[i].columns);
    }
}

int verb_status(const struct verb *verb, int argc, char **argv)
{
    auto_installation in = {.data = DATA_DIR_DEFAULT};
    bool as_json = false;
    const struct option_spec rows[] = {
        {"listen", OPTION_TEXT, "ADDRESS:PORT", "where the server answers (as `berth up` was told)", &in.listen},
        {"data", OPTION_TEXT, "DIR", "the installation's directory (" DATA_DIR_DEFAULT ")", &in.data},
        {"json", OPTION_FLAG, NULL, "print JSON", &as_json},
        {0},
    };
    int first;
    int exit_status;
    struct fail f;
    json_t *status;

    if (!options_parse(verb, rows, argc, argv, &first, &exit_status))
        return exit_status;
    if (!installation_open(&in, &f) || !installation_status(&in, &status, &f))
        return verb_failed(verb, &f);
    if (as_json) {
        (void)json_dumpf(status, stdout, JSON_INDENT(2));
        (void)printf("\n");
    } else {
        print_status(status);
    }
    json_decref(status);
    return EXIT_OK;
}
