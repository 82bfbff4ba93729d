/* How many requests a core verifies (SigV4) and decides against twenty attached policies: `./dev bench iam`. A signed
 * RunTask of a user is authenticated and authorized again and again, as api.c does it: two decisions each, one on
 * ecs:RunTask and one on iam:PassRole. Times are the process's own. */
#include "base/must.h"
#include "edge/authenticate.h"
#include "plane/ecs/testing/world.h"
#include "plane/iam/authorize.h"
#include "plane/iam/iam.h"
#include "plane/iam/managed_policy.h"
#include "plane/iam/principal_policy.h"
#include "plane/iam/user.h"

#include <time.h>

enum { POLICIES = 20, ROUNDS = 100000 };

#define ACCOUNT STR("000000000000")
#define KEY_ID  STR("AKIABENCHBENCHBENCH7")
#define SECRET  STR("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
#define BODY                                                                                                           \
    "{\"cluster\":\"default\",\"taskDefinition\":\"app:1\",\"launchType\":\"FARGATE\",\"count\":1,"                    \
    "\"networkConfiguration\":{\"awsvpcConfiguration\":{\"subnets\":[\"subnet-0123456789abcdef0\"]}}}"

/* What people's policies look like; %d makes each another. Only the last one allows RunTask. */
static const char other_policy[] =
    "{\"Version\":\"2012-10-17\",\"Statement\":["
    "{\"Effect\":\"Allow\",\"Action\":[\"s3:GetObject\",\"s3:PutObject\"],\"Resource\":\"arn:aws:s3:::bucket-%d/*\"},"
    "{\"Effect\":\"Allow\",\"Action\":[\"ec2:Describe*\",\"logs:Describe*\",\"ecr:Get*\"],\"Resource\":\"*\"},"
    "{\"Effect\":\"Deny\",\"Action\":\"ecs:*\",\"Resource\":\"arn:aws:ecs:*:*:*/secret-%d/*\"},"
    "{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\","
    "\"Condition\":{\"NotIpAddress\":{\"aws:SourceIp\":[\"10.%d.0.0/16\",\"127.0.0.0/8\"]}}}]}";
static const char last_policy[] =
    "{\"Version\":\"2012-10-17\",\"Statement\":["
    "{\"Effect\":\"Allow\",\"Action\":\"ecs:RunTask\",\"Resource\":\"arn:aws:ecs:*:*:task-definition/app:*\","
    "\"Condition\":{\"ArnLike\":{\"ecs:cluster\":\"arn:aws:ecs:*:*:cluster/def*\"},"
    "\"StringEquals\":{\"aws:username\":\"anna\"}}},"
    "{\"Effect\":\"Allow\",\"Action\":\"iam:PassRole\",\"Resource\":\"*\","
    "\"Condition\":{\"StringEquals\":{\"iam:PassedToService\":\"ecs-tasks.amazonaws.com\"}}}]}";

/* ---- what there is to decide on ---- */

static void put_policy(struct transaction *tx, int number)
{
    struct str text =
        number == POLICIES - 1 ? str_of(last_policy) : arena_printf(tx->arena, other_policy, number, number, number);
    struct str id = arena_printf(tx->arena, "ANPA%017d", number);
    struct iam_policy policy = {
        .policy_id = id, .policy_name = id, .arn = iam_arn(tx->arena, ACCOUNT, "policy", STR("/"), id)};
    struct managed_policy_record record = {.account_id = ACCOUNT, .policy = &policy};
    struct attachment_record attachment = {.account_id = ACCOUNT, .principal_id = STR("anna"), .policy_id = id};
    struct fail f;

    must(policy_read(text, POLICY_MANAGED, tx->arena, &record.document, &f));
    must(transaction_put(tx, &managed_policy_table, &record));
    must(transaction_put(tx, &attachment_table, &attachment));
}

static struct access_key_record key_record(void)
{
    return (struct access_key_record){.access_key_id = KEY_ID,
                                      .account_id = ACCOUNT,
                                      .secret = SECRET,
                                      .kind = ACCESS_KEY_KIND_USER,
                                      .owner_id = STR("anna"),
                                      .principal_arn = STR("arn:aws:iam::000000000000:user/anna"),
                                      .user_id = STR("anna")};
}

static void put_user(struct transaction *tx, void *context)
{
    struct iam_user user = {
        .user_id = STR("anna"), .user_name = STR("anna"), .arn = STR("arn:aws:iam::000000000000:user/anna")};
    struct user_record record = {.account_id = ACCOUNT, .user = &user};
    struct access_key_record key = key_record();

    (void)context;
    must(transaction_put(tx, &user_table, &record));
    must(transaction_put(tx, &access_key_table, &key));
    for (int i = 0; i < POLICIES; i++)
        put_policy(tx, i);
}

