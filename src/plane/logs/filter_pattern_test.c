#include "plane/logs/filter_pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* Each row names the rule of the documentation that it stands for. */
struct row {
    const char *rule;
    const char *pattern;
    const char *message;
    bool matches;
};

static bool match(const char *pattern, struct str message)
{
    const struct filter_pattern *compiled;
    struct arena arena;
    struct arena scratch;
    struct fail f;
    bool matches;

    arena_init(&arena, FILTER_COMPILE_ARENA_BYTES);
    arena_init(&scratch, FILTER_SCRATCH_BYTES(message.len));
    if (!filter_pattern_compile(str_of(pattern), &arena, &compiled, &f))
        fail_msg("%s: %s", pattern, f.message);
    matches = filter_pattern_match(compiled, message, &scratch);
    arena_free(&scratch);
    arena_free(&arena);
    return matches;
}

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (match(rows[i].pattern, str_of(rows[i].message)) != rows[i].matches)
            fail_msg("%s: %s %s %s", rows[i].rule, rows[i].pattern, rows[i].matches ? "must match" : "must not match",
                     rows[i].message);
}

static void terms(void **state)
{
    static const struct row rows[] = {
        {"an empty pattern matches everything", "", "anything", true},
        {"an empty pattern matches everything", "  ", "", true},
        {"a phrase of spaces matches everything", "\" \"", "word", true},
        {"a phrase of spaces matches everything", "\"\"", "", true},
        {"a single term", "ERROR", "[ERROR 400] BAD REQUEST", true},
        {"a single term is found inside a word", "ERROR", "Exiting with ERRORCODE: -1", true},
        {"a single term", "ERROR", "[WARN] nothing", false},
        {"terms are case sensitive", "ERROR", "error", false},
        {"a term may be as long as the message", "ERROR", "ERROR", true},
        {"all terms must be there", "ERROR ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", true},
        {"all terms must be there, in any order", "ARGUMENTS ERROR", "[ERROR 419] MISSING ARGUMENTS", true},
        {"all terms must be there", "ERROR ARGUMENTS", "[ERROR 400] BAD REQUEST", false},
        {"optional terms: any of them", "?ERROR ?ARGUMENTS", "[ERROR 400] BAD REQUEST", true},
        {"optional terms: any of them", "?ERROR ?ARGUMENTS", "[INFO] INVALID ARGUMENTS", true},
        {"optional terms: at least one", "?ERROR ?ARGUMENTS", "[INFO 200] OK", false},
        {"? is ignored beside other terms", "?ERROR ?ARGUMENTS REQUEST", "[INFO] REQUEST FAILED", true},
        {"? is ignored beside other terms", "?ERROR ?ARGUMENTS REQUEST", "[ERROR] ARGUMENTS", false},
        {"? is ignored beside excluded terms", "?ERROR -WARN", "INFO", true},
        {"an exact phrase", "\"INTERNAL SERVER ERROR\"", "[ERROR 500] INTERNAL SERVER ERROR", true},
        {"an exact phrase", "\"INTERNAL SERVER ERROR\"", "INTERNAL ERROR OF SERVER", false},
        {"quotes for other characters", "\"[ERROR]\"", "x [ERROR] y", true},
        {"quotes for other characters", "\"[ERROR]\"", "x ERROR y", false},
        {"a quote in a phrase is escaped", "\"say \\\"hi\\\"\"", "they say \"hi\" to us", true},
        {"a star in a phrase is a star", "\"a*c\"", "abc", false},
        {"a star in a phrase is a star", "\"a*c\"", "xa*cx", true},
        {"excluded terms", "ERROR -ARGUMENTS", "[ERROR 400] BAD REQUEST", true},
        {"excluded terms", "ERROR -ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", false},
        {"excluded terms alone", "-ERROR", "fine", true},
        {"excluded phrases", "-\"BAD REQUEST\"", "[ERROR 400] BAD REQUEST", false},
        {"a space may follow the minus sign", "\"ERROR\" - \"Exiting\"", "Exiting with ERRORCODE: -1", false},
        {"a space may follow the minus sign", "\"ERROR\" - \"Exiting\"", "[ERROR] A fatal exception", true},
        {"underscores need no quotes", "snake_case1", "a snake_case1 b", true},
    };

    (void)state;
    check_rows(rows, COUNT_OF(rows));
}

