/* What the values of conditions mean: numbers, dates, addresses, bytes (IAM user guide, "IAM JSON policy elements:
 * Condition operators"). */
#include "base/when.h"
#include "plane/iam/policy_private.h"

#include <arpa/inet.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static unsigned order(int sign)
{
    return sign < 0 ? POLICY_LESS : sign > 0 ? POLICY_GREATER : POLICY_EQUAL;
}

/* ---- numbers: text, so that nothing is rounded ---- */

struct number {
    bool negative;
    struct str whole;    /* without leading zeros */
    struct str fraction; /* without trailing zeros */
};

static size_t digits(struct str text)
{
    size_t count = 0;

    while (count < text.len && is_digit(text.ptr[count]))
        count++;
    return count;
}

static bool number_read(struct str text, struct number *ret_number)
{
    struct number number = {.fraction = STR("")};
    size_t count;

    text = str_trim(text);
    if (text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+')) {
        number.negative = text.ptr[0] == '-';
        text = str_from(text, 1);
    }
    count = digits(text);
    number.whole = str_to(text, count);
    text = str_from(text, count);
    if (text.len > 0 && text.ptr[0] == '.') {
        number.fraction = str_from(text, 1);
        text = str_from(number.fraction, digits(number.fraction));
    }
    if (text.len > 0 || number.whole.len + number.fraction.len == 0)
        return false;
    while (number.whole.len > 0 && number.whole.ptr[0] == '0')
        number.whole = str_from(number.whole, 1);
    while (number.fraction.len > 0 && number.fraction.ptr[number.fraction.len - 1] == '0')
        number.fraction.len--;
    number.negative = number.negative && number.whole.len + number.fraction.len > 0;
    *ret_number = number;
    return true;
}

/* Of the values without their signs. */
static int magnitude_compare(const struct number *a, const struct number *b)
{
    if (a->whole.len != b->whole.len)
        return a->whole.len < b->whole.len ? -1 : 1;
    if (!str_eq(a->whole, b->whole))
        return str_compare(a->whole, b->whole);
    return str_compare(a->fraction, b->fraction);
}

unsigned policy_compare_numbers(struct str a, struct str b)
{
    struct number x;
    struct number y;

    if (!number_read(a, &x) || !number_read(b, &y))
        return 0;
    if (x.negative != y.negative)
        return x.negative ? POLICY_LESS : POLICY_GREATER;
    return order(x.negative ? magnitude_compare(&y, &x) : magnitude_compare(&x, &y));
}

/* ---- dates ---- */

/* The forms of W3C's NOTE-datetime by their length before the zone, and what completes them. */
static const struct {
    size_t len;
    const char *rest;
} date_forms[] = {{4, "-01-01T00:00:00"}, {7, "-01T00:00:00"}, {10, "T00:00:00"}, {13, ":00:00"}, {16, ":00"}};

/* Where the zone begins ("Z", "+01:00"): only a time has one. */
static size_t zone_at(struct str text)
{
    size_t at = str_find(text, 'T');

    while (at < text.len && text.ptr[at] != 'Z' && text.ptr[at] != '+' && text.ptr[at] != '-')
        at++;
    return at;
}

static bool iso_date(struct str text, int64_t *ret_when_ms)
{
    char full[64];
    size_t zone = zone_at(text);
    const char *rest = "";
    int len;

    for (size_t i = 0; i < COUNT_OF(date_forms); i++)
        if (date_forms[i].len == zone)
            rest = date_forms[i].rest;
    len = snprintf(full, sizeof(full), "%.*s%s%.*s", STR_ARG(str_to(text, zone)), rest,
                   STR_ARG(zone == text.len ? STR("Z") : str_from(text, zone)));
    return len > 0 && (size_t)len < sizeof(full) && when_from_iso8601((struct str){full, (size_t)len}, ret_when_ms);
}

