#include "edge/agent_message.h"

#include "base/must.h"
#include "model/gen/ecs.h"
#include "wire/json.h"
#include "wire/service_rules.h"

void agent_message_write(const struct shape *messages, const void *value, struct buf *out)
{
    for (size_t i = 0; i < messages->member_count; i++) {
        const struct member *member = &shape_members(messages)[i];

        if (!member_present(member, value))
            continue;
        buf_printf(out, "{\"type\":\"%s\",\"message\":", shape_name(member_shape(member)));
        wire_json_write(member_shape(member), *(void *const *)member_at(member, value), out);
        buf_add_char(out, '}');
        return;
    }
    must_not_happen("a message is present");
}

static const struct member *member_of(const struct shape *messages, struct str type)
{
    for (size_t i = 0; i < messages->member_count; i++)
        if (str_is(type, shape_name(member_shape(&shape_members(messages)[i]))))
            return &shape_members(messages)[i];
    return NULL;
}

bool agent_message_read(const struct shape *messages, struct str text, struct arena *arena, void *ret_value,
                        struct fail *f)
{
    struct decoder decoder = {.arena = arena, .rules = service_rules_of(&ecs_tables.service), .f = f};
    struct agent_envelope envelope = {.type = {NULL, 0}};
    const struct member *member;
    void *message;

    if (!wire_json_read(&decoder, &agent_envelope_shape, text, &envelope))
        return fail(f, FAIL_INPUT, "it is no message");
    member = member_of(messages, envelope.type);
    if (member == NULL)
        return fail(f, FAIL_NOT_FOUND, "its type is '%.*s'", STR_ARG(envelope.type));
    message = arena_alloc(arena, member_shape(member)->size);
    if (!wire_json_read(&decoder, member_shape(member), envelope.message, message))
        return fail(f, FAIL_INPUT, "its %s cannot be read", shape_name(member_shape(member)));
    memcpy((char *)ret_value + member->offset, (const void *)&message, sizeof(message));
    return true;
}

bool agent_telemetry_body(struct str frame, struct str *ret_body, struct fail *f)
{
    static const struct str end = STR_INIT("\r\n\r\n");
    size_t at = str_search(frame, end);

    if (!str_starts_nocase(frame, STR("Authorization:")) || at == frame.len)
        return fail(f, FAIL_INPUT, "it has no signature block");
    *ret_body = str_from(frame, at + end.len);
    return true;
}