static void regular_expressions(void **state)
{
    static const struct row rows[] = {
        {"between % signs", "%AUTHORIZED%", "[ERROR 401] UNAUTHORIZED REQUEST", true},
        {"between % signs", "%AUTHORIZED%", "[INFO 200] OK", false},
        {"^ anchors to the beginning", "%^[hc]at%", "hat trick", true},
        {"^ anchors to the beginning", "%^[hc]at%", "that", false},
        {"$ anchors to the end", "%[hc]at$%", "the cat", true},
        {"$ anchors to the end", "%[hc]at$%", "the cats", false},
        {"? is zero or one", "%colou?r%", "color", true},
        {"? is zero or one", "%colou?r%", "colour", true},
        {"[] is a class", "%[abcx-z]%", "y", true},
        {"[] is a class", "%[abcx-z]%", "d", false},
        {"{m,n} repeats", "%^a{3,5}$%", "aaaa", true},
        {"{m,n} repeats", "%^a{3,5}$%", "aa", false},
        {"{m} repeats", "%^\\d{3}$%", "404", true},
        {"| is either", "%gray|grey%", "grey", true},
        {"| is either, anchors and all", "%^starting|^initializing|^shutting down%", "shutting down now", true},
        {"| is either, anchors and all", "%^starting|^initializing|^shutting down%", "not starting", false},
        {"\\ escapes", "%\\[.\\]%", "a [7] b", true},
        {"\\ escapes", "%10\\.10\\.0\\.1%", "10.10.0.1", true},
        {"\\ escapes", "%10\\.10\\.0\\.1%", "10910801", false},
        {"* is zero or more", "%ab*c%", "ac", true},
        {"+ is one or more", "%ab+c%", "ac", false},
        {". is any character", "%.at%", "4at", true},
        {"\\d is a digit", "%\\d%", "port 80", true},
        {"\\D is no digit", "%^\\D+$%", "port 80", false},
        {"\\s is white space", "%a\\sb%", "a\tb", true},
        {"\\S is no white space", "%^\\S+$%", "a b", false},
        {"\\w is a word character", "%^\\w+$%", "snake_1", true},
        {"\\W is none", "%\\W%", "snake_1", false},
        {"\\xhh is a character by code", "%key\\x3Avalue%", "key:value", true},
        {"symbols stand for themselves", "%:_#=@/;,-%", "a:_#=@/;,-b", true},
        {"a regex beside a term", "%\\d+% ms", "took 12 ms", true},
        {"a regex excluded", "-%\\d+%", "took 12 ms", false},
    };

    (void)state;
    check_rows(rows, COUNT_OF(rows));
}

#define EVENT                                                                                                          \
    "{\"eventType\": \"UpdateTrail\", \"sourceIPAddress\": \"111.111.111.111\","                                       \
    " \"arrayKey\": [\"value\", \"another value\"],"                                                                   \
    " \"objectList\": [{\"name\": \"a\", \"id\": 1}, {\"name\": \"b\", \"id\": 2}],"                                   \
    " \"SomeObject\": null, \"ThisFlag\": true, \"cluster.name\": \"c\", \"count\": 3, \"text\": \"3\","               \
    " \"float\": 12.0, \"empty\": \"\", \"detail-type\": \"t\", \"quoted\": \"say \\\"hi\\\"\"}"

