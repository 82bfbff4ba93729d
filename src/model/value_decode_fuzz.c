/* Fuzz target: bytes from the store. The first byte chooses the record; what is accepted must survive another round. */
#include "base/must.h"
#include "model/gen/ec2.h"
#include "model/gen/ecs.h"
#include "model/gen/ssm.h"
#include "model/interpret.h"
#include "model/model_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_again(const struct shape *record, const void *value, struct arena *arena)
{
    auto_buf bytes = {0};
    void *again = arena_alloc(arena, record->size);
    struct fail f;
    bool accepted;

    value_encode(record, value, &bytes);
    accepted = value_decode(record, buf_str(&bytes), again, arena, &f);
    must(accepted);
    must(value_equal(record, value, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct shape *const records[] = {
        &model_test_everything_shape, &model_test_task_record_shape, &model_test_tree_shape,
        &ecs_service_shape,           &ec2_instance_shape,           &ssm_get_inventory_request_shape,
    };
    const struct shape *record;
    struct arena arena;
    struct fail f;
    void *value;

    if (size == 0)
        return 0;
    record = records[data[0] % COUNT_OF(records)];
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    value = arena_alloc(&arena, record->size);
    if (value_decode(record, (struct str){(const char *)data + 1, size - 1}, value, &arena, &f)) {
        struct arena second;

        arena_init(&second, (size_t)256 << 20);
        round_again(record, value, &second);
        arena_free(&second);
    }
    arena_free(&arena);
    return 0;
}
