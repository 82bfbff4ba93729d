#include "node/image/inflate.h"

#include "base/must.h"
#include "node/image/problem.h"

#include <zlib.h>
#include <zstd.h>

enum { HEAD_BYTES = 4, OUT_BYTES = 256 << 10 };

struct inflater {
    struct stream stream;
    struct stream *input;
    const struct image_limits *limits;
    char head[HEAD_BYTES]; /* of the input, read to tell the format */
    size_t head_len;
    bool head_given;
    struct str behind_head; /* what came with its last piece */
    struct str piece;       /* input not yet decompressed */
    uint64_t in_bytes;
    uint64_t out_bytes;
    bool in_frame; /* a member or frame has begun and not ended */
    z_stream gzip;
    ZSTD_DCtx *zstd;
    char *out;
};

/* --- input --- */

static bool read_head(struct inflater *inflater, struct fail *f)
{
    struct str piece;

    while (inflater->head_len < HEAD_BYTES) {
        size_t len;

        if (!stream_read(inflater->input, &piece, f))
            return false;
        if (piece.len == 0)
            return true;
        len = piece.len < HEAD_BYTES - inflater->head_len ? piece.len : HEAD_BYTES - inflater->head_len;
        memcpy(inflater->head + inflater->head_len, piece.ptr, len);
        inflater->head_len += len;
        inflater->behind_head = str_from(piece, len);
    }
    return true;
}

static bool next_input(struct inflater *inflater, struct fail *f)
{
    if (!inflater->head_given) {
        inflater->head_given = true;
        inflater->piece = (struct str){inflater->head, inflater->head_len};
    } else if (inflater->behind_head.len > 0) {
        inflater->piece = inflater->behind_head;
        inflater->behind_head = STR("");
    } else if (!stream_read(inflater->input, &inflater->piece, f)) {
        return false;
    }
    inflater->in_bytes += inflater->piece.len;
    return true;
}

/* --- output --- */

static bool ratio_holds(const struct inflater *inflater, struct fail *f)
{
    const struct image_limits *limits = inflater->limits;

    if (inflater->out_bytes <= limits->ratio_free_bytes ||
        inflater->out_bytes / limits->ratio_max <= inflater->in_bytes)
        return true;
    return image_fail(f, IMAGE_OVER_LIMIT, "layer decompresses to more than %llu times its size",
                      (unsigned long long)limits->ratio_max);
}

static bool give(struct inflater *inflater, size_t len, struct str *ret_piece, struct fail *f)
{
    inflater->out_bytes += len;
    *ret_piece = (struct str){inflater->out, len};
    return ratio_holds(inflater, f);
}

static bool cut_off(struct str *ret_piece, const struct inflater *inflater, const char *format, struct fail *f)
{
    if (inflater->in_frame)
        return image_fail(f, IMAGE_MALFORMED, "layer: %s data ends early", format);
    *ret_piece = STR("");
    return true;
}

static bool read_plain(struct stream *stream, struct str *ret_piece, struct fail *f)
{
    struct inflater *inflater = stream_owner(stream, struct inflater);

    if (!next_input(inflater, f))
        return false;
    *ret_piece = inflater->piece;
    return true;
}

/* One call of zlib over the input at hand. */
static bool gunzip_some(struct inflater *inflater, size_t *ret_len, struct fail *f)
{
    z_stream *z = &inflater->gzip;
    uInt given = inflater->piece.len > UINT32_MAX ? UINT32_MAX : (uInt)inflater->piece.len;
    int status;

    z->next_in = (Bytef *)(uintptr_t)inflater->piece.ptr;
    z->avail_in = given;
    z->next_out = (Bytef *)inflater->out;
    z->avail_out = OUT_BYTES;
    if (!inflater->in_frame)
        must(inflateReset(z) == Z_OK);
    inflater->in_frame = true;
    status = inflate(z, Z_NO_FLUSH);
    if (status == Z_STREAM_END)
        inflater->in_frame = false;
    else if (status != Z_OK && status != Z_BUF_ERROR)
        return image_fail(f, IMAGE_MALFORMED, "layer: gzip: %s", z->msg == NULL ? "broken data" : z->msg);
    inflater->piece = str_from(inflater->piece, given - z->avail_in);
    *ret_len = OUT_BYTES - z->avail_out;
    return true;
}