static void json_values(void **state)
{
    static const struct row rows[] = {
        {"a string", "{ $.eventType = \"UpdateTrail\" }", EVENT, true},
        {"a string", "{ $.eventType = \"DeleteTrail\" }", EVENT, false},
        {"alphanumeric strings need no quotes", "{ $.eventType = UpdateTrail }", EVENT, true},
        {"spaces do not matter", "{$.eventType=UpdateTrail}", EVENT, true},
        {"!= is not equal", "{ $.eventType != \"DeleteTrail\" }", EVENT, true},
        {"* after a text", "{ $.sourceIPAddress != 123.123.* }", EVENT, true},
        {"* after a text", "{ $.sourceIPAddress = 111.111.* }", EVENT, true},
        {"* before a text", "{ $.eventType = \"*Trail\" }", EVENT, true},
        {"* before a text", "{ $.eventType = *Update }", EVENT, false},
        {"* around a text", "{ $.eventType = *date* }", EVENT, true},
        {"* alone is any value", "{ $.eventType = * }", EVENT, true},
        {"* alone is any value, the empty one too", "{ $.empty = \"*\" }", EVENT, true},
        {"* alone is any value, numbers too", "{ $.count = * }", EVENT, true},
        {"* within a text is itself", "{ $.eventType = Up*ail }", EVENT, false},
        {"a regular expression", "{ $.eventType = %Trail$% }", EVENT, true},
        {"a regular expression", "{ $.eventType != %Trail$% }", EVENT, false},
        {"escapes of both languages", "{ $.quoted = \"say \\\"hi\\\"\" }", EVENT, true},
        {"hyphens in names", "{ $.detail-type = t }", EVENT, true},
        {"names in brackets", "{ $.['cluster.name'] = \"c\" }", EVENT, true},
        {"an element of an array", "{ $.arrayKey[0] = \"value\" }", EVENT, true},
        {"an element of an array", "{ $.arrayKey[1] = \"value\" }", EVENT, false},
        {"no such element", "{ $.arrayKey[2] = * }", EVENT, false},
        {"an element of what is no array", "{ $.eventType[0] = * }", EVENT, false},
        {"an object in an array", "{ $.objectList[1].id = 2 }", EVENT, true},
        {"every element", "{ $.objectList[*].id = 2 }", EVENT, true},
        {"every element", "{ $.objectList[*].id = 3 }", EVENT, false},
        {"every element", "{ $.arrayKey[*] = %val.{2}% }", EVENT, true},
        {"every member", "{ $.* = %111\\.111\\.111\\.1[0-9]{1,2}% }", EVENT, true},
        {"an array is no value", "{ $.arrayKey = \"value\" }", EVENT, false},
        {"an array is no value, for != neither", "{ $.arrayKey != \"value\" }", EVENT, false},
        {"an object is no value", "{ $.objectList[0] != 1 }", EVENT, false},
        {"what is not there is no value", "{ $.missing != \"x\" }", EVENT, false},
        {"booleans are for IS", "{ $.ThisFlag = true }", EVENT, false},
        {"IS NULL", "{ $.SomeObject IS NULL }", EVENT, true},
        {"IS NULL wants it there", "{ $.missing IS NULL }", EVENT, false},
        {"IS NULL", "{ $.eventType IS NULL }", EVENT, false},
        {"IS TRUE", "{ $.ThisFlag IS TRUE }", EVENT, true},
        {"IS FALSE", "{ $.ThisFlag IS FALSE }", EVENT, false},
        {"IS TRUE wants a boolean", "{ $.eventType IS TRUE }", EVENT, false},
        {"NOT EXISTS", "{ $.SomeOtherObject NOT EXISTS }", EVENT, true},
        {"NOT EXISTS: null is there", "{ $.SomeObject NOT EXISTS }", EVENT, false},
        {"NOT EXISTS below what is not there", "{ $.missing.deep[3] NOT EXISTS }", EVENT, true},
        {"NOT EXISTS of any element", "{ $.objectList[*].none NOT EXISTS }", EVENT, true},
        {"NOT EXISTS of any element", "{ $.objectList[*].id NOT EXISTS }", EVENT, false},
        {"a message must be JSON as a whole", "{ $.a = 1 }", "x {\"a\":1}", false},
        {"a message must be JSON", "{ $.a NOT EXISTS }", "plain text", false},
        {"a newline behind the message does not matter", "{ $.a = 1 }", "{\"a\":1}\n", true},
        {"of members of one name the last counts", "{ $.a = 2 }", "{\"a\":1,\"a\":2}", true},
        {"a name written with escapes", "{ $.ab = 1 }", "{\"a\\u0062\":1}", true},
        {"a value written with escapes", "{ $.a = \"\xc3\xa9\" }", "{\"a\":\"\\u00e9\"}", true},
    };

    (void)state;
    check_rows(rows, COUNT_OF(rows));
}

