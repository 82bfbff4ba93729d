/* The head of a reply, the same for answers and errors. */
#pragma once

#include "wire/protocol.h"

/* An empty reply with the protocol's content type and the request id. */
void wire_reply_start(const struct wire_call *call, uint16_t status, struct str request_id,
                      struct wire_reply *ret_reply);
/* name: static; value: static or in the call's arena. */
void wire_reply_header(struct wire_reply *reply, const char *name, struct str value);
