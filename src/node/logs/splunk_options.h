/* The options of the splunk log driver (Docker documentation, "Splunk logging driver"; ECS API reference,
 * LogConfiguration). Pure. */
#pragma once

#include "base/arena.h"
#include "node/logs/log_option.h"

enum splunk_format {
    SPLUNK_FORMAT_INLINE, /* a line is a text in an object */
    SPLUNK_FORMAT_JSON,   /* the same, and one that is JSON stands there as what it is */
    SPLUNK_FORMAT_RAW,    /* a line is a text behind its tag */
};

struct splunk_options {
    struct str url;    /* splunk-url: "https://splunk:8088" */
    struct str token;  /* splunk-token: in no message */
    struct str source; /* splunk-source, or absent; likewise the two below */
    struct str sourcetype;
    struct str index;
    struct str tag; /* tag: what stands with each line; absent: the container's id */
    enum splunk_format format;
    bool verify_connection; /* splunk-verify-connection: true unless it is given */
    bool insecure;          /* splunk-insecureskipverify: any certificate will do */
    enum log_mode mode;
    uint64_t max_buffer_bytes; /* means something in LOG_MODE_NON_BLOCKING */
};

/* *ret_options points into the options given. Refusals are FAIL_INPUT. */
checked bool splunk_options_read(const struct log_option *options, size_t count, struct splunk_options *ret_options,
                                 struct fail *f);

/* The event collector's address below splunk-url, in the arena. */
struct str splunk_collector(const struct splunk_options *options, struct arena *arena);
