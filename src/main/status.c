/* `berth status` and `env`: what an installation is doing, and how a shell reaches it. */
#include "main/installation.h"
#include "main/verbs.h"

/* ---- status ---- */

static const char *text(const json_t *row, const char *key)
{
    const char *value = json_string_value(json_object_get(row, key));

    return value == NULL ? "-" : value;
}

static void print_status(const json_t *status)
{
    const json_t *row;
    size_t i;

    (void)printf("%-24s %-14s %8s %10s\n", "HOST", "STATUS", "CPU", "MEMORY MiB");
    json_array_foreach(json_object_get(status, "hosts"), i, row)(void)
        printf("%-24s %-14s %8lld %10lld\n", text(row, "name"), text(row, "status"),
               (long long)json_integer_value(json_object_get(row, "cpuUnits")),
               (long long)json_integer_value(json_object_get(row, "memoryMiB")));
    (void)printf("\n%-24s %-14s %-14s %s\n", "CLUSTER", "STATUS", "ACCOUNT", "REGION");
    json_array_foreach(json_object_get(status, "clusters"), i, row)(void) printf(
        "%-24s %-14s %-14s %s\n", text(row, "name"), text(row, "status"), text(row, "accountId"), text(row, "region"));
    (void)printf("\n%-34s %-14s %-14s %-16s %s\n", "TASK", "FAMILY", "CLUSTER", "STATUS", "ADDRESS");
    json_array_foreach(json_object_get(status, "tasks"), i, row)(void)
        printf("%-34s %-14s %-14s %-16s %s\n", text(row, "id"), text(row, "family"), text(row, "cluster"),
               text(row, "lastStatus"), text(row, "address"));
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

/* ---- env ---- */

int verb_env(const struct verb *verb, int argc, char **argv)
{
    auto_installation in = {.data = DATA_DIR_DEFAULT};
    const struct option_spec rows[] = {
        {"listen", OPTION_TEXT, "ADDRESS:PORT", "taken for symmetry with up; the directory tells", &in.listen},
        {"data", OPTION_TEXT, "DIR", "the installation's directory (" DATA_DIR_DEFAULT ")", &in.data},
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
    (void)fwrite(lines.ptr, 1, lines.len, stdout);
    return EXIT_OK;
}
