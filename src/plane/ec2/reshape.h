/* Values of one shape as values of another: what both have, by the names of members. EC2 spells the same things out
 * again for requests, answers and launch templates. */
#pragma once

#include "base/arena.h"
#include "model/shape.h"

/* Fills of *to (zeroed or filled before) each member that *from has; the others stay. Texts are not copied. Enums go by
 * their names; what one of the two does not know is left out. */
void reshape(const struct shape *from_shape, const void *from, const struct shape *to_shape, void *to,
             struct arena *arena);
