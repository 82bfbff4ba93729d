/* The cluster query language: which container instances an expression means (developer guide, "Create expressions to
 * define container instances for Amazon ECS tasks").
 *
 *     expression = and-expression { ("or" | "||") and-expression }
 *     and-expression = negation { ("and" | "&&") negation }
 *     negation = ("not" | "!") negation | "(" expression ")" | subject operator [argument | list]
 *     list = "[" argument { "," argument } "]"
 *
 * An argument is a word or stands in single or double quotes; that of =~ and !~ is a regular expression of Java, which
 * has to match the whole value and may have parentheses and brackets of its own as long as they pair.
 *
 * An attribute that an instance does not have equals nothing: == and in are false of it, != and !in are true. */
#pragma once

#include "base/arena.h"
#include "base/fail.h"
#include "model/gen/ecs.h"

enum {
    CLUSTER_QUERY_LEN_MAX = 2000, /* API reference, "PlacementConstraint": expression */
    CLUSTER_QUERY_DEPTH_MAX = 32,
    CLUSTER_QUERY_TESTS_MAX = 200,
};

struct cluster_query;

/* What is asked of an instance. */
struct cluster_query_instance {
    bool agent_connected;
    struct str agent_version, ec2_instance_id;
    int64_t registered_at_ms;
    int64_t running_tasks_count;
    const struct ecs_attributes *attributes; /* in the order of their names, each once */
    const struct str *groups;                /* of its tasks */
    size_t group_count;
};

/* Fails with InvalidParameterException. All that the query holds stands in the arena; it keeps pointers into the text.
 */
checked bool cluster_query_parse(struct str text, struct arena *arena, const struct cluster_query **ret_query,
                                 struct fail *f);
bool cluster_query_matches(const struct cluster_query *query, const struct cluster_query_instance *instance);

/* The value of the attribute ("" when it has none), or absent. */
struct str cluster_query_attribute(const struct ecs_attributes *attributes, struct str name);
