/* Schedule expressions of EventBridge ("Schedule types in EventBridge", user guide), all in UTC and to the minute:
 *
 *   rate(5 minutes)              minute, hour, day; the plural for all but 1
 *   cron(0 18 ? * MON-FRI *)     minute hour day-of-month month day-of-week year
 *
 *   minute, hour, year  , - * /      year: 1970 to 2199
 *   day of month        , - * / ? L W    L the last day, 15W the weekday nearest to the 15th, LW the last weekday
 *   month               , - * /      1 to 12, JAN to DEC
 *   day of week         , - * / ? L #    1 to 7, SUN to SAT; 6L the last Friday, 6#3 the third
 *
 * Exactly one of the two days is a question mark. Pure; any thread. */
#pragma once

#include "base/attributes.h"
#include "base/str.h"

#include <stdint.h>

enum { SCHEDULE_YEAR_FIRST = 1970, SCHEDULE_YEAR_LAST = 2199, SCHEDULE_YEARS = SCHEDULE_YEAR_LAST - 1970 + 1 };

struct schedule {
    int64_t period_ms; /* of a rate; 0: cron */
    uint64_t minutes;  /* bit n: that one */
    uint32_t hours;
    uint32_t days;         /* of the month */
    uint32_t nearest_days; /* the weekday nearest to it */
    bool last_day, last_weekday;
    uint16_t months;
    uint8_t week_days;      /* bit 1: Sunday */
    uint8_t last_week_days; /* the last of those in a month */
    uint8_t nth_week_day;   /* 1: Sunday; 0: not asked for */
    uint8_t nth;
    uint64_t years[(SCHEDULE_YEARS + 63) / 64]; /* bit 0: 1970 */
};

checked bool schedule_read(struct str text, struct schedule *ret_schedule);

/* The first time after now_ms; WHEN_NEVER when there is none. A rate counts from begin_ms. */
int64_t schedule_next(const struct schedule *schedule, int64_t begin_ms, int64_t now_ms);
