/* Where a request says how it is signed: the Authorization header, or the query string of a presigned URL. */
#include "base/when.h"
#include "wire/sigv4_canonical.h"

#include <time.h>

#define ALGORITHM "AWS4-HMAC-SHA256"

enum {
    REGION_LEN_MAX = 32,
    SIGNED_HEADERS_MAX = 100,          /* names in SignedHeaders; the SDKs send about fifteen */
    PRESIGNED_S3_MAX_S = 7 * 86400,    /* S3 API reference, "Authenticating requests: using query parameters" */
    PRESIGNED_LIFE_MS = 15 * 60 * 1000 /* of all other services, whatever X-Amz-Expires says: `aws eks get-token` writes
                                          60 s there and expects STS to accept the URL for a quarter of an hour */
};

/* Any region may be asked, there is no list of them; but it becomes part of keys and ARNs. */
static bool is_region(struct str region)
{
    for (size_t i = 0; i < region.len; i++)
        if (!((region.ptr[i] >= 'a' && region.ptr[i] <= 'z') || (region.ptr[i] >= '0' && region.ptr[i] <= '9') ||
              region.ptr[i] == '-'))
            return false;
    return region.len > 0 && region.len <= REGION_LEN_MAX;
}

static bool parse_credential(struct str credential, struct sigv4_claim *claim, struct fail *f)
{
    struct str rest;
    struct str terminator;

    claim->access_key = str_cut(credential, '/', &rest);
    claim->date = str_cut(rest, '/', &rest);
    claim->region = str_cut(rest, '/', &rest);
    claim->service = str_cut(rest, '/', &rest);
    terminator = str_cut(rest, '/', &rest);
    if (terminator.ptr == NULL || rest.ptr != NULL || claim->access_key.len == 0)
        return fail_api(f, "IncompleteSignature",
                        "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
                        "got '%.*s'",
                        STR_ARG(credential));
    if (!str_is(terminator, "aws4_request"))
        return fail_api(f, "SignatureDoesNotMatch",
                        "Credential should be scoped with a valid terminator: 'aws4_request', not '%.*s'.",
                        STR_ARG(terminator));
    if (!is_region(claim->region))
        return fail_api(f, "SignatureDoesNotMatch", "Credential should be scoped to a valid region.");
    return true;
}

static bool is_hash(struct str s)
{
    if (s.len != 64)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!((s.ptr[i] >= '0' && s.ptr[i] <= '9') || (s.ptr[i] >= 'a' && s.ptr[i] <= 'f')))
            return false;
    return true;
}

static bool parse_signature(struct sigv4_claim *claim, struct fail *f)
{
    size_t names = 1;

    for (size_t i = 0; i < claim->signed_headers.len; i++)
        names += claim->signed_headers.ptr[i] == ';';
    if (names > SIGNED_HEADERS_MAX)
        return fail_api(f, "IncompleteSignature", "SignedHeaders names more than %d headers", SIGNED_HEADERS_MAX);
    if (!is_hash(claim->signature))
        return fail_api(f, "SignatureDoesNotMatch", "The signature must be 64 lower-case hexadecimal digits");
    return true;
}