static void json_numbers(void **state)
{
    static const struct row rows[] = {
        {"greater", "{ $.bandwidth > 75 }", "{\"bandwidth\": 75.5}", true},
        {"greater", "{ $.bandwidth > 75 }", "{\"bandwidth\": 75}", false},
        {"less", "{ $.latency < 50 }", "{\"latency\": 49}", true},
        {"less", "{ $.latency < 50 }", "{\"latency\": 50}", false},
        {"greater or equal", "{ $.refreshRate >= 60 }", "{\"refreshRate\": 60}", true},
        {"less or equal", "{ $.responseTime <= 5 }", "{\"responseTime\": 5.0}", true},
        {"equal", "{ $.errorCode = 400}", "{\"errorCode\": 400}", true},
        {"not equal", "{ $.errorCode != 500 }", "{\"errorCode\": 500}", false},
        {"scientific notation", "{ $.number[0] = 1e-3 }", "{\"number\": [0.001]}", true},
        {"scientific notation", "{ $.number[0] != 1e+3 }", "{\"number\": [1000]}", false},
        {"signs", "{ $.n > -1.5 }", "{\"n\": -1}", true},
        {"signs", "{ $.latency > +1000 }", "{\"latency\": 1001}", true},
        {"equality is precise", "{ $.n = 9007199254740993 }", "{\"n\": 9007199254740992}", false},
        {"equality is by value", "{ $.float = 12 }", EVENT, true},
        {"a quoted number is a text", "{ $.float = \"12\" }", EVENT, false},
        {"a quoted number is a text", "{ $.float = \"12.0\" }", EVENT, true},
        {"a quoted number is a text", "{ $.count = \"3\" }", EVENT, true},
        {"* matches numbers", "{ $.errorCode = 4* }", "{\"errorCode\": 404}", true},
        {"* matches numbers", "{ $.errorCode = *4 }", "{\"errorCode\": 400}", false},
        {"a text is equal by its characters", "{ $.text = 3 }", EVENT, true},
        {"a text is equal by its characters", "{ $.text != 3 }", EVENT, false},
        {"a text has no order", "{ $.text > 2 }", EVENT, false},
        {"an object has no order", "{ $.objectList > 2 }", EVENT, false},
    };

    (void)state;
    check_rows(rows, COUNT_OF(rows));
}

#define PEOPLE                                                                                                         \
    "{\"user\": {\"id\": 1, \"email\": \"John.Stiles@example.com\"},"                                                  \
    " \"users\": [{\"id\": 2, \"email\": \"John.Doe@example.com\"}, {\"id\": 3, \"email\": "                           \
    "\"Jane.Doe@example.com\"}],"                                                                                      \
    " \"actions\": [\"GET\", \"PUT\", \"DELETE\"], \"coordinates\": [[0, 1, 2], [4, 5, 6], [7, 8, 9]]}"

