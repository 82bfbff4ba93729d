/* Unit tests: what the generator wrote, and the lookups in it. */
#include "model/gen/cloudwatch.h"
#include "model/gen/ec2.h"
#include "model/gen/ecs.h"
#include "model/gen/eks.h"
#include "model/gen/elbv2.h"
#include "model/gen/logs.h"
#include "model/gen/s3.h"
#include "model/gen/sts.h"
#include "model/interpret.h"
#include "model/model_test.h"
#include "model/services.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void finds_every_operation_shape_and_member(void **state)
{
    (void)state;
    for (size_t i = 0; i < SERVICE_COUNT; i++) {
        const struct service *service = services[i];

        for (size_t j = 0; j < service->operation_count; j++) {
            const struct operation *operation = &service_operations(service)[j];

            assert_ptr_equal(service_operation(service, str_of(operation_name(operation))), operation);
            assert_ptr_equal(operation_service(operation), service);
            assert_int_equal(operation_input(operation)->kind, SHAPE_STRUCTURE);
            assert_int_equal(operation_output(operation)->kind, SHAPE_STRUCTURE);
            for (size_t k = 0; k < operation->error_count; k++)
                assert_true(operation_error(operation, k)->is_exception);
        }
        for (size_t j = 0; j < service->shape_count; j++) {
            const struct shape *shape = &service_shapes(service)[j];

            assert_ptr_equal(service_shape(service, str_of(shape_name(shape))), shape);
        }
        assert_null(service_operation(service, STR("NoSuchThing")));
        assert_null(service_shape(service, STR("")));
    }
    assert_ptr_equal(member_shape(shape_member(&ecs_run_task_request_shape, STR("taskDefinition"))), &ecs_string_shape);
    assert_null(shape_member(&ecs_run_task_request_shape, STR("taskdefinition")));
}

static void check_members(const struct shape *structure)
{
    for (size_t i = 0; i < structure->member_count; i++) {
        const struct member *member = &shape_members(structure)[i];
        size_t size = member_shape(member)->kind == SHAPE_STRUCTURE ? sizeof(void *) : member_shape(member)->size;

        assert_true(member->offset + size <= structure->size);
        assert_true(member->has_offset < structure->size);
        assert_int_equal(member->has_offset != 0, member_shape(member)->kind >= SHAPE_BOOLEAN);
        assert_ptr_equal(shape_member(structure, str_of(member_name(member))), member);
    }
}

static void members_lie_within_their_struct(void **state)
{
    (void)state;
    for (size_t i = 0; i < SERVICE_COUNT; i++)
        for (size_t j = 0; j < services[i]->shape_count; j++)
            check_members(&service_shapes(services[i])[j]);
}

static void enums_have_names_and_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < SERVICE_COUNT; i++) {
        for (size_t j = 0; j < services[i]->shape_count; j++) {
            const struct shape *shape = &service_shapes(services[i])[j];

            for (int value = 1; value <= (int)shape->enum_count; value++)
                assert_int_equal(enum_value(shape, str_of(enum_name(shape, value))), value);
        }
    }
    assert_string_equal(enum_name(&ecs_launch_type_shape, ECS_LAUNCH_TYPE_FARGATE), "FARGATE");
    assert_string_equal(enum_name(&ecs_network_mode_shape, ECS_NETWORK_MODE_NONE_), "none");
    assert_int_equal(enum_value(&ec2_instance_type_shape, STR("c5.24xlarge")), EC2_INSTANCE_TYPE_C5_24XLARGE);
    assert_null(enum_name(&ecs_launch_type_shape, 0));
    assert_null(enum_name(&ecs_launch_type_shape, -1));
    assert_null(enum_name(&ecs_launch_type_shape, (int)ecs_launch_type_shape.enum_count + 1));
    assert_int_equal(enum_value(&ecs_launch_type_shape, STR("fargate")), 0);
}

