/* Where codecs must say no, and what errors look like. What they must understand: golden_test.c, botocore_test.py. */
#include "model/gen/cloudwatch.h"
#include "model/gen/ec2.h"
#include "model/gen/ecr.h"
#include "model/gen/ecs.h"
#include "model/gen/efs.h"
#include "model/gen/eks.h"
#include "model/gen/elbv2.h"
#include "model/gen/iam.h"
#include "model/gen/logs.h"
#include "model/gen/ssm.h"
#include "model/gen/sts.h"
#include "model/interpret.h"
#include "model/services.h"
#include "model/value_random.h"
#include "wire/cbor.h"
#include "wire/decode.h"
#include "wire/http_text.h"
#include "wire/json.h"
#include "wire/rest.h"
#include "wire/service_rules.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* A request by parts, routed and decoded. */
struct exchange {
    struct arena arena;
    struct http_header headers[4];
    struct wire_request request;
    struct wire_call call;
    struct fail f;
    void *input;
};

static void start(struct exchange *exchange, const char *method, const char *target)
{
    struct str query;

    *exchange = (struct exchange){.request = {.method = str_of(method)}};
    arena_init(&exchange->arena, ARENA_LIMIT_DEFAULT);
    exchange->request.path = str_cut(str_of(target), '?', &query);
    exchange->request.query = query;
    exchange->request.headers = exchange->headers;
}

static void add_header(struct exchange *exchange, const char *name, const char *value)
{
    exchange->headers[exchange->request.header_count++] = (struct http_header){str_of(name), str_of(value)};
}

static bool decode(struct exchange *exchange, const char *signing_name, struct str body)
{
    exchange->request.body = body;
    if (!wire_route(services, SERVICES_ANSWERED, &exchange->request, str_of(signing_name), &exchange->arena,
                    &exchange->call, &exchange->f))
        return false;
    exchange->input = arena_alloc(&exchange->arena, operation_input(exchange->call.operation)->size);
    return wire_decode(&exchange->call, &exchange->request, exchange->input, &exchange->arena, &exchange->f);
}

static bool decode_json(struct exchange *exchange, const char *target, struct str body)
{
    start(exchange, "POST", "/");
    add_header(exchange, "X-Amz-Target", target);
    return decode(exchange, NULL, body);
}

static bool decode_form(struct exchange *exchange, const char *signing_name, const char *body)
{
    start(exchange, "POST", "/");
    return decode(exchange, signing_name, str_of(body));
}

/* The error as it would go out: "status body". */
static struct str error_text(struct exchange *exchange)
{
    struct wire_reply reply;
    struct str text;

    wire_encode_error(&exchange->call, &exchange->f, STR("id"), &exchange->arena, &reply);
    text = arena_printf(&exchange->arena, "%d %.*s", reply.status, STR_ARG(buf_str(&reply.body)));
    buf_free(&reply.body);
    return text;
}

static const char run_task[] = "AmazonEC2ContainerServiceV20141113.RunTask";

