/* How the services differ where the models do not say it: one row a service. */
#pragma once

#include "base/fail.h"
#include "model/shape.h"

struct service_rules {
    const char *service;    /* our id; NULL: all others */
    const char *validation; /* error type of a value that breaks the model's constraints */
    const char *missing;    /* error type of a required member that is absent, NULL: as above, in value_check's words */
    const char *missing_text; /* printf format for the member's name in answers */
    const char *fault;        /* error type of a fault of ours */
    bool nul_allowed;         /* strings may hold NUL */
    /* Turns value_check's words into the service's own; NULL: they are the same. */
    void (*retell)(struct fail *f);
};

/* Never NULL; service may be NULL. */
const struct service_rules *service_rules_of(const struct service *service);

/* Turns a failure of value_check into the service's: its error type and its words. */
void service_rules_apply(const struct service_rules *rules, struct fail *f);