/* RFC 9110, section 5.6.7, its preferred form only. */
static bool http_date(struct str text, int64_t *ret_when_ms)
{
    char buffer[64];
    struct tm tm = {0};
    const char *end;

    if (!str_to_buffer(text, buffer, sizeof(buffer)))
        return false;
    end = strptime(buffer, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    if (end == NULL || *end != '\0')
        return false;
    *ret_when_ms = (int64_t)timegm(&tm) * SECOND_MS;
    return true;
}

/* X-Amz-Date (header or query) or else Date. */
static bool parse_date(const struct wire_request *request, struct str from_query, struct sigv4_claim *claim,
                       struct fail *f)
{
    struct str amz_date = from_query.ptr != NULL ? from_query : wire_header(request, "x-amz-date");
    struct str text = str_trim(amz_date.ptr != NULL ? amz_date : wire_header(request, "date"));

    if (when_from_amz_date(text, &claim->when_ms) && claim->when_ms >= 0)
        return true;
    if (amz_date.ptr == NULL && http_date(text, &claim->when_ms) && claim->when_ms >= 0)
        return true;
    return fail_api(f, "IncompleteSignature",
                    "Date must be in ISO-8601 'basic format'. Got '%.*s'. See "
                    "http://en.wikipedia.org/wiki/ISO_8601",
                    STR_ARG(text));
}

static bool parse_payload(struct str hash, struct sigv4_claim *claim, struct fail *f)
{
    bool s3 = str_is(claim->service, "s3");

    claim->payload_hash = str_trim(hash);
    claim->payload = SIGV4_PAYLOAD_SIGNED;
    if (hash.ptr == NULL || is_hash(claim->payload_hash))
        return true;
    claim->payload = SIGV4_PAYLOAD_UNSIGNED;
    if (s3 && str_is(claim->payload_hash, "UNSIGNED-PAYLOAD"))
        return true;
    claim->payload = SIGV4_PAYLOAD_CHUNKED;
    if (s3 && (str_is(claim->payload_hash, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD") ||
               str_is(claim->payload_hash, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER") ||
               str_is(claim->payload_hash, "STREAMING-UNSIGNED-PAYLOAD-TRAILER")))
        return true;
    return fail_api(f, "InvalidRequest", "x-amz-content-sha256 must be %sa valid sha256 value.",
                    s3 ? "UNSIGNED-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, "
                         "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, STREAMING-UNSIGNED-PAYLOAD-TRAILER or "
                       : "");
}

/* What of the Authorization header is missing, in AWS's words; true when nothing is. */
static bool check_parts(const struct str parts[3], bool dated, struct fail *f)
{
    static const char *const names[] = {"Credential", "Signature", "SignedHeaders"};
    char text[600] = "";
    size_t len = 0;

    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (parts[i].len == 0)
            len += (size_t)snprintf(text + len, sizeof(text) - len, "Authorization header requires '%s' parameter. ",
                                    names[i]);
    if (!dated)
        len +=
            (size_t)snprintf(text + len, sizeof(text) - len,
                             "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ");
    if (len == 0)
        return true;
    return fail_api(f, "IncompleteSignature", "%.*s", (int)len - 1, text);
}

/* The value of name=... in "name=value, name=value". */
static struct str parameter(struct str list, const char *name)
{
    while (list.ptr != NULL) {
        struct str value;
        struct str item = str_cut(str_trim(str_cut(list, ',', &list)), '=', &value);

        if (str_is(item, name))
            return value;
    }
    return (struct str){NULL, 0};
}

static bool parse_authorization(const struct wire_request *request, struct str parameters,
                                struct sigv4_claim *ret_claim, struct fail *f)
{
    struct sigv4_claim claim = {.expires_ms = WHEN_NEVER};
    const struct str parts[] = {parameter(parameters, "Credential"), parameter(parameters, "Signature"),
                                parameter(parameters, "SignedHeaders")};
    bool dated = wire_header(request, "x-amz-date").ptr != NULL || wire_header(request, "date").ptr != NULL;

    if (!check_parts(parts, dated, f))
        return false;
    claim.signature = parts[1];
    claim.signed_headers = parts[2];
    claim.security_token = wire_header(request, "x-amz-security-token");
    if (!parse_credential(parts[0], &claim, f) || !parse_signature(&claim, f))
        return false;
    if (!parse_date(request, (struct str){NULL, 0}, &claim, f))
        return false;
    if (!parse_payload(wire_header(request, "x-amz-content-sha256"), &claim, f))
        return false;
    *ret_claim = claim;
    return true;
}

/* Sets expires_ms. */
static bool parse_expires(struct str text, struct sigv4_claim *claim, struct fail *f)
{
    uint64_t seconds;

    if (!str_to_uint64(text, &seconds) || seconds > PRESIGNED_S3_MAX_S)
        return fail_api(f, "AuthorizationQueryParametersError",
                        "X-Amz-Expires must be a number of seconds from 0 to %d", PRESIGNED_S3_MAX_S);
    claim->expires_ms =
        claim->when_ms + (str_is(claim->service, "s3") ? (int64_t)seconds * SECOND_MS : PRESIGNED_LIFE_MS);
    return true;
}

static bool parse_presigned(const struct wire_request *request, const struct form *form, struct sigv4_claim *ret_claim,
                            struct fail *f)
{
    struct sigv4_claim claim = {.presigned = true};
    struct str credential = form_get(form, "X-Amz-Credential");
    struct str expires = form_get(form, "X-Amz-Expires");
    struct str date = form_get(form, "X-Amz-Date");
    struct str hash = wire_header(request, "x-amz-content-sha256");

    claim.signature = form_get(form, "X-Amz-Signature");
    claim.signed_headers = form_get(form, "X-Amz-SignedHeaders");
    claim.security_token = form_get(form, "X-Amz-Security-Token");
    if (credential.len == 0 || expires.len == 0 || date.len == 0 || claim.signature.len == 0 ||
        claim.signed_headers.len == 0)
        return fail_api(f, "AuthorizationQueryParametersError",
                        "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
                        "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.");
    if (!parse_credential(credential, &claim, f) || !parse_signature(&claim, f))
        return false;
    if (!parse_date(request, date, &claim, f) || !parse_expires(expires, &claim, f))
        return false;
    if (hash.ptr == NULL)
        hash = form_get(form, "X-Amz-Content-Sha256");
    if (hash.ptr == NULL && str_is(claim.service, "s3"))
        hash = STR("UNSIGNED-PAYLOAD");
    if (!parse_payload(hash, &claim, f))
        return false;
    *ret_claim = claim;
    return true;
}

static bool check_algorithm(struct str algorithm, struct fail *f)
{
    if (str_is(algorithm, ALGORITHM))
        return true;
    return fail_api(f, "IncompleteSignature", "Unsupported AWS 'algorithm': '%.*s'.", STR_ARG(algorithm));
}

bool sigv4_parse(const struct wire_request *request, struct arena *arena, bool *ret_present,
                 struct sigv4_claim *ret_claim, struct fail *f)
{
    struct str parameters;
    struct str scheme = str_cut(str_trim(wire_header(request, "authorization")), ' ', &parameters);
    bool header = str_starts(scheme, STR("AWS"));
    struct form form;
    struct str algorithm;

    if (!form_decode(request->query, arena, &form, f))
        return false;
    algorithm = form_get(&form, "X-Amz-Algorithm");
    if (header && algorithm.ptr != NULL)
        return fail_api(
            f, "InvalidRequest",
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter or the Authorization "
            "header should be specified");
    if (!header && algorithm.ptr == NULL) {
        *ret_present = false;
        return true;
    }
    if (!check_algorithm(header ? scheme : algorithm, f))
        return false;
    if (header ? !parse_authorization(request, parameters, ret_claim, f)
               : !parse_presigned(request, &form, ret_claim, f))
        return false;
    *ret_present = true;
    return true;
}
