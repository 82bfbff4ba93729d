#include "plane/ecs/service_event.h"

#include "base/must.h"

#include <stdarg.h>
#include <stdio.h>

enum { MESSAGE_LEN_MAX = 1023 };

static void event_key(const void *record, struct buf *key)
{
    const struct service_event_record *event = record;

    SERVICE_KEY_ADD(key, event);
    key_add_number(key, event->number);
}

const struct table_spec service_event_table = {
    .name = "service_event", .shape = &service_event_record_shape, .key = event_key};

static struct str key_of(struct arena *arena, const struct service_record *service, int32_t number)
{
    struct service_event_record record = {.account_id = service->account_id,
                                          .region = service->region,
                                          .cluster_name = service->cluster_name,
                                          .service_name = service->service_name};
    auto_buf key = {.ptr = NULL};

    SET(&record, number, number);
    event_key(&record, &key);
    return arena_str(arena, buf_str(&key));
}

static bool was_just_said(const struct transaction *tx, const struct service_record *service, struct str message)
{
    const struct service_event_record *last =
        transaction_get(tx, &service_event_table, key_of(tx->arena, service, service->last_event));

    return last != NULL && str_eq(last->event->message, message) &&
           tx->now_ms < last->event->created_at + SERVICE_EVENT_QUIET_MS;
}

static void put(struct transaction *tx, struct service_edit *edit, const struct ecs_failure *failure,
                struct str message)
{
    struct ecs_service_event event = {.id = random_uuid(tx->random, tx->arena), .message = message};
    struct service_event_record record = {.account_id = edit->record.account_id,
                                          .region = edit->record.region,
                                          .cluster_name = edit->record.cluster_name,
                                          .service_name = edit->record.service_name,
                                          .event = &event,
                                          .failure = (struct ecs_failure *)(uintptr_t)failure};

    SET(&edit->record, last_event, edit->record.last_event + 1);
    SET(&record, number, edit->record.last_event);
    SET(&event, created_at, tx->now_ms);
    must(transaction_put(tx, &service_event_table, &record));
    if (record.number > SERVICE_EVENTS_MAX)
        transaction_delete(tx, &service_event_table,
                           key_of(tx->arena, &edit->record, record.number - SERVICE_EVENTS_MAX));
}

static void add(struct transaction *tx, struct service_edit *edit, const struct ecs_failure *failure,
                const char *format, va_list args)
{
    char text[MESSAGE_LEN_MAX + 1];
    struct str message;

    (void)vsnprintf(text, sizeof(text), format, args);
    message = arena_printf(tx->arena, "(service %.*s) %s", STR_ARG(edit->record.service_name), text);
    if (!was_just_said(tx, &edit->record, message))
        put(tx, edit, failure, message);
}

void service_event_add(struct transaction *tx, struct service_edit *edit, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add(tx, edit, NULL, format, args);
    va_end(args);
}

void service_event_add_failure(struct transaction *tx, struct service_edit *edit, const struct ecs_failure *failure,
                               const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add(tx, edit, failure, format, args);
    va_end(args);
}

struct ecs_service_events service_events(const struct transaction *tx, const struct service_record *service,
                                         struct arena *arena)
{
    struct ecs_service_events list = {arena_array(arena, struct ecs_service_event, SERVICE_EVENTS_MAX), 0};

    for (int32_t number = service->last_event; number > 0 && list.count < SERVICE_EVENTS_MAX; number--) {
        const struct service_event_record *event =
            transaction_get(tx, &service_event_table, key_of(arena, service, number));

        if (event == NULL)
            break;
        list.items[list.count++] = *event->event;
    }
    return list;
}