static void json_of_the_wrong_kind_is_refused(void **state)
{
    static const struct {
        const char *body;
        const char *message;
    } rows[] = {
        {"{\"taskDefinition\":5}", "NUMBER_VALUE can not be converted to a String"},
        {"{\"taskDefinition\":true}", "TRUE_VALUE can not be converted to a String"},
        {"{\"taskDefinition\":{}}", "Start of structure or map found where not expected."},
        {"{\"taskDefinition\":[\"x\"]}", "Start of list found where not expected"},
        {"{\"count\":\"1\"}", "STRING_VALUE can not be converted to an Integer"},
        {"{\"count\":1.5}", "NUMBER_VALUE can not be converted to an Integer"},
        {"{\"count\":2147483648}", "NUMBER_VALUE can not be converted to an Integer"},
        {"{\"count\":-2147483649}", "NUMBER_VALUE can not be converted to an Integer"},
        {"{\"count\":1e300}", "NUMBER_VALUE can not be converted to an Integer"},
        {"{\"enableExecuteCommand\":\"true\"}", "STRING_VALUE can not be converted to a Boolean"},
        {"{\"launchType\":1}", "NUMBER_VALUE can not be converted to a String"},
        {"{\"tags\":{}}", "Start of structure or map found where not expected."},
        {"{\"tags\":\"x\"}", "Expected list or null"},
        {"{\"overrides\":\"x\"}", "Expected structure or null"},
        {"{\"tags\":[[]]}", "Start of list found where not expected"},
        {"[]", "Start of list found where not expected"},
        {"{\"taskDefinition\":\"a\\u0000b\"}", NULL},
        {"{\"taskDefinition\":\"\xff\"}", NULL},
        {"{\"taskDefinition\":\"a\"", NULL},
        {"{\"taskDefinition\":\"a\"}{}", NULL},
        {"{\"count\":99999999999999999999}", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct exchange exchange;

        if (decode_json(&exchange, run_task, str_of(rows[i].body)))
            fail_msg("accepted: %s", rows[i].body);
        assert_string_equal(exchange.f.type, "MalformedInput");
        if (rows[i].message != NULL)
            assert_string_equal(exchange.f.message, rows[i].message);
        assert_true(
            str_starts(error_text(&exchange), STR("400 {\"__type\":\"SerializationException\",\"message\":\"")));
        arena_free(&exchange.arena);
    }
}

static void json_is_read_as_aws_reads_it(void **state)
{
    static const struct {
        const char *body;
        const char *input;
    } rows[] = {
        {"{\"taskDefinition\":\"a\",\"count\":null,\"tags\":null,\"unknown\":{\"x\":[1]}}",
         "{\"taskDefinition\": \"a\"}"},
        {"{\"taskDefinition\":\"a\",\"count\":1e1}", "{\"count\": 10, \"taskDefinition\": \"a\"}"},
        {"{\"taskDefinition\":\"a\",\"count\":3.0}", "{\"count\": 3, \"taskDefinition\": \"a\"}"},
        {"{\"taskDefinition\":\"a\",\"tags\":[]}", "{\"tags\": [], \"taskDefinition\": \"a\"}"},
        {"{\"taskDefinition\":\"a\",\"tags\":[null,{\"key\":\"k\"}]}",
         "{\"tags\": [{\"key\": \"k\"}], \"taskDefinition\": \"a\"}"},
        {"{\"taskDefinition\":\"\\ud83d\\ude80\",\"cluster\":\"\"}",
         "{\"cluster\": \"\", \"taskDefinition\": \"\xf0\x9f\x9a\x80\"}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct exchange exchange;
        auto_buf dump = {0};

        if (!decode_json(&exchange, run_task, str_of(rows[i].body)))
            fail_msg("%s: %s", rows[i].body, exchange.f.message);
        value_dump(operation_input(exchange.call.operation), exchange.input, &dump);
        buf_add_char(&dump, '\0');
        assert_string_equal(dump.ptr, rows[i].input);
        arena_free(&exchange.arena);
    }
}

static void constraints_fail_with_the_error_of_the_service(void **state)
{
    static const struct {
        const char *target; /* or NULL: a form */
        const char *body;
        const char *error;
    } rows[] = {
        {"AmazonEC2ContainerServiceV20141113.RunTask", "{\"taskDefinition\":\"a\",\"launchType\":\"MOON\"}",
         "400 {\"__type\":\"InvalidParameterException\",\"message\":\"1 validation error detected: Value 'MOON' at "
         "'launchType' failed to satisfy constraint: Member must satisfy enum value set: ["},
        {"AmazonEC2ContainerServiceV20141113.RunTask", "{}",
         "400 {\"__type\":\"InvalidParameterException\",\"message\":\"1 validation error detected: Value null at "
         "'taskDefinition' failed to satisfy constraint: Member must not be null\"}"},
        {"secretsmanager.DescribeSecret", "{}",
         "400 {\"__type\":\"ValidationException\",\"message\":\"1 validation error detected: "},
        {"AmazonEC2ContainerRegistry_V20150921.CreateRepository", "{\"repositoryName\":\"a\"}",
         "400 {\"__type\":\"InvalidParameterException\",\"message\":\"Invalid parameter at 'repositoryName' failed to "
         "satisfy constraint: 'must have length greater than or equal to 2'\"}"},
        {"AmazonEC2ContainerRegistry_V20150921.CreateRepository", "{\"repositoryName\":\"An Image\"}",
         "400 {\"__type\":\"InvalidParameterException\",\"message\":\"Invalid parameter at 'repositoryName' failed to "
         "satisfy constraint: 'must satisfy regular expression '"},
        {"Route53AutoNaming_v20170314.GetService", "{}", "400 {\"__type\":\"InvalidInput\",\"Message\":\"1 validation"},
        {NULL, "Action=AssumeRole&Version=2011-06-15&RoleArn=arn:aws:iam::1:role/r",
         "400 <ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type><Code>"
         "ValidationError</Code><Message>"},
        {NULL, "Action=AuthorizeSecurityGroupIngress&Version=2016-11-15&FromPort=x",
         "400 <?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>InvalidParameterValue</Code>"
         "<Message>'x' can not be converted to an Integer</Message></Error></Errors><RequestID>id</RequestID>"
         "</Response>"},
        {NULL, "Action=AttachInternetGateway&Version=2016-11-15&VpcId=vpc-1",
         "400 <?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>MissingParameter</Code>"
         "<Message>The request must contain the parameter internetGatewayId</Message>"},
        {NULL, "Action=DescribeVpcs&Version=2016-11-15&MaxResults=4",
         "400 <?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>InvalidParameterValue</Code>"
         "<Message>Value ( 4 ) for parameter maxResults is invalid. Expecting a value greater than 5.</Message>"},
        {NULL, "Action=CreateVpc&Version=2016-11-15&InstanceTenancy=half",
         "400 <?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>InvalidParameterValue</Code>"
         "<Message>Value (half) for parameter instanceTenancy is invalid.</Message>"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct exchange exchange;
        struct str error;

        if (rows[i].target == NULL ? decode_form(&exchange, NULL, rows[i].body)
                                   : decode_json(&exchange, rows[i].target, str_of(rows[i].body)))
            fail_msg("accepted: %s", rows[i].body);
        error = error_text(&exchange);
        if (!str_starts(error, str_of(rows[i].error)))
            fail_msg("%s", error.ptr);
        arena_free(&exchange.arena);
    }
}

/* The second list is shorter than the first: it must not be read behind it. */
static void of_a_member_given_twice_the_last_counts(void **state)
{
    static const char cbor[] = "\xa2"
                               "\x6aMetricData\x83\xa0\xa0\xa0"
                               "\x6aMetricData\x81\xa0";
    static const char json[] = "{\"MetricData\":[{},{},{}],\"MetricData\":[{}]}";
    struct cloudwatch_put_metric_data_input from_cbor = {0};
    struct cloudwatch_put_metric_data_input from_json = {0};
    struct arena arena;
    struct fail f;
    struct decoder decoder = {.arena = &arena, .rules = service_rules_of(&cloudwatch_tables.service), .f = &f};

    (void)state;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    assert_true(wire_cbor_read(&decoder, &cloudwatch_put_metric_data_input_shape, (struct str){cbor, sizeof(cbor) - 1},
                               &from_cbor));
    assert_int_equal(from_cbor.metric_data.count, 1);
    assert_true(wire_json_read(&decoder, &cloudwatch_put_metric_data_input_shape, str_of(json), &from_json));
    assert_int_equal(from_json.metric_data.count, 1);
    arena_free(&arena);
}

static void forms_are_read_by_their_numbers(void **state)
{
    static const struct {
        const char *parameters;
        const char *input;
    } rows[] = {
        {"VpcId.10=c&VpcId.2=b&VpcId.1=a", "{\"VpcIds\": [\"a\", \"b\", \"c\"]}"},
        {"VpcId.7=b&VpcId.3=a&VpcId.x=z&Nothing.1=2", "{\"VpcIds\": [\"a\", \"b\"]}"},
        {"Filter.1.Name=n&Filter.1.Value.2=b&Filter.1.Value.1=a+%2B",
         "{\"Filters\": [{\"Name\": \"n\", \"Values\": [\"a +\", \"b\"]}]}"},
        {"Filter.2.Value.1=&Filter.1.Name=%C3%A4", "{\"Filters\": [{\"Name\": \"\xc3\xa4\"}, {\"Values\": [\"\"]}]}"},
        {"MaxResults=5&DryRun=true&DryRun=false", "{\"MaxResults\": 5, \"DryRun\": true}"},
        {"&&MaxResults=5&", "{\"MaxResults\": 5}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct exchange exchange;
        auto_buf body = {0};
        auto_buf dump = {0};

        buf_printf(&body, "Action=DescribeVpcs&Version=2016-11-15&%s%c", rows[i].parameters, '\0');
        if (!decode_form(&exchange, "ec2", body.ptr))
            fail_msg("%s: %s", rows[i].parameters, exchange.f.message);
        value_dump(operation_input(exchange.call.operation), exchange.input, &dump);
        buf_add_char(&dump, '\0');
        assert_string_equal(dump.ptr, rows[i].input);
        arena_free(&exchange.arena);
    }
}

static void malformed_forms_are_refused(void **state)
{
    static const struct {
        const char *parameters;
        const char *type;
    } rows[] = {
        {"MaxResults=%", "MalformedQueryString"},
        {"MaxResults=%zz", "MalformedQueryString"},
        {"NextToken=%00", "MalformedQueryString"},
        {"NextToken=%ff", "MalformedQueryString"},
        {"MaxResults=", "MalformedInput"},
        {"MaxResults=1.5", "MalformedInput"},
        {"MaxResults=99999999999", "MalformedInput"},
        {"DryRun=yes", "MalformedInput"},
        {"NextToken.1=x", "MalformedInput"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct exchange exchange;
        auto_buf body = {0};

        buf_printf(&body, "Action=DescribeVpcs&Version=2016-11-15&%s%c", rows[i].parameters, '\0');
        if (decode_form(&exchange, "ec2", body.ptr))
            fail_msg("accepted: %s", rows[i].parameters);
        assert_string_equal(exchange.f.type, rows[i].type);
        arena_free(&exchange.arena);
    }
}

static void what_cannot_be_routed_is_named(void **state)
{
    static const struct {
        const char *method, *path, *target, *signing_name, *body;
        const char *error;
    } rows[] = {
        {"POST", "/", "AmazonEC2ContainerServiceV20141113.Nothing", "ecs", "{}",
         "400 {\"__type\":\"UnknownOperationException\""},
        {"POST", "/", "Nowhere.RunTask", "ecs", "{}", "400 {\"__type\":\"UnknownOperationException\""},
        {"POST", "/", run_task, "ecr", "{}",
         "400 {\"__type\":\"InvalidSignatureException\",\"message\":\"Credential "
         "should be scoped to correct service: 'ecs'.\"}"},
        {"POST", "/", NULL, "ec2", "Action=Nothing&Version=2016-11-15",
         "400 <?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>InvalidAction</Code>"},
        {"POST", "/", NULL, "ec2", "Version=2016-11-15",
         "400 <?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>MissingParameter</Code>"},
        {"POST", "/", NULL, "sts", "Action=GetCallerIdentity&Version=1999-01-01",
         "400 <ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type><Code>"
         "InvalidAction</Code><Message>Could not find operation GetCallerIdentity for version 1999-01-01"},
        {"POST", "/", NULL, NULL, "", "400 <ErrorResponse><Error><Type>Sender</Type><Code>MissingAction</Code>"},
        {"GET", "/nothing", NULL, "eks", "", "404 {\"message\":"},
        {"PUT", "/clusters", NULL, "eks", "", "404 {\"message\":"},
        {"GET", "/clusters/", NULL, "ec2", "", "400 {\"__type\":\"UnknownOperationException\""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct exchange exchange;
        struct str error;

        start(&exchange, rows[i].method, rows[i].path);
        if (rows[i].target != NULL)
            add_header(&exchange, "x-amz-target", rows[i].target);
        if (decode(&exchange, rows[i].signing_name, str_of(rows[i].body)))
            fail_msg("row %zu was accepted", i);
        error = error_text(&exchange);
        if (!str_starts(error, str_of(rows[i].error)))
            fail_msg("row %zu: %s", i, error.ptr);
        arena_free(&exchange.arena);
    }
}

static void a_version_tells_services_of_one_name_apart(void **state)
{
    static const struct {
        const char *version, *service;
    } rows[] = {{"2015-12-01", "elbv2"}, {"2012-06-01", "elb"}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct exchange exchange;
        auto_buf body = {0};

        buf_printf(&body, "Action=DescribeLoadBalancers&Version=%s%c", rows[i].version, '\0');
        assert_true(decode_form(&exchange, "elasticloadbalancing", body.ptr));
        assert_string_equal(service_id(exchange.call.service), rows[i].service);
        arena_free(&exchange.arena);
    }
}

static void one_error_has_a_name_in_each_protocol(void **state)
{
    static const struct {
        const char *type;
        uint16_t status; /* its own, 0: none */
        const struct service *service;
        enum protocol_kind protocol;
        const char *text;
    } rows[] = {
        {"SignatureDoesNotMatch", 0, &ecs_tables.service, PROTOCOL_JSON,
         "400 {\"__type\":\"InvalidSignatureException\""},
        {"SignatureDoesNotMatch", 0, &eks_tables.service, PROTOCOL_REST_JSON, "403 {\"message\":\"m\"}"},
        {"SignatureDoesNotMatch", 0, &sts_tables.service, PROTOCOL_QUERY,
         "403 <ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type><Code>"
         "SignatureDoesNotMatch</Code><Message>m</Message></Error><RequestId>id</RequestId></ErrorResponse>"},
        {"SignatureDoesNotMatch", 0, &ec2_tables.service, PROTOCOL_EC2,
         "401 <?xml version=\"1.0\" "
         "encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>AuthFailure</Code><Message>AWS was "
         "not able to validate the provided access credentials</Message>"},
        {"AccessDenied", 0, &ec2_tables.service, PROTOCOL_EC2,
         "403 <?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>UnauthorizedOperation</Code>"},
        {"AccessDenied", 0, &logs_tables.service, PROTOCOL_JSON,
         "400 {\"__type\":\"AccessDeniedException\",\"message\":\"m\"}"},
        {"AccessDenied", 0, &eks_tables.service, PROTOCOL_REST_JSON, "403 "},
        {"Throttling", 0, &ssm_tables.service, PROTOCOL_JSON, "400 {\"__type\":\"ThrottlingException\""},
        {"InternalFailure", 0, &ecs_tables.service, PROTOCOL_JSON,
         "500 {\"__type\":\"ServerException\",\"message\":\"m\"}"},
        {"InternalFailure", 0, &elbv2_tables.service, PROTOCOL_QUERY,
         "500 <ErrorResponse "
         "xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\"><Error><Type>Receiver"},
        {"FileSystemNotFound", 0, &efs_tables.service, PROTOCOL_REST_JSON,
         "404 {\"ErrorCode\":\"FileSystemNotFound\",\"Message\":\"m\"}"},
        {"LoadBalancerNotFoundException", 0, &elbv2_tables.service, PROTOCOL_QUERY,
         "400 <ErrorResponse "
         "xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\"><Error><Type>Sender</Type>"
         "<Code>LoadBalancerNotFound</Code>"},
        {"SomethingNew", 418, &iam_tables.service, PROTOCOL_QUERY,
         "418 <ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error><Type>Sender</Type><Code>"
         "SomethingNew</Code>"},
        {"ResourceNotFoundException", 0, &cloudwatch_tables.service, PROTOCOL_JSON,
         "404 {\"__type\":\"ResourceNotFoundException\""},
        {"InvalidClientTokenId", 0, NULL, PROTOCOL_JSON, "400 {\"__type\":\"UnrecognizedClientException\""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct exchange exchange = {.call = {.service = rows[i].service, .protocol = rows[i].protocol}};
        struct str text;

        arena_init(&exchange.arena, ARENA_LIMIT_DEFAULT);
        assert_false(fail_status(&exchange.f, rows[i].status, rows[i].type, "m"));
        text = error_text(&exchange);
        if (!str_starts(text, str_of(rows[i].text)))
            fail_msg("row %zu: %s", i, text.ptr);
        arena_free(&exchange.arena);
    }
}

static void a_fault_of_ours_tells_nothing(void **state)
{
    struct exchange exchange = {.call = {.service = &ecr_tables.service}};

    (void)state;
    arena_init(&exchange.arena, ARENA_LIMIT_DEFAULT);
    fail_fill(&exchange.f, FAIL_SYSTEM, "open /secret: denied");
    assert_string_equal(error_text(&exchange).ptr,
                        "500 {\"__type\":\"ServerException\",\"message\":\"An internal error "
                        "occurred. The server's log tells more.\"}");
    arena_free(&exchange.arena);
}

static struct str reply_header(const struct wire_reply *reply, const char *name)
{
    const struct wire_request as_request = {.headers = reply->headers, .header_count = reply->header_count};

    return wire_header(&as_request, name);
}

static void error_headers_name_the_error(void **state)
{
    struct wire_call call = {.service = &cloudwatch_tables.service, .query_mode = true};
    struct wire_reply reply;
    struct arena arena;
    struct fail f;

    (void)state;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    assert_false(fail_api(&f, "DashboardNotFoundError", "m"));
    wire_encode_error(&call, &f, STR("id"), &arena, &reply);
    assert_true(str_is(reply_header(&reply, "x-amzn-query-error"), "ResourceNotFound;Sender"));
    assert_true(str_is(reply_header(&reply, "content-type"), "application/x-amz-json-1.0"));
    assert_true(str_is(reply_header(&reply, "x-amzn-requestid"), "id"));
    buf_free(&reply.body);
    call = (struct wire_call){.service = &eks_tables.service, .protocol = PROTOCOL_REST_JSON};
    assert_false(fail_api(&f, "ResourceNotFoundException", "m"));
    wire_encode_error(&call, &f, STR("id"), &arena, &reply);
    assert_true(str_is(reply_header(&reply, "x-amzn-errortype"), "ResourceNotFoundException"));
    buf_free(&reply.body);
    arena_free(&arena);
}

static void deep_nesting_is_refused_not_followed(void **state)
{
    struct exchange exchange;
    auto_buf body = {0};

    (void)state;
    /* EventBridge-like filters of ssm nest without end: InventoryAggregator holds a list of itself. */
    buf_add_cstr(&body, "{\"Aggregators\":[");
    for (size_t i = 0; i < 500; i++)
        buf_add_cstr(&body, "{\"Aggregators\":[");
    for (size_t i = 0; i < 500; i++)
        buf_add_cstr(&body, "]}");
    buf_add_cstr(&body, "]}");
    assert_false(decode_json(&exchange, "AmazonSSM.GetInventory", buf_str(&body)));
    assert_string_equal(exchange.f.message, "The request is nested deeper than 64 levels");
    arena_free(&exchange.arena);
}

static void a_small_body_cannot_ask_for_much_memory(void **state)
{
    struct exchange exchange;
    auto_buf body = {0};

    (void)state;
    buf_add_cstr(&body, "{\"family\":\"f\",\"containerDefinitions\":[{}");
    for (size_t i = 0; i < 300000; i++)
        buf_add_cstr(&body, ",{}");
    buf_add_cstr(&body, "]}");
    assert_false(decode_json(&exchange, "AmazonEC2ContainerServiceV20141113.RegisterTaskDefinition", buf_str(&body)));
    assert_string_equal(exchange.f.type, "RequestEntityTooLarge");
    assert_true(str_starts(error_text(&exchange), STR("413 ")));
    arena_free(&exchange.arena);
}

/* Every structure of every service, made up, written and read back. */
static void json_is_its_own_inverse(void **state)
{
    struct random random;

    (void)state;
    random_seed(&random, 1);
    for (size_t i = 0; i < SERVICES_ANSWERED; i++) {
        for (size_t at = 0; at < services[i]->shape_count; at++) {
            const struct shape *shape = &service_shapes(services[i])[at];
            struct arena arena;
            auto_buf text = {0};
            void *value;
            void *copy;
            struct fail f;

            if (shape->kind != SHAPE_STRUCTURE || shape->is_event_stream)
                continue;
            if (services[i]->protocol == PROTOCOL_REST_JSON) /* not all of it is in the body */
                continue;
            arena_init(&arena, ARENA_LIMIT_DEFAULT);
            value = arena_alloc(&arena, shape->size);
            copy = arena_alloc(&arena, shape->size);
            value_fill(shape, value, &random, /* depth= */ 6, &arena);
            wire_to_json(shape, value, &text);
            if (!wire_from_json(shape, buf_str(&text), copy, &arena, &f))
                fail_msg("%s: %s", shape_name(shape), f.message);
            if (!value_equal(shape, value, copy))
                fail_msg("%s %s: %.*s", service_id(services[i]), shape_name(shape), STR_ARG(buf_str(&text)));
            arena_free(&arena);
        }
    }
}

static void what_cannot_be_written_is_replaced(void **state)
{
    struct str odd = STR("a\xff\x01\r\xef\xbf\xbf\xed\xa0\x80<");
    struct sts_get_caller_identity_response output = {.account = odd};
    struct wire_call call = {&sts_tables.service, service_operation(&sts_tables.service, STR("GetCallerIdentity")),
                             PROTOCOL_QUERY, false, NULL};
    struct wire_reply reply;
    struct arena arena;
    auto_buf json = {0};

    (void)state;
    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    wire_encode(&call, &output, STR("id"), &arena, &reply);
    buf_add_char(&reply.body, '\0');
    assert_string_equal(
        reply.body.ptr,
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
        "<GetCallerIdentityResult><Account>a\xef\xbf\xbd\xef\xbf\xbd&#xD;\xef\xbf\xbd\xef\xbf\xbd"
        "\xef\xbf\xbd\xef\xbf\xbd&lt;</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>id"
        "</RequestId></ResponseMetadata></GetCallerIdentityResponse>");
    wire_to_json(operation_output(call.operation), &output, &json);
    buf_add_char(&json, '\0');
    assert_string_equal(json.ptr,
                        "{\"Account\":\"a\xef\xbf\xbd\\u0001\\r\xef\xbf\xbf\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                        "<\"}");
    buf_free(&reply.body);
    arena_free(&arena);
}

static void numbers_and_times_in_json(void **state)
{
    static const struct {
        int64_t when_ms;
        const char *text;
    } rows[] = {
        {0, "0"}, {1767225600000, "1767225600"}, {1767225600007, "1767225600.007"}, {-1, "-0.001"}, {-1500, "-1.500"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ecs_task task = {.created_at = rows[i].when_ms, .has_created_at = true};
        auto_buf json = {0};
        auto_buf expected = {0};

        wire_to_json(service_shape(&ecs_tables.service, STR("Task")), &task, &json);
        buf_printf(&expected, "{\"createdAt\":%s}", rows[i].text);
        assert_true(str_eq(buf_str(&json), buf_str(&expected)));
    }
}

static void a_path_fits_the_most_specific_template(void **state)
{
    static const struct {
        const char *template, *path;
        size_t fit;
    } rows[] = {
        {"/clusters", "/clusters", 2},
        {"/clusters", "/clusters/", 2},
        {"/clusters/{name}", "/clusters/a", 2},
        {"/clusters/{name}", "/clusters/", 0},
        {"/clusters/{name}", "/clusters//", 0},
        {"/clusters/{name}", "/clusters/a/b", 0},
        {"/clusters/{name}/addons", "/clusters/a/addons", 3},
        {"/tags/{arn}", "/tags/arn%3Aaws%3Aeks%2Fx", 2},
        {"/tags/{Id}/", "/tags/x", 2},
        {"/{bucket}/{key+}", "/b/a/b/c", 1},
        {"/{bucket}/{key+}", "/b", 0},
        {"/", "/", 2},
        {"/", "/a", 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(rest_match(rows[i].template, str_of(rows[i].path)), rows[i].fit);
}

/* What rest.h says of the models; when one of them learns to use more, this fails and rest.c has to follow. */
static void the_models_keep_to_what_the_codecs_know(void **state)
{
    (void)state;
    for (size_t i = 0; i < SERVICES_ANSWERED; i++) {
        for (size_t at = 0; at < services[i]->shape_count; at++) {
            const struct shape *shape = &service_shapes(services[i])[at];

            for (size_t m = 0; m < shape->member_count; m++) {
                const struct member *member = &shape_members(shape)[m];

                assert_true(member->location == LOCATION_BODY || member->location == LOCATION_URI ||
                            member->location == LOCATION_QUERY);
                assert_true(member->location == LOCATION_BODY || services[i]->protocol == PROTOCOL_REST_JSON);
                assert_false(member->payload);
                assert_false(member->flattened);
                assert_int_equal(member->timestamp_format, TIMESTAMP_DEFAULT);
            }
            assert_false(shape->flattened);
            assert_int_equal(shape->timestamp_format, TIMESTAMP_DEFAULT);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_of_the_wrong_kind_is_refused),
        cmocka_unit_test(json_is_read_as_aws_reads_it),
        cmocka_unit_test(constraints_fail_with_the_error_of_the_service),
        cmocka_unit_test(of_a_member_given_twice_the_last_counts),
        cmocka_unit_test(forms_are_read_by_their_numbers),
        cmocka_unit_test(malformed_forms_are_refused),
        cmocka_unit_test(what_cannot_be_routed_is_named),
        cmocka_unit_test(a_version_tells_services_of_one_name_apart),
        cmocka_unit_test(one_error_has_a_name_in_each_protocol),
        cmocka_unit_test(a_fault_of_ours_tells_nothing),
        cmocka_unit_test(error_headers_name_the_error),
        cmocka_unit_test(deep_nesting_is_refused_not_followed),
        cmocka_unit_test(a_small_body_cannot_ask_for_much_memory),
        cmocka_unit_test(json_is_its_own_inverse),
        cmocka_unit_test(what_cannot_be_written_is_replaced),
        cmocka_unit_test(numbers_and_times_in_json),
        cmocka_unit_test(a_path_fits_the_most_specific_template),
        cmocka_unit_test(the_models_keep_to_what_the_codecs_know),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
