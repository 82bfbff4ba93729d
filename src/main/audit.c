/* `berth audit`: who called what, and what was refused, from the audit log in the data directory. Needs no server. */
#include "edge/audit.h"
#include "base/must.h"
#include "base/when.h"
#include "main/data_dir.h"
#include "main/verbs.h"
#include "os/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLLOW_LOOK_MS = 200 };

struct audit_options {
    const char *data, *user, *event, *service, *account, *since, *until;
    bool denied, follow, json;
};

struct view {
    const struct audit_options *options;
    int64_t since_ms, until_ms;
    size_t unreadable;
};

/* ---- which events ---- */

static const char *text(const json_t *event, const char *name)
{
    const char *value = json_string_value(json_object_get(event, name));

    return value == NULL ? "" : value;
}

static const char *identity(const json_t *event, const char *name)
{
    return text(json_object_get(event, "userIdentity"), name);
}

static bool is_denied(const json_t *event)
{
    const char *code = text(event, "errorCode");

    return strncmp(code, "AccessDenied", strlen("AccessDenied")) == 0 || strcmp(code, "UnauthorizedOperation") == 0;
}

/* "ecs" or "ecs.amazonaws.com". */
static bool is_service(const char *source, const char *wanted)
{
    size_t len = strlen(wanted);

    return strncmp(source, wanted, len) == 0 && (source[len] == '\0' || source[len] == '.');
}

static bool is_wanted(const struct view *view, const json_t *event)
{
    const struct audit_options *options = view->options;
    int64_t when_ms;

    if (!when_from_iso8601(str_of(text(event, "eventTime")), &when_ms) || when_ms < view->since_ms ||
        when_ms > view->until_ms)
        return false;
    if (options->user != NULL && strstr(identity(event, "arn"), options->user) == NULL &&
        strcmp(identity(event, "accessKeyId"), options->user) != 0)
        return false;
    if (options->event != NULL && strcmp(text(event, "eventName"), options->event) != 0)
        return false;
    if (options->service != NULL && !is_service(text(event, "eventSource"), options->service))
        return false;
    if (options->account != NULL && strcmp(text(event, "recipientAccountId"), options->account) != 0)
        return false;
    return !options->denied || is_denied(event);
}

/* ---- showing ---- */

static void show(const struct view *view, const json_t *event, const char *line, size_t len)
{
    const char *error = text(event, "errorCode");

    if (view->options->json) {
        (void)fwrite(line, 1, len, stdout);
        return;
    }
    (void)printf("%-20s  %-32s  %s  from %s%s%s%s%s\n", text(event, "eventTime"), text(event, "eventName"),
                 identity(event, "arn"), text(event, "sourceIPAddress"), error[0] == '\0' ? "" : "  ", error,
                 error[0] == '\0' ? "" : ": ", text(event, "errorMessage"));
}

static void look_at(struct view *view, const char *line, size_t len)
{
    json_t *event = json_loadb(line, len, 0, NULL);

    if (event == NULL)
        view->unreadable++;
    else if (is_wanted(view, event))
        show(view, event, line, len);
    json_decref(event);
}

/* Whole lines from where the file stands; a line that is still being written waits. */
static void read_lines(struct view *view, FILE *file)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t len;

    while ((len = getline(&line, &capacity, file)) > 0) {
        if (line[len - 1] != '\n') {
            (void)fseeko(file, -(off_t)len, SEEK_CUR);
            break;
        }
        look_at(view, line, (size_t)len);
    }
    clearerr(file);
    free(line);
    (void)fflush(stdout);
}

/* ---- the files ---- */

static void numbered(const struct audit_options *options, unsigned number, char path[PATH_MAX])
{
    if (number == 0)
        (void)snprintf(path, PATH_MAX, "%s/audit.log", options->data);
    else
        (void)snprintf(path, PATH_MAX, "%s/audit.log.%u", options->data, number);
}

static bool was_put_aside(const char *path, FILE *file)
{
    struct stat here;
    struct stat there;

    return fstat(fileno(file), &here) == 0 && stat(path, &there) == 0 && here.st_ino != there.st_ino;
}

static bool open_newest(const struct audit_options *options, FILE **ret_file, struct fail *f)
{
    char path[PATH_MAX];

    numbered(options, 0, path);
    *ret_file = fopen(path, "re");
    if (*ret_file == NULL)
        return fail(f, errno == ENOENT ? FAIL_NOT_FOUND : FAIL_SYSTEM, "open %s: %s", path, strerror(errno));
    return true;
}

