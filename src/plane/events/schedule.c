/* Reading of schedule expressions, and the times that they mean. */
#include "plane/events/schedule.h"

#include "base/when.h"

/* ---- rates ---- */

static const struct {
    const char *one, *many;
    int64_t ms;
} units[] = {{"minute", "minutes", MINUTE_MS}, {"hour", "hours", HOUR_MS}, {"day", "days", DAY_MS}};

static bool read_rate(struct str text, struct schedule *schedule)
{
    struct str unit;
    struct str number = str_cut(text, ' ', &unit);
    int64_t count;

    if (unit.ptr == NULL || !str_to_int64(number, &count) || count < 1 || count > INT32_MAX)
        return false;
    for (size_t i = 0; i < COUNT_OF(units); i++)
        if (str_is(str_trim(unit), count == 1 ? units[i].one : units[i].many)) {
            schedule->period_ms = count * units[i].ms;
            return true;
        }
    return false;
}

/* ---- cron: one field ---- */

struct cron_field {
    int low, high;
    const char *const *names; /* of low and on, three letters each; NULL: numbers only */
    size_t name_count;
};

static const char *const month_names[] = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                          "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
static const char *const day_names[] = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};

static const struct cron_field minute_field = {0, 59, NULL, 0};
static const struct cron_field hour_field = {0, 23, NULL, 0};
static const struct cron_field day_field = {1, 31, NULL, 0};
static const struct cron_field month_field = {1, 12, month_names, COUNT_OF(month_names)};
static const struct cron_field week_day_field = {1, 7, day_names, COUNT_OF(day_names)};
static const struct cron_field year_field = {SCHEDULE_YEAR_FIRST, SCHEDULE_YEAR_LAST, NULL, 0};

static bool read_value(struct str text, const struct cron_field *field, int *ret_value)
{
    uint64_t number;

    for (size_t i = 0; i < field->name_count; i++)
        if (str_eq_nocase(text, str_of(field->names[i]))) {
            *ret_value = field->low + (int)i;
            return true;
        }
    if (!str_to_uint64(text, &number) || number < (uint64_t)field->low || number > (uint64_t)field->high)
        return false;
    *ret_value = (int)number;
    return true;
}

struct cron_range {
    int first, last, step;
};

/* "5", "5-10"; "5" with a step is "5 and on". */
static bool read_values(struct str text, const struct cron_field *field, bool has_step, struct cron_range *ret_range)
{
    struct str last;
    struct str first = str_cut(text, '-', &last);

    if (!read_value(first, field, &ret_range->first))
        return false;
    if (last.ptr != NULL)
        return read_value(last, field, &ret_range->last);
    ret_range->last = has_step ? field->high : ret_range->first;
    return true;
}

/* "*" or values, and perhaps a step: "0/15". */
static bool read_range(struct str text, const struct cron_field *field, struct cron_range *ret_range)
{
    struct cron_range range = {field->low, field->high, 1};
    uint64_t step = 1;
    struct str steps;
    struct str values = str_cut(text, '/', &steps);

    if (steps.ptr != NULL && (!str_to_uint64(steps, &step) || step < 1 || step > (uint64_t)field->high))
        return false;
    if (!str_is(values, "*") && !read_values(values, field, steps.ptr != NULL, &range))
        return false;
    range.step = (int)step;
    *ret_range = range;
    return true;
}

/* Sets the bits from 0 on of the values that the range has. One that ends before it begins goes on at the start:
 * SAT-MON.
 */
static void add_range(const struct cron_range *range, const struct cron_field *field, uint64_t *bits)
{
    int count = field->high - field->low + 1;
    int length = range->last - range->first + (range->last < range->first ? count : 0);

    for (int i = 0; i <= length; i += range->step) {
        int at = (range->first - field->low + i) % count;

        bits[at / 64] |= UINT64_C(1) << (at % 64);
    }
}

/* A part of a field that its own letters make special; *ret_taken false: it is a range. */
typedef bool read_special_fn(struct str part, struct schedule *schedule, bool *ret_taken);

static bool read_field(struct str text, const struct cron_field *field, read_special_fn *special,
                       struct schedule *schedule, uint64_t *bits)
{
    if (text.len == 0)
        return false;
    while (text.ptr != NULL) {
        struct str part = str_cut(text, ',', &text);
        struct cron_range range;
        bool taken = false;

        if (special != NULL && !special(part, schedule, &taken))
            return false;
        if (taken)
            continue;
        if (!read_range(part, field, &range))
            return false;
        add_range(&range, field, bits);
    }
    return true;
}

/* ---- cron: the days ---- */