static void json_compounds(void **state)
{
    static const struct row rows[] = {
        {"&&", "{ ($.user.id = 1) && ($.users[0].email = \"John.Doe@example.com\") }", PEOPLE, true},
        {"&& binds closer than ||",
         "{ $.user.email = \"John.Stiles@example.com\" || $.coordinates[0][1] = \"nonmatch\" && $.actions[2] = "
         "\"nonmatch\" }",
         PEOPLE, true},
        {"parentheses bind closest",
         "{ ($.user.email = \"John.Stiles@example.com\" || $.coordinates[0][1] = \"nonmatch\") && $.actions[2] = "
         "\"nonmatch\" }",
         PEOPLE, false},
        {"||", "{ ($.user.id = 2 && $.users[0].email = \"nonmatch\") || $.actions[2] = \"GET\" }", PEOPLE, false},
        {"arrays of arrays", "{ $.coordinates[1][2] = 6 }", PEOPLE, true},
        {"parentheses within each other", "{((($.user.id=1))&&($.a NOT EXISTS||$.b=1))}", PEOPLE, true},
    };

    (void)state;
    check_rows(rows, COUNT_OF(rows));
}

#define APACHE "127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] \"GET /index.html HTTP/1.0\" 404 1534"

static void fields(void **state)
{
    static const struct row rows[] = {
        {"a name for each word", "[ip, user, username, timestamp, request, status_code, bytes]", APACHE, true},
        {"as many words as fields", "[a, b, c, d, e, f, g, h]", APACHE, false},
        {"the last field takes the rest", "[timestamp=*Z, request_id=\"*-*\", event]",
         "2026-11-22T10:00:00Z\t1-2-3\tthe rest of it", true},
        {"the last field takes the rest", "[a, b=\"two three\"]", "one two three", true},
        {"* after a text", "[ip, user, username, timestamp, request, status_code = 4*, bytes]", APACHE, true},
        {"* around a text", "[ip, user, username, timestamp, request =*.html*, status_code, bytes]", APACHE, true},
        {"numbers compare", "[ip, user, username, timestamp, request, status_code, bytes > 1000]", APACHE, true},
        {"numbers compare", "[ip, user, username, timestamp, request, status_code, bytes>2000]", APACHE, false},
        {"a word is no number", "[..., bytes > 0]", "a b", false},
        {"an ellipsis in front", "[..., request =*.html*, status_code = 4*, bytes]", APACHE, true},
        {"an ellipsis in the middle", "[ip=127.0.0.1, ..., bytes=1534]", APACHE, true},
        {"an ellipsis at the end", "[ip, user=Prod, ...]", APACHE, true},
        {"an ellipsis may stand for nothing", "[a, ..., b]", "one two", true},
        {"an ellipsis does not make up words", "[a, ..., b]", "one", false},
        {"an empty list matches every line", "[]", APACHE, true},
        {"an empty list matches every line", "[]", "", true},
        {"an empty place is a field without a name", "[..., request=*.html*, status_code=4*,]", APACHE, true},
        {"||", "[ip, user, username, timestamp, request, status_code = 404 || status_code = 410, bytes]", APACHE, true},
        {"&&", "[..., status_code >= 400 && status_code < 500, bytes]", APACHE, true},
        {"&&", "[..., status_code = 4* && status_code != 404, bytes]", APACHE, false},
        {"words in order", "[w1=ERROR, w2]", "ERROR something failed badly", true},
        {"words in order", "[w1=ERROR, w2]", "an ERROR", false},
        {"either word, in the documentation's own spelling", "[w1=ERROR || W1=WARNING, w2]", "WARNING x", true},
        {"neither word", "[w1!=ERROR && w1!=WARNING, w2]", "INFO x", true},
        {"neither word", "[w1!=ERROR && w1!=WARNING, w2]", "WARNING x", false},
        {"a regular expression", "[ip=%127\\.0\\.0\\.[1-9]%, ...]", APACHE, true},
        {"brackets and quotes make one word", "[..., t=\"10/Oct/2000:13:25:15 -0700\", r, s, b]", APACHE, true},
        {"what opens and does not close is itself", "[a=\"[x\", b]", "[x y", true},
        {"tabs and many spaces part words too", "[a=1, b=2]", "  1 \t\t 2\n", true},
        {"a flow log",
         "[version, account, eni, source, destination, srcport, destport=\"22\", protocol=\"6\", packets, bytes, "
         "windowstart, windowend, action=\"REJECT\", flowlogstatus]",
         "2 123456789010 eni-1 10.0.0.1 10.0.0.2 20641 22 6 20 4249 1418530010 1418530070 REJECT OK", true},
    };

    (void)state;
    check_rows(rows, COUNT_OF(rows));
}

