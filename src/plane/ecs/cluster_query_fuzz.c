/* Any text: parsed or refused with a reason, and what is parsed gives an answer. */
#include "base/must.h"
#include "plane/ecs/cluster_query.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct ecs_attribute attributes[] = {{.name = STR("color")}, {.name = STR("zone"), .value = STR("us-east-1a")}};
    const struct ecs_attributes list = {attributes, COUNT_OF(attributes)};
    struct str group = STR("service:web");
    struct cluster_query_instance instance = {.agent_version = STR("1.105.1"),
                                              .running_tasks_count = 2,
                                              .attributes = &list,
                                              .groups = &group,
                                              .group_count = 1};
    const struct cluster_query *query;
    struct arena arena;
    struct fail f;

    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    if (cluster_query_parse((struct str){(const char *)bytes, len}, &arena, &query, &f)) {
        (void)cluster_query_matches(query, &instance);
    } else {
        must(f.code == FAIL_API);
        must(f.message[0] != '\0');
    }
    arena_free(&arena);
    return 0;
}
