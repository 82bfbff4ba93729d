/* The credential report: a CSV of an account's users and their keys (IAM user guide, "Get credential reports for your
 * account"). Made at once, and anew after four hours. */
#include "base/must.h"
#include "plane/iam/access_key.h"
#include "plane/iam/account.h"
#include "plane/iam/iam.h"
#include "plane/iam/operations.h"

#define REPORT_FRESH_MS (4 * HOUR_MS)

static void report_key(const void *record, struct buf *key)
{
    key_add(key, ((const struct credential_report_record *)record)->account_id);
}

const struct table_spec credential_report_table = {
    .name = "iam_credential_report", .shape = &credential_report_record_shape, .key = report_key};

enum { KEY_COLUMNS = 2 }; /* a report has room for two keys a user */

static void add_time(const struct call *call, struct buf *csv, int64_t when_ms)
{
    struct str text = when_to_iso8601(call->arena, when_ms - when_ms % SECOND_MS);

    buf_printf(csv, "%.*s+00:00", (int)text.len - 1, text.ptr); /* the report's form of "Z" */
}

/* Active, last rotated, last used: when, region, service. */
static void add_key(const struct call *call, struct buf *csv, const struct access_key_record *key)
{
    const struct last_use_record *use = transaction_get(call->tx, &last_use_table, key->access_key_id);

    buf_add_cstr(csv, key->status == IAM_STATUS_TYPE_INACTIVE ? ",false," : ",true,");
    add_time(call, csv, key->created_at);
    if (use == NULL) {
        buf_add_cstr(csv, ",N/A,N/A,N/A");
        return;
    }
    buf_add_cstr(csv, ",");
    add_time(call, csv, use->used_at);
    buf_printf(csv, ",%.*s,%.*s", STR_ARG(use->region), STR_ARG(use->service));
}

static void add_row(const struct call *call, struct buf *csv, const struct iam_user *user, struct walk keys)
{
    const struct access_key_record *key;
    size_t columns = 0;

    buf_printf(csv, "\n%.*s,%.*s,", STR_ARG(user->user_name), STR_ARG(user->arn));
    add_time(call, csv, user->create_date);
    buf_add_cstr(csv, ",false,N/A,N/A,N/A,false"); /* there are no passwords and no MFA */
    while (columns < KEY_COLUMNS && (key = walk_next(&keys)) != NULL) {
        if (key->kind != ACCESS_KEY_KIND_USER && key->kind != ACCESS_KEY_KIND_ROOT)
            continue;
        add_key(call, csv, key);
        columns++;
    }
    for (; columns < KEY_COLUMNS; columns++)
        buf_add_cstr(csv, ",false,N/A,N/A,N/A,N/A");
    buf_add_cstr(csv, ",false,N/A,false,N/A");
}

static void write_report(const struct call *call, struct buf *csv)
{
    struct str account = KEY_PREFIX(call->arena, call->principal->account);
    struct walk users = transaction_walk(call->tx, &user_table, "name", account);
    const struct access_key_record *root = iam_root_key(call->tx, call->principal->account);
    const struct user_record *user;

    buf_add_cstr(csv, "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,"
                      "password_next_rotation,mfa_active");
    for (int i = 1; i <= KEY_COLUMNS; i++)
        buf_printf(csv,
                   ",access_key_%d_active,access_key_%d_last_rotated,access_key_%d_last_used_date,"
                   "access_key_%d_last_used_region,access_key_%d_last_used_service",
                   i, i, i, i, i);
    buf_add_cstr(csv, ",cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated");
    if (root != NULL) {
        struct iam_user shown = {.user_name = STR("<root_account>"), .arn = root->principal_arn};

        SET(&shown, create_date, root->created_at);
        add_row(call, csv, &shown, transaction_walk(call->tx, &access_key_table, "root", account));
    }
    while ((user = walk_next(&users)) != NULL)
        add_row(call, csv, user->user,
                transaction_walk(call->tx, &access_key_table, "owner", KEY_PREFIX(call->arena, user->user->user_id)));
}

static const struct credential_report_record *report_of(const struct call *call)
{
    return transaction_get(call->tx, &credential_report_table, call->principal->account);
}

bool iam_generate_credential_report(struct call *call, const void *in,
                                    struct iam_generate_credential_report_response *out)
{
    const struct credential_report_record *before = report_of(call);
    struct credential_report_record report = {.account_id = call->principal->account};
    auto_buf csv = {0};

    (void)in;
    if (before != NULL && call->tx->now_ms < before->generated_at + REPORT_FRESH_MS) {
        out->state = IAM_REPORT_STATE_TYPE_COMPLETE;
        return true;
    }
    write_report(call, &csv);
    if (csv.overflowed)
        return fail(call->fail, FAIL_LIMIT, "the credential report is too large");
    report.content = buf_str(&csv);
    SET(&report, generated_at, call->tx->now_ms);
    must(transaction_put(call->tx, &credential_report_table, &report));
    out->state = IAM_REPORT_STATE_TYPE_STARTED;
    out->description = STR("No report exists. Starting a new report generation task");
    return true;
}

bool iam_get_credential_report(struct call *call, const void *in, struct iam_get_credential_report_response *out)
{
    const struct credential_report_record *report = report_of(call);

    (void)in;
    if (report == NULL)
        return fail_api(call->fail, IAM_ERROR_CREDENTIAL_REPORT_NOT_PRESENT_EXCEPTION,
                        "No report exists. Generate one with GenerateCredentialReport.");
    if (call->tx->now_ms >= report->generated_at + REPORT_FRESH_MS)
        return fail_api(call->fail, IAM_ERROR_CREDENTIAL_REPORT_EXPIRED_EXCEPTION,
                        "The most recent credential report is older than four hours. Generate a new one with "
                        "GenerateCredentialReport.");
    out->content = report->content;
    out->report_format = IAM_REPORT_FORMAT_TYPE_TEXT_CSV;
    SET(out, generated_time, report->generated_at);
    return true;
}
