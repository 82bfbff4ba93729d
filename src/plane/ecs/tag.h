/* Tags of ECS resources (developer guide, "Tagging Amazon ECS resources"): at most 50 on a resource, each key once, no
 * key or value that begins with "aws:" in any case. Lengths and characters have been checked against the model. */
#pragma once

#include "core/call.h"
#include "model/gen/ecs.h"

enum { TAGS_MAX = 50 };

/* Whether a request's tags keep the rules; fails with InvalidParameterException. */
checked bool tags_check(const struct ecs_tags *tags, struct fail *f);

/* The same, and whether the caller may tag what it is about to create under that ARN: with the account setting
 * tagResourceAuthorization on, that takes ecs:TagResource besides (AccessDeniedException). */
checked bool tags_allow(const struct call *call, struct str arn, const struct ecs_tags *tags);

/* A tag of the cluster, task or task definition with that ARN; absent when it has none, or is none of the caller's. */
struct str ecs_tag_of(const struct call *call, struct str arn, struct str key);
