#include "node/instance/user_data.h"

#include "base/attributes.h"

enum user_data_kind user_data_kind(struct str text)
{
    static const struct {
        struct str start;
        enum user_data_kind kind;
    } rows[] = {
        {STR_INIT("#!"), USER_DATA_SCRIPT},
        {STR_INIT("#cloud-config"), USER_DATA_CLOUD_CONFIG},
        {STR_INIT("Content-Type: multipart"), USER_DATA_MULTIPART},
        {STR_INIT("MIME-Version:"), USER_DATA_MULTIPART},
    };

    if (str_trim(text).len == 0)
        return USER_DATA_NONE;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (str_starts_nocase(text, rows[i].start))
            return rows[i].kind;
    return USER_DATA_OTHER;
}

const char *user_data_refusal(enum user_data_kind kind)
{
    switch (kind) {
    case USER_DATA_NONE:
    case USER_DATA_SCRIPT:
        return NULL;
    case USER_DATA_CLOUD_CONFIG:
        return "user data in the form #cloud-config is not run here: write it as a shell script (#!/bin/sh)";
    case USER_DATA_MULTIPART:
        return "user data in several MIME parts is not run here: write it as one shell script (#!/bin/sh)";
    case USER_DATA_OTHER:
        return "user data that does not begin with #! is not run";
    }
    return NULL;
}
