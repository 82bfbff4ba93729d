/* The Instance Metadata Service of one instance (EC2 user guide, "Use the Instance Metadata Service to access instance
 * metadata"): version 2, whose requests bear a token that a PUT has given, and version 1 where the instance allows it.
 *
 * What there is to read is a list of paths and values; directories, listings and the versions in front of paths come of
 * themselves. Who serves it knows one instance only, so the listening socket must be one that nobody else reaches. */
#pragma once

#include "base/fail.h"
#include "base/str.h"

struct imds;

/* MetadataOptions of the instance. */
struct imds_options {
    bool enabled;         /* HttpEndpoint; false: every request is answered with 403 */
    bool tokens_required; /* HttpTokens */
    int hop_limit;        /* HttpPutResponseHopLimit, 1 to 64: how far a token travels */
};

struct imds_entry {
    struct str path; /* "meta-data/instance-id", "dynamic/instance-identity/document", "user-data" */
    struct str value;
};

/* One that answers what it is handed: by a server that several instances share, and that knows who asks. */
struct imds *imds_new(const struct imds_options *options);
struct http_exchange;
void imds_answer(struct imds *imds, struct http_exchange *exchange);

/* Serves at the listening socket, which is taken over, with no entries yet. Tokens are good until the service ends. */
checked bool imds_start(int listening_fd, const struct imds_options *options, struct imds **ret_imds, struct fail *f);
void imds_stop(struct imds *imds);

/* From now on these. Copied. Any thread. */
void imds_set_options(struct imds *imds, const struct imds_options *options);
void imds_set_entries(struct imds *imds, const struct imds_entry *entries, size_t count);
