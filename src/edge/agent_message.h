/* The messages of the ECS agent protocol in the form they travel: {"type": "PayloadMessage", "message": {...}}, the
 * type being the name of a shape of agent_protocol.json. Of a structure with one member a message, one is present. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/fail.h"
#include "model/agent.h"

/* Writes the member that is present. */
void agent_message_write(const struct shape *messages, const void *value, struct buf *out);

/* Reads into a zeroed structure of messages. Fails with FAIL_INPUT on text that is no message, FAIL_NOT_FOUND on a type
 * that is none of these: newer agents may have more. */
checked bool agent_message_read(const struct shape *messages, struct str text, struct arena *arena, void *ret_value,
                                struct fail *f);

/* What stands behind the signature block of a telemetry frame: header lines and an empty line. The connection has been
 * authenticated; the block repeats its signature. */
checked bool agent_telemetry_body(struct str frame, struct str *ret_body, struct fail *f);