/* Output may still wait inside the decompressor when all input is taken. */
static bool read_gzip(struct stream *stream, struct str *ret_piece, struct fail *f)
{
    struct inflater *inflater = stream_owner(stream, struct inflater);
    bool may_have_more = inflater->in_frame && inflater->gzip.avail_out == 0;

    for (;;) {
        size_t len = 0;

        if (inflater->piece.len == 0 && !may_have_more) {
            if (!next_input(inflater, f))
                return false;
            if (inflater->piece.len == 0)
                return cut_off(ret_piece, inflater, "gzip", f);
        }
        if (!gunzip_some(inflater, &len, f))
            return false;
        if (len > 0)
            return give(inflater, len, ret_piece, f);
        may_have_more = false;
    }
}

static bool unzstd_some(struct inflater *inflater, size_t *ret_len, struct fail *f)
{
    ZSTD_inBuffer in = {inflater->piece.ptr, inflater->piece.len, 0};
    ZSTD_outBuffer out = {inflater->out, OUT_BYTES, 0};
    size_t status = ZSTD_decompressStream(inflater->zstd, &out, &in);

    if (ZSTD_isError(status))
        return image_fail(f, IMAGE_MALFORMED, "layer: zstd: %s", ZSTD_getErrorName(status));
    inflater->in_frame = status != 0;
    inflater->piece = str_from(inflater->piece, in.pos);
    *ret_len = out.pos;
    return true;
}

static bool read_zstd(struct stream *stream, struct str *ret_piece, struct fail *f)
{
    struct inflater *inflater = stream_owner(stream, struct inflater);
    bool may_have_more = inflater->in_frame;

    for (;;) {
        size_t len = 0;

        if (inflater->piece.len == 0 && !may_have_more) {
            if (!next_input(inflater, f))
                return false;
            if (inflater->piece.len == 0)
                return cut_off(ret_piece, inflater, "zstd", f);
        }
        if (!unzstd_some(inflater, &len, f))
            return false;
        if (len > 0)
            return give(inflater, len, ret_piece, f);
        may_have_more = false;
    }
}

/* --- opening --- */

static bool is_gzip(struct str head)
{
    return str_starts(head, (struct str){"\x1f\x8b", 2});
}

/* A frame, or one of the skippable ones that some writers put first (RFC 8878, section 3.1). */
static bool is_zstd(struct str head)
{
    if (head.len < HEAD_BYTES)
        return false;
    return str_starts(head, (struct str){"\x28\xb5\x2f\xfd", 4}) ||
           ((head.ptr[0] & 0xf0) == 0x50 && str_eq(str_from(head, 1), (struct str){"\x2a\x4d\x18", 3}));
}

static void open_format(struct inflater *inflater)
{
    struct str head = {inflater->head, inflater->head_len};

    inflater->stream.read = read_plain;
    if (is_gzip(head)) {
        must(inflateInit2(&inflater->gzip, MAX_WBITS + 16) == Z_OK);
        inflater->stream.read = read_gzip;
    } else if (is_zstd(head)) {
        inflater->zstd = ZSTD_createDCtx();
        must(inflater->zstd != NULL);
        must(!ZSTD_isError(
            ZSTD_DCtx_setParameter(inflater->zstd, ZSTD_d_windowLogMax, (int)inflater->limits->zstd_window_log_max)));
        inflater->stream.read = read_zstd;
    }
}

bool inflater_open(struct stream *input, const struct image_limits *limits, struct inflater **ret_inflater,
                   struct fail *f)
{
    struct inflater *inflater = calloc(1, sizeof(*inflater));

    must(inflater != NULL);
    inflater->input = input;
    inflater->limits = limits;
    inflater->piece = inflater->behind_head = STR("");
    inflater->out = malloc(OUT_BYTES);
    must(inflater->out != NULL);
    if (!read_head(inflater, f)) {
        inflater_close(inflater);
        return false;
    }
    open_format(inflater);
    *ret_inflater = inflater;
    return true;
}

struct stream *inflater_stream(struct inflater *inflater)
{
    return &inflater->stream;
}

void inflater_close(struct inflater *inflater)
{
    if (inflater->stream.read == read_gzip)
        (void)inflateEnd(&inflater->gzip);
    (void)ZSTD_freeDCtx(inflater->zstd);
    free(inflater->out);
    free(inflater);
}