static void bad_patterns_are_refused(void **state)
{
    static const struct {
        const char *pattern;
        const char *message; /* part of it */
    } rows[] = {
        {"ERROR:", "Invalid character(s) in term 'ERROR:'"},
        {"a b.c d", "Invalid character(s) in term 'b.c'"},
        {"caf\xc3\xa9", "Invalid character(s) in term"},
        {"\"open", "closing quotation mark"},
        {"-", "a term"},
        {"a ?", "a term"},
        {"%open", "closing %"},
        {"%%", "a regular expression"},
        {"%something!%", "Invalid character(s) in regular expression 'something!'"},
        {"%(ab)+%", "Invalid character(s)"},
        {"%caf\xc3\xa9%", "Invalid character(s)"},
        {"%\\p%", "Invalid character(s)"},
        {"%\\1%", "Invalid character(s)"},
        {"%\\x4%", "Invalid character(s)"},
        {"%a{3,%", "Invalid character(s)"},
        {"%a{,3}%", "Invalid character(s)"},
        {"%[a%", "Invalid regular expression '[a'"},
        {"%*a%", "Invalid regular expression"},
        {"%a{5,3}%", "Invalid regular expression"},
        {"%a% %b% %c%", "more than 2 regular expressions"},
        {"{", "a property selector"},
        {"{}", "a property selector"},
        {"{ $ = 1 }", "the name of a property"},
        {"{ $.a }", "an operator"},
        {"{ $.a = }", "a value"},
        {"{ $.a == 1 }", "Invalid character(s) in term '='"},
        {"{ $.a = 1", "\"}\""},
        {"{ $.a = 1 } x", "the end of the pattern"},
        {"{ $.a = 1 && }", "a property selector"},
        {"{ ($.a = 1 }", "\")\""},
        {"{ $.a IS MAYBE }", "an operator"},
        {"{ $.a EXISTS }", "an operator"},
        {"{ $.a IS NOT NULL }", "an operator"},
        {"{ $.a[x] = 1 }", "the number of an array element"},
        {"{ $.a[99999999999999999999] = 1 }", "the number of an array element"},
        {"{ $.a[1 = 1 }", "the number of an array element"},
        {"{ $.['a = 1 }", "closing '"},
        {"{ $.a > \"5\" }", "Invalid character(s) in term '\"5\"'"},
        {"{ $.a > text }", "Invalid character(s) in term 'text'"},
        {"{ $.a > %5% }", "Invalid character(s) in term '%5%'"},
        {"{ $.a = x@y }", "Invalid character(s) in term 'x@y'"},
        {"{ $.*.a[*] = 1 }", "more than one wildcard"},
        {"{ $.a[*]=1||$.b[*]=1||$.c[*]=1||$.d[*]=1 }", "more than 3 property selectors"},
        {"[a, b", "\",\" or \"]\""},
        {"[a, b] c", "the end of the pattern"},
        {"[a, ..., b, ...]", "more than one \"...\""},
        {"[a, a]", "two fields are named 'a'"},
        {"[a = ]", "a value"},
        {"[a = 1 || ]", "the name of a field"},
        {"[a = 1 || b = 2]", "conditions on 'b'"},
        {"[a IS NULL]", "an operator"},
        {"[1a]", "the name of a field"},
        {"[a b]", "an operator"},
    };
    const struct filter_pattern *pattern;
    struct arena arena;
    struct fail f;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        arena_init(&arena, FILTER_COMPILE_ARENA_BYTES);
        if (filter_pattern_compile(str_of(rows[i].pattern), &arena, &pattern, &f))
            fail_msg("%s must be refused", rows[i].pattern);
        assert_int_equal(f.code, FAIL_API);
        assert_string_equal(f.type, "InvalidParameterException");
        if (strstr(f.message, rows[i].message) == NULL)
            fail_msg("%s: '%s' does not say '%s'", rows[i].pattern, f.message, rows[i].message);
        arena_free(&arena);
    }
}

