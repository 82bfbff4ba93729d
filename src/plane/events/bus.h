/* Event buses: "default", which is there without a record, and those that an account makes. A rule is of one bus and
 * hears that bus's events only. */
#pragma once

#include "plane/events/events.h"

extern const struct table_spec event_bus_table; /* by account, region, name */

/* The name in a bus's name or ARN; an absent one is the default bus. */
struct str event_bus_name(struct str bus);
bool event_bus_is_default(struct str name);
struct str event_bus_arn(const struct call *call, struct str name);

/* One that the caller's account made; NULL: there is none, as there is no record of the default bus. */
const struct event_bus_record *event_bus_made(const struct call *call, struct str name);
/* Whether there is the bus that a request names by name or ARN. */
bool event_bus_exists(const struct call *call, struct str bus);
/* The same; fails with ResourceNotFoundException. */
checked bool event_bus_check(const struct call *call, struct str bus);