bool policy_date(struct str text, int64_t *ret_when_ms)
{
    uint64_t seconds;

    if (text.len == 0 || text.len > 40)
        return false;
    /* Four digits alone are a year to W3C, but IAM reads every number as seconds since 1970. */
    if (digits(text) < text.len)
        return iso_date(text, ret_when_ms);
    if (!str_to_uint64(text, &seconds) || seconds > INT64_MAX / SECOND_MS)
        return false;
    *ret_when_ms = (int64_t)seconds * SECOND_MS;
    return true;
}

unsigned policy_compare_dates(struct str a, struct str b)
{
    int64_t x;
    int64_t y;

    if (!policy_date(a, &x) || !policy_date(b, &y))
        return 0;
    return order(x < y ? -1 : x > y);
}

/* ---- addresses ---- */

struct address {
    unsigned char bytes[16];
    unsigned bits; /* 32 or 128 */
};

/* "10.0.0.1": four numbers, none with a leading zero. */
static bool ipv4_read(struct str text, unsigned char *bytes)
{
    size_t at = 0;

    for (int i = 0; i < 4; i++) {
        size_t len = digits(str_from(text, at));
        unsigned value = 0;

        if (len == 0 || len > 3 || (len > 1 && text.ptr[at] == '0'))
            return false;
        for (size_t end = at + len; at < end; at++)
            value = value * 10 + (unsigned)(text.ptr[at] - '0');
        if (value > 255 || (i < 3 && (at == text.len || text.ptr[at++] != '.')))
            return false;
        bytes[i] = (unsigned char)value;
    }
    return at == text.len;
}

static bool address_read(struct str text, struct address *ret_address)
{
    char buffer[INET6_ADDRSTRLEN];

    ret_address->bits = str_find(text, ':') < text.len ? 128 : 32;
    if (ret_address->bits == 32)
        return ipv4_read(text, ret_address->bytes);
    return str_to_buffer(text, buffer, sizeof(buffer)) && inet_pton(AF_INET6, buffer, ret_address->bytes) == 1;
}

static bool same_bits(const struct address *a, const struct address *b, unsigned bits)
{
    unsigned whole = bits / 8;
    unsigned mask = bits % 8 == 0 ? 0 : 0xffu & (0xffu << (8 - bits % 8));

    if (memcmp(a->bytes, b->bytes, whole) != 0)
        return false;
    return mask == 0 || (a->bytes[whole] & mask) == (b->bytes[whole] & mask);
}

bool policy_ip_matches(struct str range, struct str address)
{
    struct str prefix_text;
    struct str network_text = str_cut(range, '/', &prefix_text);
    struct address network;
    struct address own;
    uint64_t prefix;

    if (!address_read(network_text, &network) || !address_read(address, &own) || network.bits != own.bits)
        return false;
    prefix = network.bits;
    if (prefix_text.ptr != NULL && (!str_to_uint64(prefix_text, &prefix) || prefix > network.bits))
        return false;
    return same_bits(&network, &own, (unsigned)prefix);
}

/* ---- bytes ---- */

static int base64_digit(char c)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c == '\0' ? NULL : strchr(alphabet, c);

    return at == NULL ? -1 : (int)(at - alphabet);
}

bool policy_base64_is(struct str text, struct str bytes)
{
    uint32_t held = 0;
    unsigned bits = 0;
    size_t done = 0;

    if (text.len != (bytes.len + 2) / 3 * 4)
        return false;
    while (text.len > 0 && text.ptr[text.len - 1] == '=')
        text.len--;
    for (size_t i = 0; i < text.len; i++) {
        int digit = base64_digit(text.ptr[i]);

        if (digit < 0)
            return false;
        held = (held << 6 | (uint32_t)digit) & 0xffffu;
        bits += 6;
        if (bits < 8)
            continue;
        bits -= 8;
        if (done == bytes.len || (unsigned char)bytes.ptr[done++] != (unsigned char)(held >> bits))
            return false;
    }
    return done == bytes.len;
}
