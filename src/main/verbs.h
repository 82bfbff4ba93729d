/* What the verbs of the command do; each returns the exit status: 0 done, 1 failed, 2 wrong usage. */
#pragma once

#include "cli/options.h"

int verb_up(const struct verb *verb, int argc, char **argv);
int verb_down(const struct verb *verb, int argc, char **argv);
int verb_status(const struct verb *verb, int argc, char **argv);
int verb_env(const struct verb *verb, int argc, char **argv);
int verb_doctor(const struct verb *verb, int argc, char **argv);
int verb_logs(const struct verb *verb, int argc, char **argv);
int verb_exec(const struct verb *verb, int argc, char **argv);
int verb_explain(const struct verb *verb, int argc, char **argv);
int verb_account(const struct verb *verb, int argc, char **argv);
int verb_audit(const struct verb *verb, int argc, char **argv);
int verb_events(const struct verb *verb, int argc, char **argv);
int verb_server(const struct verb *verb, int argc, char **argv);
int verb_operations(const struct verb *verb, int argc, char **argv);
int verb_host(const struct verb *verb, int argc, char **argv);
int verb_stand_in(const struct verb *verb, int argc, char **argv);
int verb_agent(const struct verb *verb, int argc, char **argv);
int verb_instance_init(const struct verb *verb, int argc, char **argv);
int verb_sim(const struct verb *verb, int argc, char **argv);