/* "L", "LW", "15W". */
static bool read_special_day(struct str part, struct schedule *schedule, bool *ret_taken)
{
    int day;

    *ret_taken = true;
    if (str_eq_nocase(part, STR("L"))) {
        schedule->last_day = true;
        return true;
    }
    if (str_eq_nocase(part, STR("LW"))) {
        schedule->last_weekday = true;
        return true;
    }
    if (part.len > 1 && (part.ptr[part.len - 1] == 'W' || part.ptr[part.len - 1] == 'w')) {
        if (!read_value(str_to(part, part.len - 1), &day_field, &day))
            return false;
        schedule->nearest_days |= UINT32_C(1) << day;
        return true;
    }
    *ret_taken = false;
    return true;
}

/* "L", the last day of a week; "6L", "FRIL"; "6#3". */
static bool read_special_week_day(struct str part, struct schedule *schedule, bool *ret_taken)
{
    struct str nth;
    struct str day = str_cut(part, '#', &nth);
    int value = week_day_field.high;
    uint64_t number;

    *ret_taken = true;
    if (nth.ptr != NULL) {
        if (!read_value(day, &week_day_field, &value) || !str_to_uint64(nth, &number) || number < 1 || number > 5 ||
            schedule->nth != 0)
            return false;
        schedule->nth_week_day = (uint8_t)value;
        schedule->nth = (uint8_t)number;
        return true;
    }
    if (str_eq_nocase(part, STR("L"))) {
        schedule->week_days |= (uint8_t)(1u << value);
        return true;
    }
    if (part.len > 1 && (part.ptr[part.len - 1] == 'L' || part.ptr[part.len - 1] == 'l')) {
        if (!read_value(str_to(part, part.len - 1), &week_day_field, &value))
            return false;
        schedule->last_week_days |= (uint8_t)(1u << value);
        return true;
    }
    *ret_taken = false;
    return true;
}

static bool read_days(struct str day, struct str week_day, struct schedule *schedule)
{
    uint64_t bits = 0;

    if (str_is(day, "?") == str_is(week_day, "?"))
        return false;
    if (str_is(week_day, "?")) {
        if (!read_field(day, &day_field, read_special_day, schedule, &bits))
            return false;
        schedule->days = (uint32_t)(bits << day_field.low);
        return true;
    }
    if (!read_field(week_day, &week_day_field, read_special_week_day, schedule, &bits))
        return false;
    schedule->week_days |= (uint8_t)(bits << week_day_field.low);
    return true;
}

/* ---- cron: the whole ---- */

enum { MINUTE, HOUR, DAY, MONTH, WEEK_DAY, YEAR, CRON_FIELDS };

static bool split(struct str text, struct str fields[CRON_FIELDS])
{
    size_t count = 0;

    while (text.ptr != NULL) {
        struct str field = str_cut(text, ' ', &text);

        if (field.len == 0)
            continue;
        if (count == CRON_FIELDS)
            return false;
        fields[count++] = field;
    }
    return count == CRON_FIELDS;
}

static bool read_cron(struct str text, struct schedule *schedule)
{
    struct str fields[CRON_FIELDS];
    uint64_t hours = 0;
    uint64_t months = 0;

    if (!split(text, fields) || !read_field(fields[MINUTE], &minute_field, NULL, schedule, &schedule->minutes) ||
        !read_field(fields[HOUR], &hour_field, NULL, schedule, &hours) ||
        !read_field(fields[MONTH], &month_field, NULL, schedule, &months) ||
        !read_field(fields[YEAR], &year_field, NULL, schedule, schedule->years))
        return false;
    schedule->hours = (uint32_t)hours;
    schedule->months = (uint16_t)(months << month_field.low);
    return read_days(fields[DAY], fields[WEEK_DAY], schedule);
}

bool schedule_read(struct str text, struct schedule *ret_schedule)
{
    struct schedule schedule = {0};
    bool rate = str_starts(text, STR("rate("));

    if ((!rate && !str_starts(text, STR("cron("))) || !str_ends(text, STR(")")))
        return false;
    text = str_to(str_from(text, 5), text.len - 6);
    if (!(rate ? read_rate(str_trim(text), &schedule) : read_cron(text, &schedule)))
        return false;
    *ret_schedule = schedule;
    return true;
}

/* ---- the calendar ---- */

struct date {
    int year, month, day;
};

static bool is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && is_leap(year) ? 1 : 0);
}

/* Days from 1970 to the first of January. */
static int64_t days_before(int year)
{
    int64_t before = year - 1;

    return 365 * (int64_t)(year - 1970) + (before / 4 - before / 100 + before / 400) -
           (1969 / 4 - 1969 / 100 + 1969 / 400);
}

