/* DNS names as dnsmasq reads them: checked, so that no name breaks a line of its files. Pure. */
#pragma once

#include "base/buf.h"
#include "node/network/network.h"

/* Lines of a hosts file. FAIL_INPUT for what is no name or no address. */
checked bool names_put_hosts(struct buf *out, const struct network_name *names, size_t count, struct fail *f);
/* Lines that make the resolver answer for the zones alone. */
checked bool names_put_zones(struct buf *out, const struct str *zones, size_t count, struct fail *f);
