#include "node/logs/log_option.h"

/* ---- values ---- */

bool log_option_text(struct str text, void *ret)
{
    *(struct str *)ret = text;
    return text.len > 0;
}

bool log_option_bool(struct str text, void *ret)
{
    static const char *const truths[] = {"1", "t", "T", "true", "TRUE", "True"};
    static const char *const untruths[] = {"0", "f", "F", "false", "FALSE", "False"};

    for (size_t i = 0; i < COUNT_OF(truths); i++)
        if (str_is(text, truths[i]) || str_is(text, untruths[i])) {
            *(bool *)ret = str_is(text, truths[i]);
            return true;
        }
    return false;
}

bool log_option_mode(struct str text, void *ret)
{
    *(enum log_mode *)ret = str_is(text, "non-blocking") ? LOG_MODE_NON_BLOCKING : LOG_MODE_BLOCKING;
    return str_is(text, "non-blocking") || str_is(text, "blocking");
}

bool log_option_size(struct str text, void *ret)
{
    static const struct {
        const char *unit;
        unsigned shift;
    } units[] = {{"", 0},    {"b", 0},    {"k", 10}, {"kb", 10}, {"kib", 10}, {"m", 20},
                 {"mb", 20}, {"mib", 20}, {"g", 30}, {"gb", 30}, {"gib", 30}};
    size_t digits = 0;
    uint64_t number;

    while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
        digits++;
    if (!str_to_uint64(str_to(text, digits), &number))
        return false;
    for (size_t i = 0; i < COUNT_OF(units); i++)
        if (str_eq_nocase(str_from(text, digits), str_of(units[i].unit))) {
            *(uint64_t *)ret = number << units[i].shift;
            return number > 0 && number <= LOG_BUFFER_BYTES_MAX >> units[i].shift;
        }
    return false;
}

/* ---- tables ---- */

static bool find_row(const struct log_option_table *table, struct str name, size_t *ret_row, struct fail *f)
{
    for (size_t i = 0; i < table->row_count; i++)
        if (str_is(name, table->rows[i].name)) {
            *ret_row = i;
            return true;
        }
    for (size_t i = 0; i < table->refused_count; i++)
        if (str_is(name, table->refused[i].name))
            return fail(f, FAIL_INPUT, "log driver %s does not support option '%s': %s", table->driver,
                        table->refused[i].name, table->refused[i].why);
    return fail(f, FAIL_INPUT, "log driver %s has no option '%.*s'", table->driver, STR_ARG(name));
}

bool log_options_read(const struct log_option_table *table, const struct log_option *options, size_t count, void *ret,
                      bool *given, struct fail *f)
{
    for (size_t i = 0; i < count; i++) {
        const struct log_option_row *row;
        size_t at;

        if (!find_row(table, options[i].name, &at, f))
            return false;
        row = &table->rows[at];
        if (given[at])
            return fail(f, FAIL_INPUT, "log option '%s' is given twice", row->name);
        given[at] = true;
        if (!row->read(options[i].value, (char *)ret + row->offset))
            return fail(f, FAIL_INPUT, "log option '%s' must be %s, not '%.*s'", row->name, row->wanted,
                        STR_ARG(options[i].value));
    }
    return true;
}
