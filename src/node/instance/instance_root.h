/* The root file system of an instance: the host's files, less what is the host's own, and with what makes it this
 * instance. Both are written into the overlay's upper directory before each start, so nothing inside can take it off.
 *
 * Of the host are seen: /bin, /sbin, /lib*, /usr, of /etc what everybody may read, and the package database. Everything
 * else is empty, whatever it is called: homes, data, other mounts, Berth's own directories, keys and passwords. The
 * tables are in the .c; docs/security.md tells users. */
#pragma once

#include "base/fail.h"
#include "model/host.h"

checked bool instance_root_prepare(const char *upper, const struct host_instance_assignment *assignment,
                                   struct fail *f);
