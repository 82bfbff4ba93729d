/* net.ipv4.ip_forward of the machine, which all its installations share: on as long as one of them needs it, and off
 * again after the last, if it was one of them that switched it on. Who needs it stands in /run/berth/forwarding, a file
 * each; one asks or lets go at a time, machine-wide. */
#pragma once

#include "base/fail.h"

/* That instance needs forwarding; asking again is cheap. */
checked bool forwarding_need(const char *instance, struct fail *f);
/* It needs none (any more). */
checked bool forwarding_release(const char *instance, struct fail *f);
