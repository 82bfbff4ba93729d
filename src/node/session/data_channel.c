#include "node/session/data_channel.h"

#include "base/must.h"
#include "base/when.h"
#include "wire/session_json.h"

enum { FLAG_FIRST = 1, FLAGS_ACKNOWLEDGE = 3, SCHEMA_VERSION = 1, ROUND_TRIP_MS_FIRST = 100, CLOCK_STEP_MS = 10 };

/* A message that the other end has not acknowledged. */
struct outgoing {
    struct list link;
    int64_t sequence;
    int64_t sent_ms;
    bool sent;    /* not only kept for one who does not listen */
    bool resumed; /* sent before the other end was away, and again */
    bool heard;   /* one before it is not */
    struct buf bytes;
};

void data_channel_init(struct data_channel *channel, const struct data_channel_options *options)
{
    *channel = (struct data_channel){
        .options = *options, .round_trip_ms = ROUND_TRIP_MS_FIRST, .resend_ms = CHANNEL_RESEND_MS_FIRST};
    random_seed(&channel->random, options->seed);
    list_init(&channel->unheard);
}

static void outgoing_free(struct outgoing *outgoing)
{
    buf_free(&outgoing->bytes);
    free(outgoing);
}

void data_channel_free(struct data_channel *channel)
{
    while (!list_empty(&channel->unheard))
        outgoing_free(list_item(list_take_first(&channel->unheard), struct outgoing, link));
    for (size_t i = 0; i < CHANNEL_REORDER; i++)
        buf_free(&channel->early[i]);
}

/* ---- sending ---- */

struct channel_message data_channel_header(struct data_channel *channel, enum channel_message_type type, int64_t now_ms)
{
    struct channel_message message = {
        .type = type, .schema_version = SCHEMA_VERSION, .created_ms = (uint64_t)(now_ms + channel->options.epoch_ms)};

    for (size_t i = 0; i < sizeof(message.id); i++)
        message.id[i] = (unsigned char)random_below(&channel->random, 256);
    message.id[6] = (unsigned char)((message.id[6] & 0x0f) | 0x40); /* RFC 9562, version 4 */
    message.id[8] = (unsigned char)((message.id[8] & 0x3f) | 0x80);
    return message;
}

static void write_out(const struct data_channel *channel, const struct channel_message *message)
{
    auto_buf bytes = {.limit = CHANNEL_MESSAGE_MAX};

    channel_message_write(message, &bytes);
    channel->options.send(channel->options.context, buf_str(&bytes));
}

bool data_channel_has_room(const struct data_channel *channel)
{
    return channel->unheard_count < CHANNEL_WINDOW;
}

void data_channel_send(struct data_channel *channel, enum channel_payload_type type, struct str payload, int64_t now_ms)
{
    struct channel_message message = data_channel_header(channel, channel->options.sends, now_ms);
    struct outgoing *outgoing = calloc(1, sizeof(*outgoing));

    must(outgoing != NULL);
    must(data_channel_has_room(channel));
    message.sequence = channel->next_out++;
    message.flags = message.sequence == 0 ? FLAG_FIRST : 0;
    message.payload_type = type;
    message.payload = payload;
    outgoing->sequence = message.sequence;
    outgoing->sent_ms = now_ms;
    outgoing->bytes.limit = CHANNEL_MESSAGE_MAX;
    channel_message_write(&message, &outgoing->bytes);
    list_add_last(&channel->unheard, &outgoing->link);
    channel->unheard_count++;
    outgoing->sent = !channel->paused;
    if (outgoing->sent)
        channel->options.send(channel->options.context, buf_str(&outgoing->bytes));
}

void data_channel_say(struct data_channel *channel, enum channel_message_type type, struct str payload, int64_t now_ms)
{
    struct channel_message message = data_channel_header(channel, type, now_ms);

    message.payload = payload;
    write_out(channel, &message);
}

static void acknowledge(struct data_channel *channel, const struct channel_message *message, int64_t now_ms)
{
    struct channel_message answer = data_channel_header(channel, CHANNEL_MESSAGE_ACKNOWLEDGE, now_ms);
    auto_buf text = {.limit = SESSION_JSON_MAX};

    session_acknowledge_write(message, &text);
    answer.flags = FLAGS_ACKNOWLEDGE;
    answer.payload = buf_str(&text);
    write_out(channel, &answer);
}

/* ---- what the other end has heard ---- */

static void resend(struct data_channel *channel, struct outgoing *outgoing, int64_t now_ms)
{
    outgoing->sent_ms = now_ms;
    channel->options.send(channel->options.context, buf_str(&outgoing->bytes));
}

/* As RFC 6298 and the originals: an eighth of the newest round trip, a quarter of its deviation. */
static void measure(struct data_channel *channel, int64_t took_ms)
{
    int64_t deviation =
        channel->round_trip_ms > took_ms ? channel->round_trip_ms - took_ms : took_ms - channel->round_trip_ms;

    channel->variation_ms = (3 * channel->variation_ms + deviation) / 4;
    channel->round_trip_ms = (7 * channel->round_trip_ms + took_ms) / 8;
    channel->resend_ms = channel->round_trip_ms +
                         (4 * channel->variation_ms > CLOCK_STEP_MS ? 4 * channel->variation_ms : CLOCK_STEP_MS);
    if (channel->resend_ms > CHANNEL_RESEND_MS_MAX)
        channel->resend_ms = CHANNEL_RESEND_MS_MAX;
}

