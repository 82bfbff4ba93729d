#include "node/image/blob.h"

/* containerd's words, which ECS shows. */
static bool mismatch(const struct blob *blob, struct fail *f)
{
    char got[DIGEST_SIZE];

    if (blob->offset != blob->size)
        return image_fail(
            f, IMAGE_MISMATCH,
            "failed commit on ref \"%.*s\": unexpected commit size %llu, expected %llu: failed precondition",
            STR_ARG(blob->digest), (unsigned long long)blob->offset, (unsigned long long)blob->size);
    digest_text(&blob->sum, got);
    return image_fail(f, IMAGE_MISMATCH,
                      "failed commit on ref \"%.*s\": unexpected commit digest %s, expected %.*s: failed precondition",
                      STR_ARG(blob->digest), got, STR_ARG(blob->digest));
}

/* May this failure be answered with another attempt? Waits for it if so. */
static bool try_again(struct blob *blob, const struct fail *f)
{
    if (!registry_retriable(f))
        return false;
    if (blob->offset - blob->attempt_offset >= blob->limits->retry_progress_bytes) {
        blob->attempt_offset = blob->offset;
        blob->attempts = 0;
    }
    if (++blob->attempts >= blob->limits->layer_attempts_max)
        return false;
    return fetch_wait(blob->cancel, registry_backoff_ms(blob->limits, blob->attempts));
}

/* Throws away what a registry without ranges sends again. */
static bool skip(struct fetch *fetch, uint64_t len, struct str *ret_rest, struct fail *f)
{
    struct str piece = STR("");

    while (len > 0) {
        if (!fetch_read(fetch, &piece, f))
            return false;
        if (piece.len == 0)
            return image_fail(f, IMAGE_UNREACHABLE, "the registry sends less than before");
        if (piece.len > len)
            break;
        len -= piece.len;
        piece = STR("");
    }
    *ret_rest = str_from(piece, (size_t)len);
    return true;
}

/* Opens the fetch where the last one broke; *ret_rest holds bytes that came with what was skipped. */
static bool open_at_offset(struct blob *blob, struct str *ret_rest, struct fail *f)
{
    struct registry_object object = {REGISTRY_BLOB, blob->digest, blob->offset};
    uint64_t start;

    *ret_rest = STR("");
    if (!registry_open(blob->session, blob->client, &object, &blob->fetch, f))
        return false;
    start = fetch_answer(blob->fetch)->status == 206 ? fetch_answer(blob->fetch)->offset : 0;
    if (start > blob->offset)
        return image_fail(f, IMAGE_REGISTRY, "the registry sends another range than asked for");
    return skip(blob->fetch, blob->offset - start, ret_rest, f);
}

static void close_fetch(struct blob *blob)
{
    if (blob->fetch != NULL)
        fetch_close(blob->fetch);
    blob->fetch = NULL;
}

/* One attempt at the next piece; an early end counts as a broken connection. */
static bool read_once(struct blob *blob, struct str *ret_piece, struct fail *f)
{
    struct str piece = STR("");

    if (blob->fetch == NULL && !open_at_offset(blob, &piece, f))
        return false;
    if (piece.len == 0 && !fetch_read(blob->fetch, &piece, f))
        return false;
    if (piece.len == 0 && blob->offset < blob->size)
        return image_fail(f, IMAGE_UNREACHABLE, "failed to copy: unexpected EOF at byte %llu of %llu",
                          (unsigned long long)blob->offset, (unsigned long long)blob->size);
    *ret_piece = piece;
    return true;
}

static bool verify(struct blob *blob, struct fail *f)
{
    char got[DIGEST_SIZE];

    digest_text(&blob->sum, got);
    blob->verified = true;
    return (blob->offset == blob->size && str_is(blob->digest, got)) || mismatch(blob, f);
}

static bool read_blob(struct stream *stream, struct str *ret_piece, struct fail *f)
{
    struct blob *blob = stream_owner(stream, struct blob);
    struct str piece = STR("");

    while (!read_once(blob, &piece, f)) {
        close_fetch(blob);
        if (!try_again(blob, f))
            return false;
    }
    digest_add(&blob->sum, piece);
    blob->offset += piece.len;
    if (blob->offset > blob->size)
        return mismatch(blob, f);
    if (piece.len == 0 && !blob->verified && !verify(blob, f))
        return false;
    *ret_piece = piece;
    return true;
}

void blob_begin(struct blob *blob, struct registry_session *session, struct fetch_client *client,
                const struct image_limits *limits, const struct fetch_cancel *cancel)
{
    *blob =
        (struct blob){.stream = {read_blob}, .session = session, .client = client, .limits = limits, .cancel = cancel};
    digest_begin(&blob->sum);
}

void blob_expect(struct blob *blob, struct str digest, uint64_t size)
{
    blob->digest = digest;
    blob->size = size;
}

void blob_end(struct blob *blob)
{
    close_fetch(blob);
    digest_free(&blob->sum);
}
