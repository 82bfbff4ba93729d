/* What a host tells of an EC2 instance, and what becomes of it. Here and not beside the instances, for the world. */
#include "plane/ec2/instance.h"

#include "base/must.h"
#include "plane/ec2/host.h"
#include "plane/ec2/machine_image.h"
#include "plane/ec2/operations.h"
#include "plane/ecs/testing/world.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define HOST "h"

#define PENDING       EC2_INSTANCE_STATE_NAME_PENDING
#define RUNNING       EC2_INSTANCE_STATE_NAME_RUNNING
#define STOPPING      EC2_INSTANCE_STATE_NAME_STOPPING
#define STOPPED       EC2_INSTANCE_STATE_NAME_STOPPED
#define SHUTTING_DOWN EC2_INSTANCE_STATE_NAME_SHUTTING_DOWN
#define TERMINATED    EC2_INSTANCE_STATE_NAME_TERMINATED

enum { STATES_MAX = 8 };

struct bed {
    struct world *world;
    struct str id;
    enum ec2_instance_state_name seen[STATES_MAX + 1]; /* by those who watch; NONE ends them */
    size_t seen_count;
};

static void changed(void *context, const struct change *change)
{
    struct bed *bed = context;
    enum ec2_instance_state_name state;

    if (change->table != &instance_table || change->after == NULL)
        return;
    state = instance_state(change->after);
    if (bed->seen_count > 0 && bed->seen[bed->seen_count - 1] == state)
        return;
    must(bed->seen_count < STATES_MAX);
    bed->seen[bed->seen_count++] = state;
}

/* The only one. */
static const struct instance_record *instance(const struct bed *bed)
{
    struct walk walk = transaction_walk(&bed->world->view, &instance_table, NULL, STR(""));
    const struct instance_record *record = walk_next(&walk);

    must(record != NULL);
    return record;
}

/* One that is placed on the host. */
static void begin(struct bed *bed, enum ec2_shutdown_behavior behavior)
{
    struct ec2_run_instances_request in = {.instance_type = EC2_INSTANCE_TYPE_T3_MICRO,
                                           .instance_initiated_shutdown_behavior = behavior};
    struct ec2_reservation out;
    size_t count;

    *bed = (struct bed){.world = world_new()};
    bed->world->changed = changed;
    bed->world->changed_context = bed;
    in.image_id = str_of(machine_images(&count)[0].id);
    SET(&in, min_count, 1);
    SET(&in, max_count, 1);
    world_host_connect(bed->world, HOST, 4096, 16384);
    must(world_call(bed->world, &ec2_run_instances_operation, &in, &out));
    bed->id = arena_str(&bed->world->arena, instance(bed)->instance->instance_id);
    must(instance_state(instance(bed)) == PENDING);
    must(instance(bed)->promised);
}

static void report(struct bed *bed, enum host_instance_status status, int64_t launch_number)
{
    struct host_instance_report report = {.instance_id = bed->id, .status = status};

    SET(&report, launch_number, launch_number);
    world_report_instance(bed->world, HOST, &report);
}

static void stop_and_start(struct bed *bed)
{
    const struct ec2_stop_instances_request stop = {.instance_ids = {&bed->id, 1}};
    const struct ec2_start_instances_request start = {.instance_ids = {&bed->id, 1}};
    struct ec2_stop_instances_result stopped;
    struct ec2_start_instances_result started;

    report(bed, HOST_INSTANCE_STATUS_RUNNING, 1);
    must(world_call(bed->world, &ec2_stop_instances_operation, &stop, &stopped));
    report(bed, HOST_INSTANCE_STATUS_STOPPED, 1);
    must(world_call(bed->world, &ec2_start_instances_operation, &start, &started));
    must(instance_state(instance(bed)) == PENDING);
}

/* ---- the first word of a launch ---- */

#define STOPS EC2_SHUTDOWN_BEHAVIOR_STOP
#define ENDS  EC2_SHUTDOWN_BEHAVIOR_TERMINATE

static const struct {
    const char *name;
    enum ec2_shutdown_behavior behavior;
    enum host_instance_status status;
    int64_t launch_number;
    enum ec2_instance_state_name seen[STATES_MAX + 1];
} first_words[] = {
    {"under way", STOPS, HOST_INSTANCE_STATUS_PENDING, 1, {PENDING}},
    {"runs", STOPS, HOST_INSTANCE_STATUS_RUNNING, 1, {PENDING, RUNNING}},
    {"failed", STOPS, HOST_INSTANCE_STATUS_FAILED, 1, {PENDING, SHUTTING_DOWN}},
    {"not begun", STOPS, HOST_INSTANCE_STATUS_STOPPED, 0, {PENDING}},
    {"has run and ended", STOPS, HOST_INSTANCE_STATUS_STOPPED, 1, {PENDING, RUNNING, STOPPING, STOPPED}},
    {"has run and ended for good", ENDS, HOST_INSTANCE_STATUS_STOPPED, 1, {PENDING, RUNNING, SHUTTING_DOWN}},
};

static void the_first_word_of_a_launch_may_be_its_last(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(first_words); i++) {
        struct bed bed;

        begin(&bed, first_words[i].behavior);
        report(&bed, first_words[i].status, first_words[i].launch_number);
        if (memcmp(bed.seen, first_words[i].seen, sizeof(bed.seen)) != 0)
            fail_msg("one that %s ends as %d", first_words[i].name, (int)instance_state(instance(&bed)));
        assert_int_equal(instance(&bed)->promised, instance_state(instance(&bed)) != STOPPED);
        world_free(bed.world);
    }
}

/* ---- a host that comes back without it ---- */

static void one_that_never_ran_is_not_missed(void **state)
{
    struct bed bed;

    (void)state;
    begin(&bed, STOPS);
    report(&bed, HOST_INSTANCE_STATUS_PENDING, 1);
    world_report_nothing(bed.world, HOST);
    assert_int_equal(instance_state(instance(&bed)), PENDING);
    report(&bed, HOST_INSTANCE_STATUS_RUNNING, 1);
    assert_int_equal(instance_state(instance(&bed)), RUNNING);
    world_report_nothing(bed.world, HOST);
    assert_int_equal(instance_state(instance(&bed)), TERMINATED);
    world_free(bed.world);
}

static void one_that_had_a_disk_is_missed_when_it_is_started(void **state)
{
    struct bed bed;

    (void)state;
    begin(&bed, STOPS);
    stop_and_start(&bed);
    world_report_nothing(bed.world, HOST);
    assert_int_equal(instance_state(instance(&bed)), TERMINATED);
    world_free(bed.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_word_of_a_launch_may_be_its_last),
        cmocka_unit_test(one_that_never_ran_is_not_missed),
        cmocka_unit_test(one_that_had_a_disk_is_missed_when_it_is_started),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