static void limits_hold(void **state)
{
    const struct filter_pattern *pattern;
    char text[FILTER_PATTERN_BYTES_MAX + 2];
    struct arena arena;
    struct fail f;

    (void)state;
    arena_init(&arena, FILTER_COMPILE_ARENA_BYTES);
    (void)memset(text, 'a', sizeof(text));
    assert_true(filter_pattern_compile((struct str){text, FILTER_PATTERN_BYTES_MAX}, &arena, &pattern, &f));
    assert_false(filter_pattern_compile((struct str){text, FILTER_PATTERN_BYTES_MAX + 1}, &arena, &pattern, &f));
    (void)memset(text, '(', sizeof(text));
    text[0] = '{';
    assert_false(filter_pattern_compile((struct str){text, FILTER_PATTERN_BYTES_MAX}, &arena, &pattern, &f));
    assert_non_null(strstr(f.message, "parentheses"));
    arena_free(&arena);
}

/* What would take ages, or much memory, ends soon and does not match. */
static void evil_messages_end(void **state)
{
    enum { LEN = 256 * 1024 };
    char *text = malloc(LEN);
    struct str message = {text, LEN};

    (void)state;
    assert_non_null(text);
    (void)memset(text, 'a', LEN);
    text[LEN - 1] = 'b';
    assert_false(match("%a*a*a*a*a*a*a*cb%", message));
    assert_false(match("-%a*a*a*a*a*a*a*cb%", message)); /* what cannot be decided does not match either way */
    assert_true(match("%a.*b$%", message));
    (void)memset(text, '[', LEN);
    assert_false(match("{ $.a = 1 }", message));
    for (size_t i = 0; i < LEN; i += 2)
        text[i] = ' ';
    assert_true(match("[a, ..., b]", message)); /* each [ looks for a ] */
    (void)memset(text, '"', LEN);
    assert_true(match("[a, ..., b]", message));
    free(text);
}

static void a_scratch_too_small_does_not_match(void **state)
{
    const struct filter_pattern *pattern;
    struct arena arena;
    struct arena scratch;
    struct fail f;

    (void)state;
    arena_init(&arena, FILTER_COMPILE_ARENA_BYTES);
    arena_init(&scratch, 16);
    assert_true(filter_pattern_compile(STR("-%x%"), &arena, &pattern, &f));
    assert_false(filter_pattern_match(pattern, STR("message"), &scratch));
    assert_true(filter_pattern_compile(STR("[..., a]"), &arena, &pattern, &f));
    assert_false(filter_pattern_match(pattern, STR("many words"), &scratch));
    arena_free(&scratch);
    arena_free(&arena);
}

