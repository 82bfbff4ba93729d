#include "cli/options.h"

#include "base/must.h"
#include "base/str.h"

#include <getopt.h>

enum { OPTIONS_MAX = 24 };

static void print_help(const struct verb *verb, const struct option_spec *rows)
{
    (void)printf("Usage: berth %s [OPTIONS]%s%s\n\n%s\n\nOptions:\n", verb->name, verb->arguments[0] == '\0' ? "" : " ",
                 verb->arguments, verb->summary);
    for (; rows->name != NULL; rows++) {
        char left[64];

        (void)snprintf(left, sizeof(left), "--%s%s%s", rows->name, rows->argument == NULL ? "" : " ",
                       rows->argument == NULL ? "" : rows->argument);
        (void)printf("  %-28s %s\n", left, rows->help);
    }
    (void)printf("  %-28s %s\n", "--help", "this text");
}

static bool store(const struct verb *verb, const struct option_spec *row, const char *text)
{
    uint64_t number;

    switch (row->kind) {
    case OPTION_FLAG:
        *(bool *)row->value = true;
        return true;
    case OPTION_TEXT:
        *(const char **)row->value = text;
        return true;
    case OPTION_NUMBER:
        if (!str_to_uint64(str_of(text), &number)) {
            (void)fprintf(stderr, "berth %s: --%s takes a number, not '%s'\n", verb->name, row->name, text);
            return false;
        }
        *(unsigned long *)row->value = number;
        return true;
    }
    return false;
}

bool options_parse(const struct verb *verb, const struct option_spec *rows, int argc, char **argv, int *ret_first,
                   int *ret_exit)
{
    struct option options[OPTIONS_MAX] = {{0}};
    int count = 0;
    int index;
    int c;

    for (; rows[count].name != NULL; count++) {
        must(count < OPTIONS_MAX - 2);
        options[count] = (struct option){rows[count].name,
                                         rows[count].kind == OPTION_FLAG ? no_argument : required_argument, NULL, 1};
    }
    options[count] = (struct option){"help", no_argument, NULL, 'h'};
    optind = 1;
    while ((c = getopt_long(argc, argv, str_ends(str_of(verb->arguments), STR("COMMAND...")) ? "+h" : "h", options,
                            &index)) != -1) {
        if (c == 'h') {
            print_help(verb, rows);
            *ret_exit = EXIT_OK;
            return false;
        }
        if (c != 1 || !store(verb, &rows[index], optarg)) {
            (void)fprintf(stderr, "Try 'berth %s --help'.\n", verb->name);
            *ret_exit = EXIT_USAGE;
            return false;
        }
    }
    if (verb->arguments[0] == '\0' && optind < argc) {
        (void)fprintf(stderr, "berth %s takes no argument '%s'.\nTry 'berth %s --help'.\n", verb->name, argv[optind],
                      verb->name);
        *ret_exit = EXIT_USAGE;
        return false;
    }
    *ret_first = optind;
    return true;
}

int verb_failed(const struct verb *verb, const struct fail *f)
{
    (void)fprintf(stderr, "berth %s: %s\n", verb->name, f->message);
    return EXIT_FAILED;
}
