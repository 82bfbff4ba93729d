/* The host as a client of Splunk's HTTP Event Collector ("Format events for HTTP Event Collector", Splunk
 * documentation), with the events of Docker's splunk driver less their attributes. One thread uses a client at a time.
 */
#pragma once

#include "node/logs/log_batcher.h"
#include "node/logs/splunk_options.h"
#include "node/task/log_client.h"

struct splunk_place {
    const struct splunk_options *options;
    struct str host; /* this machine's name */
    struct str tag;  /* of every event */
};

/* Fills *f unless the outcome is DONE; the token is in no message. */
enum log_outcome splunk_client_put(struct log_client *client, const struct splunk_place *place,
                                   const struct log_batch *batch, struct fail *f);
/* DONE when the collector answers. */
enum log_outcome splunk_client_verify(struct log_client *client, const struct splunk_options *options, struct fail *f);