static void values_of_a_line(void **state)
{
    static const struct {
        const char *pattern;
        const char *values; /* "name=value;..." */
    } rows[] = {
        {"[ip, user, username, timestamp, request, status_code, bytes]",
         "$ip=127.0.0.1;$user=Prod;$username=frank;$timestamp=10/Oct/2000:13:25:15 -0700;"
         "$request=GET /index.html HTTP/1.0;$status_code=404;$bytes=1534;"},
        {"[..., bytes]", "$1=127.0.0.1;$2=Prod;$3=frank;$4=10/Oct/2000:13:25:15 -0700;"
                         "$5=GET /index.html HTTP/1.0;$6=404;$bytes=1534;"},
        {"[..., status_code=4*,]", "$1=127.0.0.1;$2=Prod;$3=frank;$4=10/Oct/2000:13:25:15 -0700;"
                                   "$5=GET /index.html HTTP/1.0;$status_code=404;$7=1534;"},
        {"[ip, user, rest]", "$ip=127.0.0.1;$user=Prod;"
                             "$rest=frank [10/Oct/2000:13:25:15 -0700] \"GET /index.html HTTP/1.0\" 404 1534;"},
        {"[..., bytes=1]", ""},
        {"frank", ""},
    };
    struct arena arena;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct filter_pattern *pattern;
        const struct filter_value *values;
        char seen[500] = "";
        size_t count;
        struct fail f;

        arena_init(&arena, ARENA_LIMIT_DEFAULT);
        assert_true(filter_pattern_compile(str_of(rows[i].pattern), &arena, &pattern, &f));
        count = filter_pattern_values(pattern, STR(APACHE), &arena, &values);
        for (size_t j = 0; j < count; j++)
            (void)snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%.*s=%.*s;", STR_ARG(values[j].name),
                           STR_ARG(values[j].value));
        assert_string_equal(seen, rows[i].values);
        arena_free(&arena);
    }
}

static void values_by_reference(void **state)
{
    static const struct {
        const char *pattern;
        const char *message;
        const char *reference;
        const char *value; /* NULL: none */
        bool meaningful;
    } rows[] = {
        {"{ $.latency = * }", "{\"latency\": 50.5}", "$.latency", "50.5", true},
        {"{ $.a = * }", "{\"a\":1,\"b\":[{\"c\":\"x\\ty\"}]}", "$.b[0].c", "x\ty", true},
        {"{ $.a = * }", "{\"a\":1,\"b\":[1]}", "$.b", NULL, true},
        {"{ $.a = * }", "{\"a\":1}", "$.b[*]", NULL, false},
        {"{ $.a = * }", "{\"a\":1}", "$a", NULL, false},
        {"[..., status, bytes]", APACHE, "$bytes", "1534", true},
        {"[..., status, bytes]", APACHE, "$7", "1534", true},
        {"[..., status, bytes]", APACHE, "$3", "frank", true},
        {"[..., status, bytes]", APACHE, "$8", NULL, true},
        {"[..., status, bytes]", APACHE, "$none", NULL, false},
        {"[..., status, bytes]", APACHE, "bytes", NULL, false},
        {"ERROR", "ERROR", "$1", NULL, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct filter_pattern *pattern;
        struct str reference = str_of(rows[i].reference);
        struct arena arena;
        struct str value = {NULL, 0};
        struct fail f;
        bool found;

        arena_init(&arena, ARENA_LIMIT_DEFAULT);
        assert_true(filter_pattern_compile(str_of(rows[i].pattern), &arena, &pattern, &f));
        found = filter_pattern_value(pattern, str_of(rows[i].message), reference, &arena, &value);
        if (found != (rows[i].value != NULL) || (found && !str_is(value, rows[i].value)))
            fail_msg("%s in %s", rows[i].reference, rows[i].message);
        assert_int_equal(filter_pattern_check_reference(pattern, reference, &arena, &f), rows[i].meaningful);
        arena_free(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(terms),
        cmocka_unit_test(regular_expressions),
        cmocka_unit_test(json_values),
        cmocka_unit_test(json_numbers),
        cmocka_unit_test(json_compounds),
        cmocka_unit_test(fields),
        cmocka_unit_test(bad_patterns_are_refused),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(evil_messages_end),
        cmocka_unit_test(a_scratch_too_small_does_not_match),
        cmocka_unit_test(values_of_a_line),
        cmocka_unit_test(values_by_reference),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