static struct outgoing *find_unheard(const struct data_channel *channel, int64_t sequence)
{
    list_each(link, after, &channel->unheard)
    {
        struct outgoing *outgoing = list_item(link, struct outgoing, link);

        if (outgoing->sequence == sequence)
            return outgoing;
    }
    return NULL;
}

/* An acknowledgement that was lost with the other end's connection is not said again: session-manager-plugin passes
 * over what it has had. But what was sent again behind it comes in order, so one that is acknowledged says that those
 * before it had come. */
static bool receive_acknowledge(struct data_channel *channel, struct str text, int64_t now_ms, struct fail *f)
{
    struct outgoing *heard;
    int64_t sequence;

    if (!session_acknowledge_read(text, &sequence, f))
        return false;
    heard = find_unheard(channel, sequence);
    if (heard == NULL || heard->heard)
        return true; /* it was sent twice, and so was the answer */
    heard->heard = true;
    measure(channel, now_ms > heard->sent_ms ? now_ms - heard->sent_ms : 0);
    while (!list_empty(&channel->unheard)) {
        struct outgoing *first = list_item(channel->unheard.next, struct outgoing, link);

        if (!first->heard && !(first->resumed && first->sequence < sequence))
            break;
        list_remove(&first->link);
        channel->unheard_count--;
        outgoing_free(first);
    }
    return true;
}

/* ---- the stream that comes in ---- */

static bool take(struct data_channel *channel, const struct channel_message *message)
{
    if (!channel->options.take(channel->options.context, message->payload_type, message->payload))
        return false;
    channel->next_in++;
    return true;
}

/* Those that came too early and whose turn it is now. */
static void take_early(struct data_channel *channel)
{
    for (;;) {
        struct buf *early = &channel->early[channel->next_in % CHANNEL_REORDER];
        struct channel_message message;
        struct fail f;

        if (early->len == 0)
            return;
        must(channel_message_read(buf_str(early), &message, &f));
        if (!take(channel, &message))
            return;
        buf_clear(early);
    }
}

static bool keep_early(struct data_channel *channel, const struct channel_message *message, struct str bytes)
{
    struct buf *early = &channel->early[message->sequence % CHANNEL_REORDER];

    if (message->sequence - channel->next_in >= CHANNEL_REORDER)
        return false;
    buf_clear(early);
    early->limit = CHANNEL_MESSAGE_MAX;
    buf_add(early, bytes);
    return true;
}

static void receive_stream(struct data_channel *channel, const struct channel_message *message, struct str bytes,
                           int64_t now_ms)
{
    bool kept = true;

    take_early(channel); /* there may be room again */
    if (message->sequence == channel->next_in)
        kept = take(channel, message);
    else if (message->sequence > channel->next_in)
        kept = keep_early(channel, message, bytes);
    if (!kept)
        return;
    acknowledge(channel, message, now_ms); /* also one that came twice: our word may be lost */
    take_early(channel);
}

static void start(struct data_channel *channel, int64_t now_ms)
{
    channel->paused = false;
    list_each(link, after, &channel->unheard)
    {
        struct outgoing *outgoing = list_item(link, struct outgoing, link);

        outgoing->resumed = outgoing->sent;
        outgoing->sent = true;
        resend(channel, outgoing, now_ms);
    }
}

bool data_channel_receive(struct data_channel *channel, struct str bytes, int64_t now_ms, struct fail *f)
{
    struct channel_message message;

    if (!channel_message_read(bytes, &message, f))
        return false;
    if (message.type == channel->options.receives && message.sequence < 0)
        return fail(f, FAIL_INPUT, "the sequence number %lld", (long long)message.sequence);
    if (message.type == channel->options.receives)
        receive_stream(channel, &message, bytes, now_ms);
    else if (message.type == CHANNEL_MESSAGE_ACKNOWLEDGE)
        return receive_acknowledge(channel, message.payload, now_ms, f);
    else if (message.type == CHANNEL_MESSAGE_CLOSED)
        channel->options.closed(channel->options.context, message.payload);
    else if (message.type == CHANNEL_MESSAGE_START)
        start(channel, now_ms);
    else if (message.type == CHANNEL_MESSAGE_PAUSE)
        channel->paused = true;
    return true;
}

/* ---- time ---- */

bool data_channel_all_heard(const struct data_channel *channel)
{
    return list_empty(&channel->unheard);
}

/* The oldest alone, as the originals: the others wait behind it. */
void data_channel_tick(struct data_channel *channel, int64_t now_ms)
{
    if (data_channel_due_ms(channel) <= now_ms)
        resend(channel, list_item(channel->unheard.next, struct outgoing, link), now_ms);
}

int64_t data_channel_due_ms(const struct data_channel *channel)
{
    if (channel->paused || list_empty(&channel->unheard))
        return WHEN_NEVER;
    return list_item(channel->unheard.next, struct outgoing, link)->sent_ms + channel->resend_ms;
}