/* One fact of each kind, compared with the model by hand. */
static void facts_of_the_models_are_in_the_tables(void **state)
{
    const struct operation *run_task = &ecs_run_task_operation;
    const struct operation *delete_vpc = service_operation(&ec2_tables.service, STR("DeleteVpc"));
    const struct operation *describe = service_operation(&elbv2_tables.service, STR("DescribeLoadBalancers"));
    const struct operation *cluster = service_operation(&eks_tables.service, STR("DescribeCluster"));

    (void)state;
    assert_string_equal(operation_name(run_task), "RunTask");
    assert_ptr_equal(operation_input(run_task), &ecs_run_task_request_shape);
    assert_string_equal(service_target_prefix(&ecs_tables.service), "AmazonEC2ContainerServiceV20141113");
    assert_string_equal(service_json_version(&ecs_tables.service), "1.1");
    assert_int_equal(ecs_tables.service.protocol, PROTOCOL_JSON);
    assert_int_equal(ec2_tables.service.protocol, PROTOCOL_EC2);
    assert_string_equal(shape_name(operation_output(delete_vpc)), "Nothing");
    assert_string_equal(operation_result_wrapper(describe), "DescribeLoadBalancersResult");
    assert_string_equal(pagination_result_key(&describe->pagination), "LoadBalancers");
    assert_string_equal(operation_http_method(cluster), "GET");
    assert_string_equal(operation_uri(cluster), "/clusters/{name}");
    assert_int_equal(shape_members(operation_input(cluster))[0].location, LOCATION_URI);
    assert_int_equal(cloudwatch_tables.service.protocol, PROTOCOL_JSON);
    assert_int_equal(cloudwatch_tables.service.protocols,
                     1U << PROTOCOL_JSON | 1U << PROTOCOL_QUERY | 1U << PROTOCOL_CBOR);
    assert_true(cloudwatch_tables.service.query_compatible);
    assert_string_equal(ELBV2_ERROR_LOAD_BALANCER_NOT_FOUND_EXCEPTION, "LoadBalancerNotFound");
    assert_string_equal(ECS_ERROR_CLUSTER_NOT_FOUND_EXCEPTION, "ClusterNotFoundException");
    assert_true(ecs_server_exception_shape.is_fault);
    assert_true(service_operation(&sts_tables.service, STR("AssumeRoleWithWebIdentity"))->unsigned_allowed);
    assert_false(service_operation(&sts_tables.service, STR("AssumeRole"))->unsigned_allowed);
    assert_true(service_shape(&logs_tables.service, STR("StartLiveTailResponseStream"))->is_event_stream);
    assert_true(shape_member(&s3_get_object_output_shape, STR("Body"))->streaming);
    assert_true(shape_member(&s3_get_object_output_shape, STR("Body"))->payload);
    assert_string_equal(member_location_name(shape_member(&ec2_vpc_shape, STR("VpcId"))), "vpcId");
}

static void presence_is_told_by_the_value_or_its_mark(void **state)
{
    const struct member *count = shape_member(&ecs_run_task_request_shape, STR("count"));
    const struct member *cluster = shape_member(&ecs_run_task_request_shape, STR("cluster"));
    struct ecs_run_task_request request = {0};

    (void)state;
    assert_false(member_present(count, &request));
    assert_false(member_present(cluster, &request));
    SET(&request, count, 0);
    request.cluster = STR("");
    assert_true(member_present(count, &request));
    assert_true(member_present(cluster, &request));
    request.has_count = false;
    member_mark(count, &request);
    member_mark(cluster, &request);
    assert_true(request.has_count);
}

static void records_of_our_own_use_shapes_of_apis(void **state)
{
    struct ecs_task task = {.cluster_arn = STR("arn")};
    struct model_test_task_record record = {.task = &task};
    struct model_test_everything everything = {.default_ = true, .has_default_ = true};

    (void)state;
    assert_true(str_is(record.task->cluster_arn, "arn"));
    assert_string_equal(shape_name(member_shape(shape_member(&model_test_task_record_shape, STR("task")))), "Task");
    assert_null(service_shape(&model_test_tables.service, STR("Task")));
    assert_true(everything.default_);
    assert_int_equal(model_test_tables.service.operation_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_every_operation_shape_and_member),
        cmocka_unit_test(members_lie_within_their_struct),
        cmocka_unit_test(enums_have_names_and_values),
        cmocka_unit_test(facts_of_the_models_are_in_the_tables),
        cmocka_unit_test(presence_is_told_by_the_value_or_its_mark),
        cmocka_unit_test(records_of_our_own_use_shapes_of_apis),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
