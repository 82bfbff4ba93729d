/* An installation as the verbs of a person see it: its data directory, its address, and its running server. */
#pragma once

#include "main/data_dir.h"

#include <jansson.h>

struct installation {
    const char *data, *listen; /* as given; NULL until installation_open */
    struct data_dir dir;
    struct arena arena;
};

/* Opens the directory; an address that was not given is the one that `berth up` was last told, or 127.0.0.1:4566.
 * FAIL_SYSTEM, FAIL_DENIED, FAIL_NOT_FOUND; the caller frees it also then. */
checked bool installation_open(struct installation *in, struct fail *f);
/* The same, of a directory that is made where it is missing. */
checked bool installation_make(struct installation *in, struct fail *f);
void installation_free(struct installation *in);
#define auto_installation __attribute__((cleanup(installation_free))) struct installation

/* Asks the running server at a /_berth/ path; the answer is the caller's to decref. FAIL_DENIED when another server
 * answers, FAIL_INPUT with the server's words when it refuses. */
checked bool installation_ask(const struct installation *in, const char *method, const char *path, json_t **ret_answer,
                              struct fail *f);
/* The server's state as /_berth/status tells it; the caller's to decref. */
checked bool installation_status(const struct installation *in, json_t **ret_status, struct fail *f);
