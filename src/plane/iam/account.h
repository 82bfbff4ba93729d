/* What an account has besides its people: an alias, a summary of what is in it, a report of its credentials. */
#pragma once

#include "core/table.h"

extern const struct table_spec account_alias_table;     /* by alias; "account": by account */
extern const struct table_spec credential_report_table; /* by account */
