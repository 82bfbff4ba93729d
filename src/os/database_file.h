/* The file of an SQLite database, and what SQLite keeps beside it. While nobody has the database open. Any thread. */
#pragma once

#include "base/fail.h"

/* Makes an empty one, mode 0600, unless it is there: SQLite would make it as the umask says, and gives what stands
 * beside it the mode of the file. */
checked bool database_file_make(const char *path, struct fail *f);
/* Keeps it as PATH.damaged, in the place of an earlier one. */
checked bool database_file_set_aside(const char *path, struct fail *f);
/* True when there is none. */
checked bool database_file_remove(const char *path, struct fail *f);
