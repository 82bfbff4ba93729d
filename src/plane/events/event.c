#include "plane/events/event.h"

#include "base/must.h"
#include "model/interpret.h"
#include "plane/events/event_pattern.h"
#include "plane/events/rule.h"

/* ---- JSON ---- */

enum { HEAD_BYTES = 1024 }; /* of all around the detail, as a first guess */

static void add_member(struct buf *out, const char *name, struct str value)
{
    buf_printf(out, ",\"%s\":", name);
    value_json_text(value, out);
}

struct str event_json(struct arena *arena, const struct event *event, struct str id)
{
    auto_buf out = {.ptr = NULL};

    (void)buf_reserve(&out, event->detail.len + HEAD_BYTES);
    buf_add_cstr(&out, "{\"version\":\"0\"");
    add_member(&out, "id", id);
    add_member(&out, "detail-type", event->detail_type);
    add_member(&out, "source", event->source);
    add_member(&out, "account", event->account);
    add_member(&out, "time", when_to_iso8601(arena, event->when_ms / SECOND_MS * SECOND_MS));
    add_member(&out, "region", event->region);
    buf_add_cstr(&out, ",\"resources\":[");
    for (size_t i = 0; i < event->resource_count; i++) {
        buf_add_cstr(&out, i == 0 ? "" : ",");
        value_json_text(event->resources[i], &out);
    }
    buf_add_cstr(&out, "],\"detail\":");
    buf_add(&out, event->detail);
    buf_add_char(&out, '}');
    must(!out.overflowed);
    return arena_str(arena, buf_str(&out));
}

/* ---- the bus ---- */

/* An event on its way. */
struct publication {
    const struct event *event;
    struct str id, json;
};

static struct publication publication_of(struct transaction *tx, const struct event *event)
{
    struct str id = random_uuid(tx->random, tx->arena);
    struct publication publication = {event, id, event_json(tx->arena, event, id)};

    transaction_effect(tx, EVENT_EFFECT, KEY(tx->arena, event->account, event->region), publication.json);
    return publication;
}

static void deliver(struct transaction *tx, const struct rule_record *rule, const struct publication *publication)
{
    struct delivery_record delivery = {.account_id = rule->account_id,
                                       .region = rule->region,
                                       .rule_name = event_rule_id_of(tx->arena, rule),
                                       .event_id = publication->id,
                                       .event = publication->json};

    SET(&delivery, event_at, publication->event->when_ms);
    SET(&delivery, made_at, tx->now_ms);
    for (size_t i = 0; i < rule->targets.count; i++) {
        if (transaction_count(tx, &delivery_table) >= DELIVERIES_MAX) {
            transaction_effect(tx, EVENT_LOST_EFFECT, rule->rule->arn, STR("too many wait already"));
            return;
        }
        delivery.target_id = rule->targets.items[i].id;
        SET(&delivery, number, transaction_number(tx));
        must(transaction_put(tx, &delivery_table, &delivery));
    }
}

static bool matches(const struct rule_record *rule, const struct publication *publication)
{
    const struct event_pattern *pattern;
    struct arena arena;
    struct fail f;
    bool good;

    arena_init(&arena, EVENT_PATTERN_ARENA_BYTES + EVENT_PATTERN_SCRATCH_BYTES(publication->json.len));
    good = event_pattern_read(rule->rule->event_pattern, &arena, &pattern, &f) &&
           event_pattern_matches(pattern, publication->json, &arena);
    arena_free(&arena);
    return good;
}

struct str event_publish(struct transaction *tx, const struct event *event)
{
    struct publication publication = publication_of(tx, event);
    struct walk walk =
        transaction_walk(tx, &event_rule_table, "pattern",
                         KEY_PREFIX(tx->arena, event->account, event->region, event_bus_name(event->bus)));
    const struct rule_record *rule;

    while ((rule = walk_next(&walk)) != NULL)
        if (matches(rule, &publication))
            deliver(tx, rule, &publication);
    return publication.id;
}

void event_publish_to(struct transaction *tx, const struct event *event, const struct rule_record *rule)
{
    struct publication publication = publication_of(tx, event);

    deliver(tx, rule, &publication);
}
