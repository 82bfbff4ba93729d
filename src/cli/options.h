/* The options of a verb as a table: parsed by getopt_long, and the same table prints --help. */
#pragma once

#include "base/fail.h"

enum option_kind { OPTION_TEXT, OPTION_NUMBER, OPTION_FLAG };

struct option_spec {
    const char *name; /* "listen" */
    enum option_kind kind;
    const char *argument; /* "ADDRESS:PORT"; NULL for flags */
    const char *help;     /* one line; says the default */
    void *value;          /* const char **, unsigned long *, bool * */
};

struct verb {
    const char *name;
    const char *arguments; /* "[TASK]"; "" for none; "... COMMAND...": options end where the arguments begin */
    const char *summary;   /* one line */
    int (*run)(const struct verb *verb, int argc, char **argv);
};

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* Parses argv[1..]; `rows` ends with a row without name. ret_first: index in argv of the first argument that is no
 * option. false: *ret_exit is the exit status (help was asked and printed: 0; wrong usage, said on stderr: 2). */
checked bool options_parse(const struct verb *verb, const struct option_spec *rows, int argc, char **argv,
                           int *ret_first, int *ret_exit);

/* Says "berth VERB: message" on stderr and returns EXIT_FAILED. */
int verb_failed(const struct verb *verb, const struct fail *f);