/* Until it is interrupted, as tail -F: a file that was put aside is read to its end first. */
static bool follow(struct view *view, FILE **file, struct fail *f)
{
    char path[PATH_MAX];

    numbered(view->options, 0, path);
    for (;;) {
        bool aside = was_put_aside(path, *file);

        read_lines(view, *file);
        if (ferror(stdout))
            return fail(f, FAIL_SYSTEM, "write: %s", strerror(errno));
        if (aside) {
            (void)fclose(*file);
            *file = NULL;
            if (!open_newest(view->options, file, f))
                return false;
            continue;
        }
        (void)poll(NULL, 0, FOLLOW_LOOK_MS);
    }
}

static bool read_all(struct view *view, struct fail *f)
{
    char path[PATH_MAX];
    FILE *file;
    bool good = true;

    for (unsigned number = AUDIT_FILES_KEPT - 1; number > 0; number--) {
        numbered(view->options, number, path);
        file = fopen(path, "re");
        if (file == NULL)
            continue;
        read_lines(view, file);
        (void)fclose(file);
    }
    if (!open_newest(view->options, &file, f))
        return false;
    read_lines(view, file);
    if (view->options->follow)
        good = follow(view, &file, f);
    if (file != NULL)
        (void)fclose(file);
    return good;
}

/* ---- the verb ---- */

/* "15m", "2h", "1d" ago, or a time as RFC 3339 has it. */
static bool parse_time(const char *option, const char *value, int64_t *ret_ms, struct fail *f)
{
    static const struct {
        char unit;
        int64_t ms;
    } units[] = {{'s', SECOND_MS}, {'m', MINUTE_MS}, {'h', HOUR_MS}, {'d', DAY_MS}};
    struct clock clock = clock_wall();
    size_t len = strlen(value);
    uint64_t count;

    if (when_from_iso8601(str_of(value), ret_ms))
        return true;
    for (size_t i = 0; len > 0 && i < COUNT_OF(units); i++)
        if (value[len - 1] == units[i].unit && str_to_uint64((struct str){value, len - 1}, &count) &&
            count < (uint64_t)INT32_MAX) {
            *ret_ms = clock_now_ms(&clock) - (int64_t)count * units[i].ms;
            return true;
        }
    return fail(f, FAIL_INPUT, "--%s takes 30s, 15m, 2h, 1d, or a time such as 2026-01-31T12:00:00Z, not '%s'", option,
                value);
}

int verb_audit(const struct verb *verb, int argc, char **argv)
{
    struct audit_options options = {.data = DATA_DIR_DEFAULT};
    const struct option_spec rows[] = {
        {"data", OPTION_TEXT, "DIR", "where everything is kept (" DATA_DIR_DEFAULT ")", &options.data},
        {"user", OPTION_TEXT, "TEXT", "only callers whose ARN holds this, or with this access key id", &options.user},
        {"event", OPTION_TEXT, "NAME", "only this operation: RunTask", &options.event},
        {"service", OPTION_TEXT, "NAME", "only this service: ecs", &options.service},
        {"account", OPTION_TEXT, "ID", "only this account", &options.account},
        {"since", OPTION_TEXT, "TIME", "only what is younger: 15m, 2h, 1d, or a time", &options.since},
        {"until", OPTION_TEXT, "TIME", "only what is older: 15m, 2h, 1d, or a time", &options.until},
        {"denied", OPTION_FLAG, NULL, "only what was refused by policy", &options.denied},
        {"follow", OPTION_FLAG, NULL, "go on with what comes, until interrupted", &options.follow},
        {"json", OPTION_FLAG, NULL, "print the events, a line each, in CloudTrail's shape", &options.json},
        {0},
    };
    struct view view = {.options = &options, .since_ms = INT64_MIN, .until_ms = INT64_MAX};
    struct fail f;
    int first;
    int status;

    if (!options_parse(verb, rows, argc, argv, &first, &status))
        return status;
    if ((options.since != NULL && !parse_time("since", options.since, &view.since_ms, &f)) ||
        (options.until != NULL && !parse_time("until", options.until, &view.until_ms, &f)) || !read_all(&view, &f))
        return verb_failed(verb, &f);
    if (view.unreadable > 0)
        (void)fprintf(stderr, "berth audit: %zu lines could not be read\n", view.unreadable);
    return EXIT_OK;
}
