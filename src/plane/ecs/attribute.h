/* Attributes of container instances (developer guide, "Amazon ECS container instance attributes"): names with values,
 * the custom ones by RegisterContainerInstance and PutAttributes, those of ECS by the agent and by us. */
#pragma once

#include "base/arena.h"
#include "base/fail.h"
#include "model/gen/ecs.h"

enum {
    ATTRIBUTES_MAX = 200,            /* of an instance, the agent's included */
    CUSTOM_ATTRIBUTES_MAX = 10,      /* service quotas: attributes per container instance */
    ATTRIBUTES_IN_A_REQUEST_MAX = 10 /* API reference, "PutAttributes" */
};

/* Names and values keep the rules of the API reference ("Attribute"); fails with InvalidParameterException. */
checked bool attribute_check(const struct ecs_attribute *attribute, struct fail *f);
/* Whether a user gave it: those of ECS begin with "ecs." or "com.amazonaws.ecs.". */
bool attribute_is_custom(struct str name);

/* A list with room for `more`, ascending by name, of which the last of each name counts. In the arena. */
struct ecs_attributes attributes_sorted(struct arena *arena, const struct ecs_attributes *attributes, size_t more);
/* Puts one into a sorted list that has room, or in the place of the one with its name. */
void attributes_put(struct ecs_attributes *attributes, const struct ecs_attribute *attribute);
void attributes_remove(struct ecs_attributes *attributes, struct str name);
/* NULL: none has that name. */
const struct ecs_attribute *attributes_find(const struct ecs_attributes *attributes, struct str name);
size_t attributes_custom_count(const struct ecs_attributes *attributes);