static int64_t day_number(const struct date *date)
{
    int64_t number = days_before(date->year) + date->day - 1;

    for (int month = 1; month < date->month; month++)
        number += days_in(date->year, month);
    return number;
}

static struct date date_of(int64_t number)
{
    struct date date = {(int)(1970 + number / 366), 1, 1};

    while (days_before(date.year + 1) <= number)
        date.year++;
    number -= days_before(date.year);
    for (; number >= days_in(date.year, date.month); date.month++)
        number -= days_in(date.year, date.month);
    date.day = (int)number + 1;
    return date;
}

/* 1: Sunday. The first of January 1970 was a Thursday. */
static int week_day_of(const struct date *date)
{
    return (int)((day_number(date) + 4) % 7) + 1;
}

/* The weekday nearest to a day, in its month. */
static int nearest_weekday(struct date date, int day)
{
    int last = days_in(date.year, date.month);
    int week_day;

    date.day = day < last ? day : last;
    week_day = week_day_of(&date);
    if (week_day == 7)
        return date.day == 1 ? 3 : date.day - 1;
    if (week_day == 1)
        return date.day == last ? last - 2 : date.day + 1;
    return date.day;
}

static bool is_nearest(const struct schedule *schedule, const struct date *date)
{
    int last = days_in(date->year, date->month);

    if (schedule->last_weekday && nearest_weekday(*date, last) == date->day)
        return true;
    for (int day = 1; day <= last && schedule->nearest_days != 0; day++)
        if ((schedule->nearest_days >> day & 1) != 0 && nearest_weekday(*date, day) == date->day)
            return true;
    return false;
}

static bool has_day(const struct schedule *schedule, const struct date *date)
{
    int last = days_in(date->year, date->month);
    int week_day = week_day_of(date);

    if ((schedule->days >> date->day & 1) != 0 || (schedule->last_day && date->day == last) ||
        (schedule->week_days >> week_day & 1) != 0)
        return true;
    if ((schedule->last_week_days >> week_day & 1) != 0 && date->day + 7 > last)
        return true;
    if (schedule->nth_week_day == week_day && (date->day - 1) / 7 + 1 == schedule->nth)
        return true;
    return is_nearest(schedule, date);
}

/* ---- the next time ---- */

/* The first minute of a day from `from` on; -1: none. */
static int minute_from(const struct schedule *schedule, int from)
{
    for (int minute = from; minute < 24 * 60; minute++)
        if ((schedule->hours >> (minute / 60) & 1) != 0 && (schedule->minutes >> (minute % 60) & 1) != 0)
            return minute;
    return -1;
}

static bool has_year(const struct schedule *schedule, int year)
{
    int at = year - SCHEDULE_YEAR_FIRST;

    return (schedule->years[at / 64] >> (at % 64) & 1) != 0;
}

/* The first date from `date` on that has the day; false: none is left. */
static bool find_date(const struct schedule *schedule, struct date *date)
{
    for (; date->year <= SCHEDULE_YEAR_LAST; date->year++, date->month = 1, date->day = 1) {
        if (!has_year(schedule, date->year))
            continue;
        for (; date->month <= 12; date->month++, date->day = 1)
            for (; (schedule->months >> date->month & 1) != 0 && date->day <= days_in(date->year, date->month);
                 date->day++)
                if (has_day(schedule, date))
                    return true;
    }
    return false;
}

enum { MINUTES_A_DAY = 24 * 60 };

static int64_t cron_next(const struct schedule *schedule, int64_t now_ms)
{
    int64_t after_min = now_ms < 0 ? 0 : now_ms / MINUTE_MS + 1;
    int64_t today = after_min / MINUTES_A_DAY;
    struct date date = date_of(today);
    int minute;

    if (!find_date(schedule, &date))
        return WHEN_NEVER;
    if (day_number(&date) == today) {
        minute = minute_from(schedule, (int)(after_min % MINUTES_A_DAY));
        if (minute >= 0)
            return today * DAY_MS + (int64_t)minute * MINUTE_MS;
        date = date_of(today + 1);
        if (!find_date(schedule, &date))
            return WHEN_NEVER;
    }
    return day_number(&date) * DAY_MS + (int64_t)minute_from(schedule, 0) * MINUTE_MS;
}

int64_t schedule_next(const struct schedule *schedule, int64_t begin_ms, int64_t now_ms)
{
    if (schedule->period_ms == 0)
        return cron_next(schedule, now_ms);
    if (now_ms < begin_ms)
        return begin_ms + schedule->period_ms;
    return begin_ms + ((now_ms - begin_ms) / schedule->period_ms + 1) * schedule->period_ms;
}