/* ---- a request, again and again ---- */

struct bench {
    struct world *world;
    struct authenticator authenticator;
    struct clock_virtual clock;
    struct wire_request request;
    struct http_header headers[5];
    struct arena arena; /* of one round */
};

static void sign(struct bench *bench)
{
    static const struct sigv4_signer signer = {.access_key = STR_INIT("AKIABENCHBENCHBENCH7"),
                                               .secret = STR_INIT("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
                                               .region = STR_INIT("us-east-1"),
                                               .service = STR_INIT("ecs")};
    struct fail f;
    struct str authorization;

    bench->headers[0] = (struct http_header){STR("Host"), STR("127.0.0.1:4566")};
    bench->headers[1] = (struct http_header){STR("X-Amz-Date"), STR("20270115T080000Z")};
    bench->headers[2] = (struct http_header){STR("X-Amz-Target"), STR("AmazonEC2ContainerServiceV20141113.RunTask")};
    bench->headers[3] = (struct http_header){STR("Content-Type"), STR("application/x-amz-json-1.1")};
    bench->request = (struct wire_request){
        .method = STR("POST"), .path = STR("/"), .headers = bench->headers, .header_count = 4, .body = STR(BODY)};
    must(sigv4_sign(&bench->request, &signer, &bench->world->arena, &authorization, &f));
    bench->headers[bench->request.header_count++] = (struct http_header){STR("Authorization"), authorization};
}

static struct caller verify(struct bench *bench)
{
    struct sigv4_claim claim;
    struct caller caller;
    struct fail f;
    bool present;

    must(sigv4_parse(&bench->request, &bench->arena, &present, &claim, &f));
    must(present);
    must(authenticate(&bench->authenticator, &bench->request, &claim, &bench->arena, &caller, &f));
    return caller;
}

static const struct operation_spec *run_task(void)
{
    for (size_t i = 0; i < ecs_handler_count; i++)
        if (ecs_handlers[i].operation == &ecs_run_task_operation)
            return &ecs_handlers[i];
    must_not_happen("RunTask is one of our operations");
}

static void decide(struct bench *bench, const struct principal *principal)
{
    static const struct ecs_run_task_request in = {.cluster = STR_INIT("default"),
                                                   .task_definition = STR_INIT("app:1")};
    struct transaction tx = core_view(bench->world->core, &bench->arena, bench->world->now_ms);
    struct fail f;
    struct call call = {.tx = &tx,
                        .arena = &bench->arena,
                        .fail = &f,
                        .operation = &ecs_run_task_operation,
                        .principal = principal,
                        .settings = &bench->world->settings,
                        .region = STR("us-east-1"),
                        .source_ip = STR("127.0.0.1")};

    must(iam_authorize(&call, run_task(), &in));
}

/* ---- measuring ---- */

static double cpu_seconds(void)
{
    struct timespec now;

    must(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) == 0);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void measure(struct bench *bench, const char *what, bool verifies, bool decides)
{
    struct caller caller = {.principal = {.kind = PRINCIPAL_USER,
                                          .account = ACCOUNT,
                                          .access_key = KEY_ID,
                                          .arn = STR("arn:aws:iam::000000000000:user/anna"),
                                          .user_id = STR("anna")}};
    double before = cpu_seconds();

    for (int i = 0; i < ROUNDS; i++) {
        struct caller verified = verifies ? verify(bench) : caller;

        if (decides)
            decide(bench, &verified.principal);
        arena_reset(&bench->arena);
    }
    before = cpu_seconds() - before;
    (void)printf("%-24s %8.0f requests a second, %5.2f us each\n", what, ROUNDS / before, before * 1e6 / ROUNDS);
}

int main(void)
{
    struct bench bench = {.world = world_new()};
    struct access_key_record key = key_record();
    struct change change = {.table = &access_key_table, .key = KEY_ID, .after = &key};

    arena_init(&bench.arena, 1 << 20);
    world_change(bench.world, put_user, NULL);
    bench.authenticator = (struct authenticator){.keys = keys_new(),
                                                 .settings = &bench.world->settings,
                                                 .clock = clock_virtual(&bench.clock, bench.world->now_ms),
                                                 .wall_clock = clock_virtual(&bench.clock, bench.world->now_ms)};
    keys_changed(bench.authenticator.keys, &change);
    sign(&bench);
    measure(&bench, "signature", /* verifies= */ true, /* decides= */ false);
    measure(&bench, "two decisions", /* verifies= */ false, /* decides= */ true);
    measure(&bench, "signature, two decisions", /* verifies= */ true, /* decides= */ true);
    keys_free(bench.authenticator.keys);
    arena_free(&bench.arena);
    world_free(bench.world);
    return EXIT_SUCCESS;
}
