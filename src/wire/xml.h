/* Output of the AWS query and EC2 query protocols. */
#pragma once

#include "base/buf.h"
#include "model/shape.h"

/* The members of a structure as elements, without an element around them. */
void xml_write_members(const struct shape *structure, const void *value, bool ec2, struct buf *out);

/* <name>text</name>, escaped; what XML cannot carry (control characters, bytes that are not UTF-8) becomes U+FFFD. */
void xml_write_text(const char *name, struct str text, struct buf *out);

void xml_open(const char *name, struct buf *out);
void xml_close(const char *name, struct buf *out);
