/* Decisions, each with the page of the IAM user guide that its rule comes from. Included where CASE and its words are
 * defined (policy_decide_test.c): CASE(page, expected, question and policies) asks whether anna, a user, may
 * ecs:RunTask on cluster/blue unless the row says otherwise; COND(page, holds, condition, keys) whether a statement
 * with that condition applies to a request with those keys ("key=value|value;key=value"). */

/* ---- Policy evaluation logic: one account ---- */
CASE(LOGIC, NO_IDENTITY)
CASE(LOGIC, ALLOWED, .identity = {DOC(ALLOW("*", "*"))})
CASE(LOGIC, ALLOWED, .identity = {DOC(ALLOW("ecs:RunTask", BLUE))})
CASE(LOGIC, NO_IDENTITY, .identity = {DOC(ALLOW("ecs:StopTask", "*"))})
CASE(LOGIC, NO_IDENTITY, .identity = {DOC(ALLOW("*", GREEN))})
CASE(LOGIC, DENIED_IDENTITY, .identity = {DOC(ALLOW("*", "*") "," DENY("*", "*"))})
CASE(LOGIC, DENIED_IDENTITY, .identity = {DOC(DENY("ecs:*", "*") "," ALLOW("*", "*"))})
CASE(LOGIC, DENIED_IDENTITY, .identity = {DOC(ALLOW("*", "*")), DOC(DENY("ecs:RunTask", BLUE))})
CASE(LOGIC, ALLOWED, .identity = {DOC(ALLOW("*", "*")), DOC(DENY("ecs:RunTask", GREEN))})
CASE(LOGIC, ALLOWED, .identity = {DOC(DENY("ecs:StopTask", "*")), DOC(ALLOW("ecs:*", "*"))})
CASE(LOGIC, ALLOWED, .identity = {DOC(ALLOW("s3:*", "*")), DOC(ALLOW("ec2:*", "*")), DOC(ALLOW("ecs:*", "*"))})
CASE(LOGIC, ALLOWED, .who = ROOT)
CASE(LOGIC, ALLOWED, .who = ROOT, .resource_policy = DOC(ALLOW_TO("*", AWS(ANNA))))
CASE(LOGIC, DENIED_RESOURCE, .who = ROOT, .resource_policy = DOC(DENY_TO("*", "'*'")))
CASE(LOGIC, DENIED_RESOURCE, .who = ROOT, .resource_policy = DOC(DENY_TO("*", AWS(HOME))))
CASE(LOGIC, ALLOWED, .who = SESSION, .identity = {DOC(ALLOW("ecs:RunTask", "*"))})
CASE(LOGIC, NO_IDENTITY, .who = SESSION)
CASE(LOGIC, ALLOWED, .resource_policy = DOC(ALLOW_TO("ecs:*", AWS(ANNA))))
CASE(LOGIC, NO_IDENTITY, .resource_policy = DOC(ALLOW_TO("ecs:*", AWS(BERT))))
CASE(LOGIC, NO_IDENTITY, .resource_policy = DOC(ALLOW_TO("s3:*", AWS(ANNA))))
CASE(LOGIC, ALLOWED, .resource_policy = DOC(ALLOW_TO("ecs:*", "'*'")))
CASE(LOGIC, ALLOWED, .resource_policy = DOC(ALLOW_TO("ecs:*", AWS("*"))))
CASE(LOGIC, ALLOWED, .identity = {DOC(ALLOW("*", "*"))}, .resource_policy = DOC(ALLOW_TO("*", AWS(BERT))))
CASE(LOGIC, DENIED_RESOURCE, .identity = {DOC(ALLOW("*", "*"))}, .resource_policy = DOC(DENY_TO("*", AWS(ANNA))))
CASE(LOGIC, ALLOWED, .identity = {DOC(ALLOW("*", "*"))}, .resource_policy = DOC(DENY_TO("*", AWS(BERT))))
CASE(LOGIC, DENIED_RESOURCE, .identity = {DOC(ALLOW("*", "*"))}, .resource_policy = DOC(DENY_TO("*", AWS(HOME))))
CASE(LOGIC, DENIED_IDENTITY, .identity = {DOC(DENY("*", "*"))}, .resource_policy = DOC(ALLOW_TO("*", AWS(ANNA))))
CASE(LOGIC, DENIED_RESOURCE, .resource_policy = DOC(ALLOW_TO("*", AWS(ANNA)) "," DENY_TO("ecs:RunTask", AWS(ANNA))))

/* An account as principal leaves it to the account's policies. */
CASE(PRINCIPAL, NO_IDENTITY, .resource_policy = DOC(ALLOW_TO("*", AWS(HOME))))
CASE(PRINCIPAL, NO_IDENTITY, .resource_policy = DOC(ALLOW_TO("*", AWS(HOME_ROOT))))
CASE(PRINCIPAL, ALLOWED, .identity = {DOC(ALLOW("*", "*"))}, .resource_policy = DOC(ALLOW_TO("*", AWS(HOME_ROOT))))
CASE(PRINCIPAL, NO_IDENTITY, .who = SESSION, .resource_policy = DOC(ALLOW_TO("*", AWS(HOME))))

/* Ids stand for whoever has them, as their ARNs do. */
CASE(PRINCIPAL, ALLOWED, .resource_policy = DOC(ALLOW_TO("*", AWS(ANNA_ID))))
CASE(PRINCIPAL, NO_IDENTITY, .resource_policy = DOC(ALLOW_TO("*", AWS(ROLE_ID))))
CASE(PRINCIPAL, DENIED_RESOURCE, .identity = {DOC(ALLOW("*", "*"))}, .resource_policy = DOC(DENY_TO("*", AWS(ANNA_ID))))
CASE(PRINCIPAL, ALLOWED, .who = SESSION, .resource_policy = DOC(ALLOW_TO("*", AWS(ROLE_ID))))
CASE(PRINCIPAL, NO_SESSION, .who = SESSION, .resource_policy = DOC(ALLOW_TO("*", AWS(ROLE_ID))),
     .session = DOC(ALLOW("s3:*", "*")))
CASE(PRINCIPAL, NO_SESSION, .who = FEDERATED, .resource_policy = DOC(ALLOW_TO("*", AWS(ANNA_ID))),
     .session = DOC(ALLOW("s3:*", "*")))
CASE(NOT_PRINCIPAL, ALLOWED, .identity = {DOC(ALLOW("*", "*"))},
     .resource_policy = DOC(DENY_TO_NOT("*", "{'AWS':['" ANNA_ID "','" HOME "']}")))
CASE(NOT_PRINCIPAL, DENIED_RESOURCE, .identity = {DOC(ALLOW("*", "*"))},
     .resource_policy = DOC(DENY_TO_NOT("*", "{'AWS':['" ROLE_ID "','" HOME "']}")))
CASE(NOT_PRINCIPAL, DENIED_RESOURCE, .who = SESSION, .identity = {DOC(ALLOW("*", "*"))},
     .resource_policy = DOC(DENY_TO_NOT("*", "{'AWS':['" ROLE_ID "','" HOME "']}")))
CASE(NOT_PRINCIPAL, ALLOWED, .who = SESSION, .identity = {DOC(ALLOW("*", "*"))},
     .resource_policy = DOC(DENY_TO_NOT("*", "{'AWS':['" ROLE_ID "','" SESSION_ARN "','" HOME "']}")))

/* What names a user or a session directly is not limited by what the others lack. */
CASE(LOGIC, ALLOWED, .boundary = DOC(ALLOW("s3:*", "*")), .resource_policy = DOC(ALLOW_TO("*", AWS(ANNA))))
CASE(LOGIC, DENIED_BOUNDARY, .boundary = DOC(DENY("*", "*")), .resource_policy = DOC(ALLOW_TO("*", AWS(ANNA))))
CASE(LOGIC, ALLOWED, .who = SESSION, .resource_policy = DOC(ALLOW_TO("*", AWS(SESSION_ARN))))
CASE(LOGIC, ALLOWED, .who = SESSION, .boundary = DOC(ALLOW("s3:*", "*")),
     .resource_policy = DOC(ALLOW_TO("*", AWS(SESSION_ARN))))
CASE(LOGIC, ALLOWED, .who = SESSION, .session = DOC(ALLOW("s3:*", "*")),
     .resource_policy = DOC(ALLOW_TO("*", AWS(SESSION_ARN))))
CASE(LOGIC, DENIED_SESSION, .who = SESSION, .session = DOC(DENY("ecs:*", "*")),
     .resource_policy = DOC(ALLOW_TO("*", AWS(SESSION_ARN))))
CASE(LOGIC, NO_IDENTITY, .who = SESSION, .resource_policy = DOC(ALLOW_TO("*", AWS(OTHER_SESSION_ARN))))
CASE(LOGIC, ALLOWED, .who = SESSION, .resource_policy = DOC(ALLOW_TO("*", AWS(ROLE))))
CASE(LOGIC, NO_BOUNDARY, .who = SESSION, .boundary = DOC(ALLOW("s3:*", "*")),
     .resource_policy = DOC(ALLOW_TO("*", AWS(ROLE))))
CASE(LOGIC, ALLOWED, .who = SESSION, .boundary = DOC(ALLOW("ecs:*", "*")),
     .resource_policy = DOC(ALLOW_TO("*", AWS(ROLE))))
CASE(LOGIC, NO_SESSION, .who = SESSION, .session = DOC(ALLOW("s3:*", "*")),
     .resource_policy = DOC(ALLOW_TO("*", AWS(ROLE))))
CASE(LOGIC, ALLOWED, .who = SESSION, .session = DOC(ALLOW("ecs:RunTask", BLUE)),
     .resource_policy = DOC(ALLOW_TO("*", AWS(ROLE))))
CASE(LOGIC, NO_IDENTITY, .who = SESSION, .resource_policy = DOC(ALLOW_TO("*", AWS(OTHER_ROLE))))
/* Principal "*" reaches the session itself, so boundary and session policy do not limit it. */
CASE(LOGIC, ALLOWED, .who = SESSION, .boundary = DOC(ALLOW("s3:*", "*")), .session = DOC(ALLOW("s3:*", "*")),
     .resource_policy = DOC(ALLOW_TO("*", "'*'")))
CASE(LOGIC, ALLOWED, .who = SESSION, .boundary = DOC(ALLOW("s3:*", "*")), .keys = "aws:PrincipalArn=" ROLE,
     .resource_policy = DOC(ALLOW_TO_IF("*", "'*'", "'ArnEquals':{'aws:PrincipalArn':'" ROLE "'}")))
CASE(LOGIC, NO_IDENTITY, .who = SESSION, .keys = "aws:PrincipalArn=" ROLE,
     .resource_policy = DOC(ALLOW_TO_IF("*", "'*'", "'ArnEquals':{'aws:PrincipalArn':'" OTHER_ROLE "'}")))
/* The farther reach counts, wherever it stands. */
CASE(LOGIC, ALLOWED, .who = SESSION, .boundary = DOC(ALLOW("s3:*", "*")),
     .resource_policy = DOC(ALLOW_TO("*", AWS(ROLE)) "," ALLOW_TO("*", AWS(SESSION_ARN))))
CASE(LOGIC, NO_BOUNDARY, .who = SESSION, .boundary = DOC(ALLOW("s3:*", "*")),
     .resource_policy = DOC(ALLOW_TO("*", AWS(ROLE)) "," ALLOW_TO("s3:*", AWS(SESSION_ARN))))
CASE(LOGIC, ALLOWED, .who = FEDERATED, .resource_policy = DOC(ALLOW_TO("*", AWS(FEDERATED_ARN))))
CASE(LOGIC, ALLOWED, .who = FEDERATED, .session = DOC(ALLOW("s3:*", "*")),
     .resource_policy = DOC(ALLOW_TO("*", AWS(FEDERATED_ARN))))
CASE(LOGIC, NO_SESSION, .who = FEDERATED, .session = DOC(ALLOW("s3:*", "*")),
     .resource_policy = DOC(ALLOW_TO("*", AWS(ANNA))))
CASE(LOGIC, NO_BOUNDARY, .who = FEDERATED, .boundary = DOC(ALLOW("s3:*", "*")),
     .resource_policy = DOC(ALLOW_TO("*", AWS(ANNA))))
CASE(LOGIC, ALLOWED, .who = FEDERATED, .session = DOC(ALLOW("ecs:*", "*")),
     .resource_policy = DOC(ALLOW_TO("*", AWS(ANNA))))

/* ---- Permissions boundaries for IAM entities ---- */
CASE(BOUNDARY, NO_IDENTITY, .boundary = DOC(ALLOW("*", "*")))
CASE(BOUNDARY, ALLOWED, .identity = {DOC(ALLOW("*", "*"))}, .boundary = DOC(ALLOW("ecs:*", "*")))
CASE(BOUNDARY, NO_BOUNDARY, .identity = {DOC(ALLOW("*", "*"))}, .boundary = DOC(ALLOW("s3:*", "*")))
CASE(BOUNDARY, NO_BOUNDARY, .identity = {DOC(ALLOW("*", "*"))}, .boundary = DOC(ALLOW("ecs:*", GREEN)))
CASE(BOUNDARY, DENIED_BOUNDARY, .identity = {DOC(ALLOW("*", "*"))},
     .boundary = DOC(ALLOW("*", "*") "," DENY("ecs:RunTask", "*")))
CASE(BOUNDARY, NO_IDENTITY, .identity = {DOC(ALLOW("s3:*", "*"))}, .boundary = DOC(ALLOW("ecs:*", "*")))
CASE(BOUNDARY, ALLOWED, .who = SESSION, .identity = {DOC(ALLOW("*", "*"))}, .boundary = DOC(ALLOW("ecs:*", BLUE)))
CASE(BOUNDARY, NO_BOUNDARY, .who = SESSION, .identity = {DOC(ALLOW("*", "*"))}, .boundary = DOC(ALLOW("s3:*", "*")))
CASE(BOUNDARY, DENIED_IDENTITY, .identity = {DOC(DENY("*", "*"))}, .boundary = DOC(DENY("*", "*")))
CASE(BOUNDARY, NO_BOUNDARY, .identity = {DOC(ALLOW("*", "*"))},
     .boundary = DOC(ALLOW_IF("*", "*", "'Bool':{'aws:SecureTransport':'true'}")), .keys = "aws:SecureTransport=false")

/* ---- Policies and permissions in IAM: session policies ---- */
CASE(SESSIONS, ALLOWED, .who = SESSION, .identity = {DOC(ALLOW("*", "*"))}, .session = DOC(ALLOW("ecs:*", "*")))
CASE(SESSIONS, NO_SESSION, .who = SESSION, .identity = {DOC(ALLOW("*", "*"))}, .session = DOC(ALLOW("s3:*", "*")))
CASE(SESSIONS, NO_IDENTITY, .who = SESSION, .session = DOC(ALLOW("*", "*")))
CASE(SESSIONS, DENIED_SESSION, .who = SESSION, .identity = {DOC(ALLOW("*", "*"))},
     .session = DOC(ALLOW("*", "*") "," DENY("ecs:RunTask", BLUE)))
CASE(SESSIONS, NO_BOUNDARY, .who = SESSION, .identity = {DOC(ALLOW("*", "*"))}, .boundary = DOC(ALLOW("s3:*", "*")),
     .session = DOC(ALLOW("*", "*")))
CASE(SESSIONS, NO_SESSION, .who = SESSION, .identity = {DOC(ALLOW("*", "*"))}, .boundary = DOC(ALLOW("*", "*")),
     .session = DOC(ALLOW("s3:*", "*")))
CASE(SESSIONS, ALLOWED, .who = SESSION, .identity = {DOC(ALLOW("*", "*"))}, .boundary = DOC(ALLOW("ecs:*", "*")),
     .session = DOC(ALLOW("ecs:Run*", "*")))
CASE(SESSIONS, NO_SESSION, .who = FEDERATED, .identity = {DOC(ALLOW("*", "*"))}, .session = DOC(ALLOW("s3:*", "*")))

/* ---- Cross-account policy evaluation logic: the resource is another account's ---- */
CASE(CROSS, NO_IDENTITY, .who = FOREIGN)
CASE(CROSS, NO_RESOURCE, .who = FOREIGN, .identity = {DOC(ALLOW("*", "*"))})
CASE(CROSS, NO_IDENTITY, .who = FOREIGN, .resource_policy = DOC(ALLOW_TO("*", AWS(FOREIGN_ARN))))
CASE(CROSS, ALLOWED, .who = FOREIGN, .identity = {DOC(ALLOW("*", "*"))},
     .resource_policy = DOC(ALLOW_TO("*", AWS(FOREIGN_ARN))))
CASE(CROSS, ALLOWED, .who = FOREIGN, .identity = {DOC(ALLOW("ecs:RunTask", BLUE))},
     .resource_policy = DOC(ALLOW_TO("*", AWS(AWAY))))
CASE(CROSS, ALLOWED, .who = FOREIGN, .identity = {DOC(ALLOW("*", "*"))},
     .resource_policy = DOC(ALLOW_TO("*", AWS(AWAY_ROOT))))
CASE(CROSS, ALLOWED, .who = FOREIGN, .identity = {DOC(ALLOW("*", "*"))}, .resource_policy = DOC(ALLOW_TO("*", "'*'")))
CASE(CROSS, NO_RESOURCE, .who = FOREIGN, .identity = {DOC(ALLOW("*", "*"))},
     .resource_policy = DOC(ALLOW_TO("*", AWS(HOME))))
CASE(CROSS, NO_RESOURCE, .who = FOREIGN, .identity = {DOC(ALLOW("*", "*"))},
     .resource_policy = DOC(ALLOW_TO("ecs:StopTask", AWS(FOREIGN_ARN))))
CASE(CROSS, DENIED_RESOURCE, .who = FOREIGN, .identity = {DOC(ALLOW("*", "*"))},
     .resource_policy = DOC(ALLOW_TO("*", AWS(AWAY)) "," DENY_TO("*", AWS(FOREIGN_ARN))))
CASE(CROSS, DENIED_IDENTITY, .who = FOREIGN, .identity = {DOC(ALLOW("*", "*") "," DENY("*", BLUE))},
     .resource_policy = DOC(ALLOW_TO("*", AWS(AWAY))))
CASE(CROSS, NO_BOUNDARY, .who = FOREIGN, .identity = {DOC(ALLOW("*", "*"))}, .boundary = DOC(ALLOW("s3:*", "*")),
     .resource_policy = DOC(ALLOW_TO("*", AWS(FOREIGN_ARN))))
CASE(CROSS, NO_SESSION, .who = FOREIGN_SESSION, .identity = {DOC(ALLOW("*", "*"))}, .session = DOC(ALLOW("s3:*", "*")),
     .resource_policy = DOC(ALLOW_TO("*", AWS(FOREIGN_ROLE))))
CASE(CROSS, ALLOWED, .who = FOREIGN_SESSION, .identity = {DOC(ALLOW("*", "*"))},
     .resource_policy = DOC(ALLOW_TO("*", AWS(FOREIGN_ROLE))))
CASE(CROSS, NO_IDENTITY, .who = FOREIGN_SESSION, .resource_policy = DOC(ALLOW_TO("*", AWS(FOREIGN_ROLE))))
CASE(CROSS, NO_RESOURCE, .who = FOREIGN_ROOT)
CASE(CROSS, ALLOWED, .who = FOREIGN_ROOT, .resource_policy = DOC(ALLOW_TO("*", AWS(AWAY))))
CASE(CROSS, NO_RESOURCE, .who = FOREIGN_ROOT, .resource_policy = DOC(ALLOW_TO("*", AWS(FOREIGN_ARN))))

/* ---- Services, providers, nobody ---- */
CASE(PRINCIPAL, NO_RESOURCE, .who = SERVICE)
CASE(PRINCIPAL, ALLOWED, .who = SERVICE, .resource_policy = DOC(ALLOW_TO("*", TASKS)))
CASE(PRINCIPAL, NO_RESOURCE, .who = SERVICE, .resource_policy = DOC(ALLOW_TO("*", "{'Service':'ec2.amazonaws.com'}")))
CASE(PRINCIPAL, ALLOWED, .who = SERVICE,
     .resource_policy = DOC(ALLOW_TO("*", "{'Service':['ec2.amazonaws.com','ecs-tasks.amazonaws.com']}")))
CASE(PRINCIPAL, NO_IDENTITY, .resource_policy = DOC(ALLOW_TO("*", TASKS)))
CASE(PRINCIPAL, ALLOWED, .who = WEB, .resource_policy = DOC(ALLOW_TO("*", PROVIDER)))
CASE(PRINCIPAL, NO_RESOURCE, .who = WEB, .resource_policy = DOC(ALLOW_TO("*", AWS(HOME))))
CASE(PRINCIPAL, NO_RESOURCE, .who = NOBODY)
CASE(PRINCIPAL, ALLOWED, .who = NOBODY, .resource_policy = DOC(ALLOW_TO("*", "'*'")))
CASE(PRINCIPAL, NO_RESOURCE, .who = NOBODY, .resource_policy = DOC(ALLOW_TO("*", AWS(HOME))))
CASE(PRINCIPAL, ALLOWED, .resource_policy = DOC(ALLOW_TO("*", "{'AWS':['" BERT "','" ANNA "']}")))
CASE(PRINCIPAL, ALLOWED, .resource_policy = DOC(ALLOW_TO("*", "{'Service':'ec2.amazonaws.com','AWS':'" ANNA "'}")))

/* ---- AWS JSON policy elements: NotPrincipal ---- */
CASE(NOT_PRINCIPAL, DENIED_RESOURCE, .identity = {DOC(ALLOW("*", "*"))},
     .resource_policy = DOC(DENY_TO_NOT("*", "{'AWS':['" BERT "','" HOME "']}")))
CASE(NOT_PRINCIPAL, ALLOWED, .identity = {DOC(ALLOW("*", "*"))},
     .resource_policy = DOC(DENY_TO_NOT("*", "{'AWS':['" ANNA "','" HOME_ROOT "']}")))
CASE(NOT_PRINCIPAL, ALLOWED, .identity = {DOC(ALLOW("*", "*"))},
     .resource_policy = DOC(DENY_TO_NOT("*", "{'AWS':['" ANNA "','" HOME "']}")))
CASE(NOT_PRINCIPAL, DENIED_RESOURCE, .identity = {DOC(ALLOW("*", "*"))},
     .resource_policy = DOC(DENY_TO_NOT("*", AWS(ANNA))))
CASE(NOT_PRINCIPAL, DENIED_RESOURCE, .identity = {DOC(ALLOW("*", "*"))}, .boundary = DOC(ALLOW("*", "*")),
     .resource_policy = DOC(DENY_TO_NOT("*", "{'AWS':['" ANNA "','" HOME "']}")))
CASE(NOT_PRINCIPAL, ALLOWED, .who = SESSION, .identity = {DOC(ALLOW("*", "*"))},
     .resource_policy = DOC(DENY_TO_NOT("*", "{'AWS':['" SESSION_ARN "','" ROLE "','" HOME "']}")))
CASE(NOT_PRINCIPAL, DENIED_RESOURCE, .who = SESSION, .identity = {DOC(ALLOW("*", "*"))},
     .resource_policy = DOC(DENY_TO_NOT("*", "{'AWS':['" ROLE "','" HOME "']}")))
CASE(NOT_PRINCIPAL, DENIED_RESOURCE, .who = SESSION, .identity = {DOC(ALLOW("*", "*"))},
     .resource_policy = DOC(DENY_TO_NOT("*", "{'AWS':['" SESSION_ARN "','" HOME "']}")))
CASE(NOT_PRINCIPAL, ALLOWED, .who = ROOT, .resource_policy = DOC(DENY_TO_NOT("*", AWS(HOME))))
CASE(NOT_PRINCIPAL, DENIED_RESOURCE, .who = ROOT, .resource_policy = DOC(DENY_TO_NOT("*", AWS(AWAY))))
CASE(NOT_PRINCIPAL, DENIED_RESOURCE, .who = SERVICE,
     .resource_policy = DOC(ALLOW_TO("*", TASKS) "," DENY_TO_NOT("*", AWS(HOME))))
CASE(NOT_PRINCIPAL, ALLOWED, .who = SERVICE, .resource_policy = DOC(ALLOW_TO("*", TASKS) "," DENY_TO_NOT("*", TASKS)))

/* ---- How to use trust policies with IAM roles ---- */
CASE(TRUST, NO_RESOURCE, .must = true, .identity = {DOC(ALLOW("*", "*"))})
CASE(TRUST, NO_RESOURCE, .must = true, .who = ROOT)
CASE(TRUST, ALLOWED, .must = true, .who = ROOT, .resource_policy = DOC(ALLOW_TO("*", AWS(HOME))))
CASE(TRUST, ALLOWED, .must = true, .resource_policy = DOC(ALLOW_TO("*", AWS(ANNA))))
CASE(TRUST, NO_IDENTITY, .must = true, .resource_policy = DOC(ALLOW_TO("*", AWS(HOME_ROOT))))
CASE(TRUST, ALLOWED, .must = true, .identity = {DOC(ALLOW("*", "*"))},
     .resource_policy = DOC(ALLOW_TO("*", AWS(HOME_ROOT))))
CASE(TRUST, NO_RESOURCE, .must = true, .identity = {DOC(ALLOW("*", "*"))},
     .resource_policy = DOC(ALLOW_TO("*", AWS(BERT))))
CASE(TRUST, ALLOWED, .must = true, .who = FOREIGN, .identity = {DOC(ALLOW("*", "*"))},
     .resource_policy = DOC(ALLOW_TO("*", AWS(AWAY))))

/* ---- IAM JSON policy elements: Action ---- */
ACTION(ALLOWED, "*")
ACTION(ALLOWED, "ecs:*")
ACTION(ALLOWED, "ecs:Run*")
ACTION(ALLOWED, "ecs:*Task")
ACTION(ALLOWED, "ecs:*un*as*")
ACTION(ALLOWED, "ecs:Run????")
ACTION(ALLOWED, "ecs:RunTask*")
ACTION(ALLOWED, "ECS:runtask")
ACTION(ALLOWED, "Ecs:RUNTASK")
ACTION(ALLOWED, "*:RunTask")
ACTION(ALLOWED, "*:*")
ACTION(NO_IDENTITY, "ecs:Run???")
ACTION(NO_IDENTITY, "ecs:RunTask?")
ACTION(NO_IDENTITY, "ecs:Run")
ACTION(NO_IDENTITY, "ecs:RunTasks")
ACTION(NO_IDENTITY, "ec2:RunTask")
ACTION(NO_IDENTITY, "ec:*")
ACTION(NO_IDENTITY, "ecs:*Tasks")
ACTION(NO_IDENTITY, "ecs:")
CASE(ACTIONS, ALLOWED, .identity = {DOC("{'Effect':'Allow','Action':['s3:*','ecs:RunTask'],'Resource':'*'}")})
CASE(ACTIONS, NO_IDENTITY, .identity = {DOC("{'Effect':'Allow','Action':['s3:*','ec2:*'],'Resource':'*'}")})

/* ---- IAM JSON policy elements: NotAction ---- */
CASE(NOT_ACTION, ALLOWED, .identity = {DOC("{'Effect':'Allow','NotAction':'iam:*','Resource':'*'}")})
CASE(NOT_ACTION, NO_IDENTITY, .identity = {DOC("{'Effect':'Allow','NotAction':'ecs:*','Resource':'*'}")})
CASE(NOT_ACTION, NO_IDENTITY, .identity = {DOC("{'Effect':'Allow','NotAction':['iam:*','ecs:Run*'],'Resource':'*'}")})
CASE(NOT_ACTION, DENIED_IDENTITY,
     .identity = {DOC(ALLOW("*", "*") ",{'Effect':'Deny','NotAction':'iam:*','Resource':'*'}")})
CASE(NOT_ACTION, ALLOWED, .identity = {DOC(ALLOW("*", "*") ",{'Effect':'Deny','NotAction':'ecs:*','Resource':'*'}")})
CASE(NOT_ACTION, NO_IDENTITY, .identity = {DOC("{'Effect':'Allow','NotAction':'*','Resource':'*'}")})
CASE(NOT_ACTION, NO_IDENTITY, .identity = {DOC("{'Effect':'Allow','NotAction':'iam:*','Resource':'" GREEN "'}")})

/* ---- IAM JSON policy elements: Resource ---- */
RESOURCE(ALLOWED, "*")
RESOURCE(ALLOWED, BLUE)
RESOURCE(ALLOWED, "arn:aws:ecs:us-east-1:111122223333:cluster/*")
RESOURCE(ALLOWED, "arn:aws:ecs:us-east-1:111122223333:*")
RESOURCE(ALLOWED, "arn:aws:ecs:*:*:cluster/blue")
RESOURCE(ALLOWED, "arn:aws:ecs:us-*-1:111122223333:cluster/b?ue")
RESOURCE(ALLOWED, "arn:aws:ecs:*")
RESOURCE(ALLOWED, "arn:*:ecs:*:*:*/blue")
RESOURCE(ALLOWED, "arn:aws:ecs:us-east-1:111122223333:cluster/bl*ue")
RESOURCE(ALLOWED, "arn:aws:ecs:us-east-1:111122223333:cluster/*b*l*u*e*")
RESOURCE(NO_IDENTITY, GREEN)
RESOURCE(NO_IDENTITY, "arn:aws:ecs:us-east-1:111122223333:cluster/Blue")
RESOURCE(NO_IDENTITY, "arn:aws:ecs:us-east-1:111122223333:cluster/blue/*")
RESOURCE(NO_IDENTITY, "arn:aws:ecs:us-east-1:111122223333:cluster/")
RESOURCE(NO_IDENTITY, "arn:aws:ecs:us-east-1:111122223333:cluster/blu")
RESOURCE(NO_IDENTITY, "arn:aws:ecs:us-east-1:111122223333:cluster/blue?")
RESOURCE(NO_IDENTITY, "arn:aws:ecs:eu-west-1:111122223333:cluster/blue")
RESOURCE(NO_IDENTITY, "arn:aws:ecs:us-east-1:444455556666:cluster/blue")
RESOURCE(NO_IDENTITY, "arn:aws:ecs::111122223333:cluster/blue")
RESOURCE(NO_IDENTITY, "arn:aws-cn:ecs:us-east-1:111122223333:cluster/blue")
RESOURCE(NO_IDENTITY, "arn:aws:ecs:us-east-1:111122223333:task/*")
CASE(RESOURCES, ALLOWED, .identity = {DOC("{'Effect':'Allow','Action':'*','Resource':['" GREEN "','" BLUE "']}")})
/* An action that knows no resources is asked for "*", which only "*" matches. */
CASE(RESOURCES, ALLOWED, .resource = "*", .identity = {DOC(ALLOW("*", "*"))})
CASE(RESOURCES, NO_IDENTITY, .resource = "*", .identity = {DOC(ALLOW("*", BLUE))})
CASE(RESOURCES, NO_IDENTITY, .resource = "*", .identity = {DOC(ALLOW("*", "arn:aws:ecs:*"))})
CASE(RESOURCES, ALLOWED, .resource = "arn:aws:logs:us-east-1:111122223333:log-group:/app:log-stream:a:b",
     .identity = {DOC(ALLOW("*", "arn:aws:logs:*:*:log-group:/app:*"))})
CASE(RESOURCES, ALLOWED, .resource = "arn:aws:logs:us-east-1:111122223333:log-group:/app:log-stream:a",
     .identity = {DOC(ALLOW("*", "arn:aws:logs:us-east-1:111122223333:*"))})
CASE(RESOURCES, NO_IDENTITY, .resource = "arn:aws:logs:us-east-1:111122223333:log-group:/app",
     .identity = {DOC(ALLOW("*", "arn:aws:logs:*:*:log-group:/app:*"))})
CASE(RESOURCES, NO_IDENTITY, .resource = BLUE,
     .identity = {DOC(ALLOW("*", "arn:aws:ecs:us-east-1:111122223333:cluster\\\\/blue"))})
CASE(RESOURCES, NO_IDENTITY, .resource = LONG_A,
     .identity = {DOC(ALLOW("*", "arn:aws:s3:::*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b"))})

/* ---- IAM JSON policy elements: NotResource ---- */
CASE(NOT_RESOURCE, ALLOWED, .identity = {DOC("{'Effect':'Allow','Action':'*','NotResource':'" GREEN "'}")})
CASE(NOT_RESOURCE, NO_IDENTITY, .identity = {DOC("{'Effect':'Allow','Action':'*','NotResource':'" BLUE "'}")})
CASE(NOT_RESOURCE, NO_IDENTITY,
     .identity = {DOC("{'Effect':'Allow','Action':'*','NotResource':['" GREEN "','" BLUE "']}")})
CASE(NOT_RESOURCE, DENIED_IDENTITY,
     .identity = {DOC(ALLOW("*", "*") ",{'Effect':'Deny','Action':'*','NotResource':'" GREEN "'}")})
CASE(NOT_RESOURCE, ALLOWED,
     .identity = {DOC(ALLOW("*", "*") ",{'Effect':'Deny','Action':'*','NotResource':'" BLUE "'}")})
CASE(NOT_RESOURCE, ALLOWED, .resource = "*",
     .identity = {DOC("{'Effect':'Allow','Action':'*','NotResource':'" GREEN "'}")})
/* A variable without value: allows nothing, denies everything. */
CASE(VARIABLES, NO_IDENTITY,
     .identity = {DOC("{'Effect':'Allow','Action':'*','NotResource':'arn:aws:ecs:*:*:cluster/${aws:username}'}")})
CASE(VARIABLES, DENIED_IDENTITY,
     .identity = {
         DOC(ALLOW("*", "*") ",{'Effect':'Deny','Action':'*','NotResource':'arn:aws:ecs:*:*:*/${aws:nothing}'}")})

/* ---- IAM policy elements: Variables and tags ---- */
VARIABLE(ALLOWED, "cluster/${aws:username}", "cluster/anna", "aws:username=anna")
VARIABLE(ALLOWED, "cluster/${AWS:UserName}", "cluster/anna", "aws:username=anna")
VARIABLE(NO_IDENTITY, "cluster/${aws:username}", "cluster/bert", "aws:username=anna")
VARIABLE(NO_IDENTITY, "cluster/${aws:username}", "cluster/anna", "")
VARIABLE(NO_IDENTITY, "cluster/${aws:username}", "cluster/${aws:username}", "")
VARIABLE(ALLOWED, "cluster/${aws:username}-*", "cluster/anna-1", "aws:username=anna")
VARIABLE(ALLOWED, "cluster/*/${aws:username}", "cluster/x/y/anna", "aws:username=anna")
VARIABLE(ALLOWED, "cluster/*${aws:username}*", "cluster/xxannayy", "aws:username=anna")
VARIABLE(NO_IDENTITY, "cluster/*${aws:username}*", "cluster/xxanayy", "aws:username=anna")
VARIABLE(ALLOWED, "cluster/${aws:PrincipalTag/team}/${aws:username}", "cluster/red/anna",
         "aws:username=anna;aws:PrincipalTag/team=red")
VARIABLE(NO_IDENTITY, "cluster/${aws:PrincipalTag/team}/${aws:username}", "cluster/anna/red",
         "aws:username=anna;aws:PrincipalTag/team=red")
VARIABLE(ALLOWED, "cluster/${aws:PrincipalTag/team, `all`}", "cluster/all", "")
VARIABLE(ALLOWED, "cluster/${aws:PrincipalTag/team,`all`}", "cluster/all", "")
VARIABLE(NO_IDENTITY, "cluster/${aws:PrincipalTag/team, `all`}", "cluster/all", "aws:PrincipalTag/team=red")
VARIABLE(ALLOWED, "cluster/${aws:PrincipalTag/team, `all`}", "cluster/red", "aws:PrincipalTag/team=red")
VARIABLE(ALLOWED, "cluster/${aws:PrincipalTag/team, ``}x", "cluster/x", "")
VARIABLE(NO_IDENTITY, "cluster/${aws:PrincipalTag/team, all}", "cluster/all", "")
VARIABLE(NO_IDENTITY, "cluster/${aws:TagKeys}", "cluster/a", "aws:TagKeys=a|b")
/* What a variable stands for is no pattern. */
VARIABLE(NO_IDENTITY, "cluster/${aws:username}", "cluster/anna", "aws:username=*")
VARIABLE(ALLOWED, "cluster/${aws:username}", "cluster/*", "aws:username=*")
VARIABLE(NO_IDENTITY, "cluster/${aws:username}", "cluster/x", "aws:username=?")
VARIABLE(ALLOWED, "cluster/a${*}b", "cluster/a*b", "")
VARIABLE(NO_IDENTITY, "cluster/a${*}b", "cluster/axb", "")
VARIABLE(ALLOWED, "cluster/a${?}b", "cluster/a?b", "")
VARIABLE(NO_IDENTITY, "cluster/a${?}b", "cluster/axb", "")
VARIABLE(ALLOWED, "cluster/${$}{x}", "cluster/${x}", "")
VARIABLE(ALLOWED, "cluster/$x", "cluster/$x", "")
VARIABLE(ALLOWED, "cluster/${aws:username", "cluster/${aws:username", "aws:username=anna")
VARIABLE(ALLOWED, "cluster/${aws:username}", "cluster/", "aws:username=")
/* Before 2012-10-17 there are none. */
CASE(VERSION, NO_IDENTITY, .identity = {OLD(ALLOW("*", "arn:aws:ecs:*:*:cluster/${aws:username}"))},
     .keys = "aws:username=blue")
CASE(VERSION, ALLOWED, .resource = "arn:aws:ecs:us-east-1:111122223333:cluster/${aws:username}",
     .identity = {OLD(ALLOW("*", "arn:aws:ecs:*:*:cluster/${aws:username}"))}, .keys = "aws:username=blue")
CASE(VERSION, NO_IDENTITY, .identity = {NO_VERSION(ALLOW("*", "arn:aws:ecs:*:*:cluster/${aws:username}"))},
     .keys = "aws:username=blue")
CASE(VERSION, ALLOWED, .identity = {NO_VERSION(ALLOW("*", "arn:aws:ecs:*:*:cluster/*"))})
CASE(VERSION, ALLOWED, .identity = {OLD(ALLOW("*", "*"))})

/* ---- Condition operators: strings ---- */
COND(OPERATORS, HOLDS, "'StringEquals':{'aws:username':'anna'}", "aws:username=anna")
COND(OPERATORS, FAILS, "'StringEquals':{'aws:username':'anna'}", "aws:username=Anna")
COND(OPERATORS, FAILS, "'StringEquals':{'aws:username':'anna'}", "")
COND(OPERATORS, HOLDS, "'StringEquals':{'aws:username':['bert','anna']}", "aws:username=anna")
COND(OPERATORS, FAILS, "'StringEquals':{'aws:username':'an*'}", "aws:username=anna")
COND(OPERATORS, HOLDS, "'StringEquals':{'AWS:UserName':'anna'}", "aws:username=anna")
COND(OPERATORS, HOLDS, "'StringEquals':{'aws:username':''}", "aws:username=")
COND(OPERATORS, FAILS, "'StringEquals':{'aws:username':[]}", "aws:username=anna")
COND(OPERATORS, HOLDS, "'StringNotEquals':{'aws:username':'bert'}", "aws:username=anna")
COND(OPERATORS, FAILS, "'StringNotEquals':{'aws:username':'anna'}", "aws:username=anna")
COND(OPERATORS, FAILS, "'StringNotEquals':{'aws:username':['bert','anna']}", "aws:username=anna")
COND(OPERATORS, HOLDS, "'StringNotEquals':{'aws:username':['bert','carl']}", "aws:username=anna")
COND(OPERATORS, HOLDS, "'StringNotEquals':{'aws:username':'anna'}", "")
COND(OPERATORS, HOLDS, "'StringEqualsIgnoreCase':{'aws:username':'ANNA'}", "aws:username=anna")
COND(OPERATORS, FAILS, "'StringEqualsIgnoreCase':{'aws:username':'ANNO'}", "aws:username=anna")
COND(OPERATORS, FAILS, "'StringNotEqualsIgnoreCase':{'aws:username':'ANNA'}", "aws:username=anna")
COND(OPERATORS, HOLDS, "'StringNotEqualsIgnoreCase':{'aws:username':'ANNO'}", "aws:username=anna")
COND(OPERATORS, HOLDS, "'StringNotEqualsIgnoreCase':{'aws:username':'ANNO'}", "")
COND(OPERATORS, HOLDS, "'StringLike':{'aws:username':'an*'}", "aws:username=anna")
COND(OPERATORS, HOLDS, "'StringLike':{'aws:username':'?nn?'}", "aws:username=anna")
COND(OPERATORS, FAILS, "'StringLike':{'aws:username':'AN*'}", "aws:username=anna")
COND(OPERATORS, FAILS, "'StringLike':{'aws:username':'ann'}", "aws:username=anna")
COND(OPERATORS, FAILS, "'StringLike':{'aws:username':'*'}", "")
COND(OPERATORS, HOLDS, "'StringLike':{'aws:username':'*'}", "aws:username=")
COND(OPERATORS, HOLDS, "'StringLike':{'s3:prefix':['','home/','home/${aws:username}/']}",
     "aws:username=anna;s3:prefix=home/anna/")
COND(OPERATORS, FAILS, "'StringLike':{'s3:prefix':['','home/','home/${aws:username}/']}",
     "aws:username=anna;s3:prefix=home/bert/")
COND(OPERATORS, FAILS, "'StringNotLike':{'aws:username':'an*'}", "aws:username=anna")
COND(OPERATORS, HOLDS, "'StringNotLike':{'aws:username':'be*'}", "aws:username=anna")
COND(OPERATORS, HOLDS, "'StringNotLike':{'aws:username':'be*'}", "")
COND(OPERATORS, HOLDS, "'StringEquals':{'aws:ResourceTag/team':'${aws:PrincipalTag/team}'}",
     "aws:ResourceTag/team=red;aws:PrincipalTag/team=red")
COND(OPERATORS, FAILS, "'StringEquals':{'aws:ResourceTag/team':'${aws:PrincipalTag/team}'}",
     "aws:ResourceTag/team=red;aws:PrincipalTag/team=blue")
COND(VARIABLES, FAILS, "'StringEquals':{'aws:ResourceTag/team':'${aws:PrincipalTag/team}'}", "aws:ResourceTag/team=red")
COND(VARIABLES, FAILS, "'StringNotEquals':{'aws:ResourceTag/team':'${aws:PrincipalTag/team}'}",
     "aws:ResourceTag/team=red")
COND(VARIABLES, HOLDS, "'StringEquals':{'aws:ResourceTag/team':['x','${aws:PrincipalTag/team}','red']}",
     "aws:ResourceTag/team=red")
COND(VARIABLES, HOLDS, "'StringEquals':{'aws:ResourceTag/team':'${aws:PrincipalTag/team, `red`}'}",
     "aws:ResourceTag/team=red")
CASE(VARIABLES, DENIED_IDENTITY, .keys = "aws:ResourceTag/team=red",
     .identity = {
         DOC(ALLOW("*", "*") "," DENY_IF("*", "*",
                                         "'StringNotEquals':{'aws:ResourceTag/team':'${aws:PrincipalTag/team}'}"))})

/* ---- numbers ---- */
COND(OPERATORS, HOLDS, "'NumericEquals':{'s3:max-keys':'10'}", "s3:max-keys=10")
COND(OPERATORS, HOLDS, "'NumericEquals':{'s3:max-keys':10}", "s3:max-keys=10")
COND(OPERATORS, HOLDS, "'NumericEquals':{'s3:max-keys':'10'}", "s3:max-keys=10.0")
COND(OPERATORS, HOLDS, "'NumericEquals':{'s3:max-keys':'010'}", "s3:max-keys=10")
COND(OPERATORS, HOLDS, "'NumericEquals':{'s3:max-keys':0.5}", "s3:max-keys=.50")
COND(OPERATORS, HOLDS, "'NumericEquals':{'s3:max-keys':'-0'}", "s3:max-keys=0")
COND(OPERATORS, FAILS, "'NumericEquals':{'s3:max-keys':'10'}", "s3:max-keys=11")
COND(OPERATORS, FAILS, "'NumericEquals':{'s3:max-keys':'10'}", "")
COND(OPERATORS, FAILS, "'NumericEquals':{'s3:max-keys':'ten'}", "s3:max-keys=10")
COND(OPERATORS, FAILS, "'NumericEquals':{'s3:max-keys':'10'}", "s3:max-keys=ten")
COND(OPERATORS, HOLDS, "'NumericEquals':{'s3:max-keys':['5','10']}", "s3:max-keys=10")
COND(OPERATORS, FAILS, "'NumericNotEquals':{'s3:max-keys':'10'}", "s3:max-keys=10")
COND(OPERATORS, HOLDS, "'NumericNotEquals':{'s3:max-keys':'10'}", "s3:max-keys=9")
COND(OPERATORS, HOLDS, "'NumericNotEquals':{'s3:max-keys':'10'}", "")
COND(OPERATORS, FAILS, "'NumericNotEquals':{'s3:max-keys':['9','10']}", "s3:max-keys=9")
COND(OPERATORS, HOLDS, "'NumericLessThan':{'s3:max-keys':'10'}", "s3:max-keys=9")
COND(OPERATORS, HOLDS, "'NumericLessThan':{'s3:max-keys':'10'}", "s3:max-keys=9.99")
COND(OPERATORS, HOLDS, "'NumericLessThan':{'s3:max-keys':'10'}", "s3:max-keys=-11")
COND(OPERATORS, FAILS, "'NumericLessThan':{'s3:max-keys':'10'}", "s3:max-keys=10")
COND(OPERATORS, FAILS, "'NumericLessThan':{'s3:max-keys':'-10'}", "s3:max-keys=-9")
COND(OPERATORS, HOLDS, "'NumericLessThanEquals':{'s3:max-keys':'10'}", "s3:max-keys=10")
COND(OPERATORS, FAILS, "'NumericLessThanEquals':{'s3:max-keys':'10'}", "s3:max-keys=10.1")
COND(OPERATORS, FAILS, "'NumericLessThanEquals':{'s3:max-keys':'10'}", "")
COND(OPERATORS, HOLDS, "'NumericGreaterThan':{'s3:max-keys':'9'}", "s3:max-keys=10")
COND(OPERATORS, HOLDS, "'NumericGreaterThan':{'s3:max-keys':'99999999999999999999999'}",
     "s3:max-keys=100000000000000000000000")
COND(OPERATORS, FAILS, "'NumericGreaterThan':{'s3:max-keys':'10'}", "s3:max-keys=10")
COND(OPERATORS, HOLDS, "'NumericGreaterThanEquals':{'s3:max-keys':'10'}", "s3:max-keys=10")
COND(OPERATORS, FAILS, "'NumericGreaterThanEquals':{'s3:max-keys':'10'}", "s3:max-keys=9")
COND(OPERATORS, FAILS, "'NumericEquals':{'s3:max-keys':'${aws:x}'}", "s3:max-keys=9;aws:x=9")

/* ---- dates ---- */
COND(OPERATORS, HOLDS, "'DateEquals':{'aws:CurrentTime':'2026-11-28T14:00:00Z'}",
     "aws:CurrentTime=2026-11-28T14:00:00Z")
COND(OPERATORS, HOLDS, "'DateEquals':{'aws:CurrentTime':'2026-11-28T15:00:00+01:00'}",
     "aws:CurrentTime=2026-11-28T14:00:00Z")
COND(OPERATORS, HOLDS, "'DateEquals':{'aws:CurrentTime':'1795874400'}", "aws:CurrentTime=2026-11-28T14:00:00Z")
COND(OPERATORS, HOLDS, "'DateEquals':{'aws:EpochTime':1795874400}", "aws:EpochTime=1795874400")
COND(OPERATORS, FAILS, "'DateEquals':{'aws:CurrentTime':'2026-11-28T14:00:01Z'}",
     "aws:CurrentTime=2026-11-28T14:00:00Z")
COND(OPERATORS, FAILS, "'DateNotEquals':{'aws:CurrentTime':'2026-11-28T14:00Z'}",
     "aws:CurrentTime=2026-11-28T14:00:00Z")
COND(OPERATORS, HOLDS, "'DateNotEquals':{'aws:CurrentTime':'2026-11-28T14:00Z'}", "")
COND(OPERATORS, HOLDS, "'DateLessThan':{'aws:CurrentTime':'2027-01-01'}", "aws:CurrentTime=2026-11-28T14:00:00Z")
COND(OPERATORS, HOLDS, "'DateLessThan':{'aws:CurrentTime':'2026-12'}", "aws:CurrentTime=2026-11-28T14:00:00Z")
COND(OPERATORS, FAILS, "'DateLessThan':{'aws:CurrentTime':'2026-11-28'}", "aws:CurrentTime=2026-11-28T14:00:00Z")
COND(OPERATORS, FAILS, "'DateLessThan':{'aws:CurrentTime':'2026-11-28T14:00:00Z'}",
     "aws:CurrentTime=2026-11-28T14:00:00Z")
COND(OPERATORS, HOLDS, "'DateLessThanEquals':{'aws:CurrentTime':'2026-11-28T14:00:00Z'}",
     "aws:CurrentTime=2026-11-28T14:00:00Z")
COND(OPERATORS, FAILS, "'DateLessThanEquals':{'aws:CurrentTime':'2026-11-28T14:00:00Z'}",
     "aws:CurrentTime=2026-11-28T14:00:00.001Z")
COND(OPERATORS, HOLDS, "'DateGreaterThan':{'aws:TokenIssueTime':'2020-01-01T00:00:01Z'}",
     "aws:TokenIssueTime=2026-11-28T14:00:00Z")
COND(OPERATORS, FAILS, "'DateGreaterThan':{'aws:TokenIssueTime':'2020-01-01T00:00:01Z'}", "")
COND(OPERATORS, FAILS, "'DateGreaterThan':{'aws:CurrentTime':'2026-11-28T14:00:00Z'}",
     "aws:CurrentTime=2026-11-28T14:00:00Z")
COND(OPERATORS, HOLDS, "'DateGreaterThanEquals':{'aws:CurrentTime':'2026-11-28T14:00:00Z'}",
     "aws:CurrentTime=2026-11-28T14:00:00Z")
COND(OPERATORS, FAILS, "'DateGreaterThanEquals':{'aws:CurrentTime':'2026-11-28T14:00:01Z'}",
     "aws:CurrentTime=2026-11-28T14:00:00Z")
COND(OPERATORS, HOLDS,
     "'DateGreaterThan':{'aws:CurrentTime':'2020-04-01T00:00:00Z'},'DateLessThan':{'aws:CurrentTime':'2027-06-30T23:59:"
     "59Z'}",
     "aws:CurrentTime=2026-11-28T14:00:00Z")
COND(OPERATORS, FAILS,
     "'DateGreaterThan':{'aws:CurrentTime':'2020-04-01T00:00:00Z'},'DateLessThan':{'aws:CurrentTime':'2020-06-30T23:59:"
     "59Z'}",
     "aws:CurrentTime=2026-11-28T14:00:00Z")
COND(OPERATORS, FAILS, "'DateLessThan':{'aws:CurrentTime':'2027-01-01'}", "aws:CurrentTime=soon")

/* ---- booleans, bytes ---- */
COND(OPERATORS, HOLDS, "'Bool':{'aws:SecureTransport':'true'}", "aws:SecureTransport=true")
COND(OPERATORS, HOLDS, "'Bool':{'aws:SecureTransport':true}", "aws:SecureTransport=true")
COND(OPERATORS, HOLDS, "'Bool':{'aws:SecureTransport':'TRUE'}", "aws:SecureTransport=true")
COND(OPERATORS, FAILS, "'Bool':{'aws:SecureTransport':'true'}", "aws:SecureTransport=false")
COND(OPERATORS, HOLDS, "'Bool':{'aws:SecureTransport':false}", "aws:SecureTransport=false")
COND(OPERATORS, FAILS, "'Bool':{'aws:MultiFactorAuthPresent':'true'}", "")
COND(OPERATORS, FAILS, "'Bool':{'aws:MultiFactorAuthPresent':'false'}", "")
COND(OPERATORS, HOLDS, "'BinaryEquals':{'x:key':'QmluYXJ5VmFsdWVJbkJhc2U2NA=='}", "x:key=BinaryValueInBase64")
COND(OPERATORS, FAILS, "'BinaryEquals':{'x:key':'QmluYXJ5VmFsdWVJbkJhc2U2NA=='}", "x:key=BinaryValueInBase65")
COND(OPERATORS, FAILS, "'BinaryEquals':{'x:key':'BinaryValueInBase64'}", "x:key=BinaryValueInBase64")
COND(OPERATORS, HOLDS, "'BinaryEquals':{'x:key':'YWJj'}", "x:key=abc")
COND(OPERATORS, FAILS, "'BinaryEquals':{'x:key':'YWJj'}", "")

/* ---- addresses ---- */
COND(OPERATORS, HOLDS, "'IpAddress':{'aws:SourceIp':'203.0.113.0/24'}", "aws:SourceIp=203.0.113.77")
COND(OPERATORS, FAILS, "'IpAddress':{'aws:SourceIp':'203.0.113.0/24'}", "aws:SourceIp=203.0.114.1")
COND(OPERATORS, HOLDS, "'IpAddress':{'aws:SourceIp':'203.0.113.0/25'}", "aws:SourceIp=203.0.113.127")
COND(OPERATORS, FAILS, "'IpAddress':{'aws:SourceIp':'203.0.113.0/25'}", "aws:SourceIp=203.0.113.128")
COND(OPERATORS, HOLDS, "'IpAddress':{'aws:SourceIp':'203.0.113.9'}", "aws:SourceIp=203.0.113.9")
COND(OPERATORS, FAILS, "'IpAddress':{'aws:SourceIp':'203.0.113.9'}", "aws:SourceIp=203.0.113.8")
COND(OPERATORS, HOLDS, "'IpAddress':{'aws:SourceIp':'203.0.113.77/24'}", "aws:SourceIp=203.0.113.1")
COND(OPERATORS, HOLDS, "'IpAddress':{'aws:SourceIp':'0.0.0.0/0'}", "aws:SourceIp=8.8.8.8")
COND(OPERATORS, FAILS, "'IpAddress':{'aws:SourceIp':'0.0.0.0/0'}", "aws:SourceIp=2001:db8::1")
COND(OPERATORS, HOLDS, "'IpAddress':{'aws:SourceIp':['203.0.113.0/24','2001:DB8:1234:5678::/64']}",
     "aws:SourceIp=2001:db8:1234:5678::9")
COND(OPERATORS, FAILS, "'IpAddress':{'aws:SourceIp':'2001:DB8:1234:5678::/64'}", "aws:SourceIp=2001:db8:1234:5679::9")
COND(OPERATORS, HOLDS, "'IpAddress':{'aws:SourceIp':'2001:db8:0:0::1'}", "aws:SourceIp=2001:db8::1")
COND(OPERATORS, HOLDS, "'IpAddress':{'aws:SourceIp':'::/0'}", "aws:SourceIp=2001:db8::1")
COND(OPERATORS, HOLDS, "'IpAddress':{'aws:SourceIp':'2001:db8::/33'}", "aws:SourceIp=2001:db8:7fff::1")
COND(OPERATORS, FAILS, "'IpAddress':{'aws:SourceIp':'2001:db8::/33'}", "aws:SourceIp=2001:db8:8000::1")
COND(OPERATORS, FAILS, "'IpAddress':{'aws:SourceIp':'203.0.113.0/33'}", "aws:SourceIp=203.0.113.0")
COND(OPERATORS, FAILS, "'IpAddress':{'aws:SourceIp':'everywhere'}", "aws:SourceIp=203.0.113.0")
COND(OPERATORS, FAILS, "'IpAddress':{'aws:SourceIp':'203.0.113.0/24'}", "")
COND(OPERATORS, FAILS, "'NotIpAddress':{'aws:SourceIp':'203.0.113.0/24'}", "aws:SourceIp=203.0.113.77")
COND(OPERATORS, HOLDS, "'NotIpAddress':{'aws:SourceIp':'203.0.113.0/24'}", "aws:SourceIp=203.0.114.77")
COND(OPERATORS, FAILS, "'NotIpAddress':{'aws:SourceIp':['203.0.113.0/24','203.0.114.0/24']}",
     "aws:SourceIp=203.0.114.77")
COND(OPERATORS, HOLDS, "'NotIpAddress':{'aws:SourceIp':'203.0.113.0/24'}", "")

/* ---- ARNs ---- */
COND(OPERATORS, HOLDS, "'ArnEquals':{'ecs:cluster':'" BLUE "'}", "ecs:cluster=" BLUE)
COND(OPERATORS, FAILS, "'ArnEquals':{'ecs:cluster':'" GREEN "'}", "ecs:cluster=" BLUE)
COND(OPERATORS, HOLDS, "'ArnEquals':{'ecs:cluster':'arn:aws:ecs:*:*:cluster/bl*'}", "ecs:cluster=" BLUE)
COND(OPERATORS, HOLDS, "'ArnLike':{'ecs:cluster':'arn:aws:ecs:*:111122223333:cluster/b?ue'}", "ecs:cluster=" BLUE)
COND(OPERATORS, HOLDS, "'ArnLike':{'ecs:cluster':['" GREEN "','" BLUE "']}", "ecs:cluster=" BLUE)
COND(OPERATORS, HOLDS, "'ArnLike':{'aws:SourceArn':'arn:aws:logs:*:*:log-group:*'}",
     "aws:SourceArn=arn:aws:logs:us-east-1:111122223333:log-group:/a:*")
COND(OPERATORS, FAILS, "'ArnLike':{'ecs:cluster':'arn:aws:*:cluster/blue'}", "ecs:cluster=" BLUE)
COND(OPERATORS, FAILS, "'ArnLike':{'ecs:cluster':'arn:aws:ecs:*:cluster/blue'}", "ecs:cluster=" BLUE)
COND(OPERATORS, FAILS, "'ArnLike':{'ecs:cluster':'arn:aws:e*s:us-*:*3:cluster'}", "ecs:cluster=" BLUE)
COND(OPERATORS, HOLDS, "'ArnLike':{'ecs:cluster':'arn:aws:e*s:us-*:*3:cluster*'}", "ecs:cluster=" BLUE)
COND(OPERATORS, FAILS, "'ArnLike':{'ecs:cluster':'arn:aws:*:*:*:cluster/blue'}",
     "ecs:cluster=arn:aws:a:b:c:d:cluster/blue")
COND(OPERATORS, FAILS, "'ArnLike':{'ecs:cluster':'arn:aws:ecs:*:*:cluster/blue'}", "ecs:cluster=blue")
COND(OPERATORS, HOLDS, "'ArnLike':{'ecs:cluster':'*'}", "ecs:cluster=" BLUE)
COND(OPERATORS, FAILS, "'ArnLike':{'ecs:cluster':'*'}", "")
COND(OPERATORS, HOLDS, "'ArnLike':{'ecs:cluster':'arn:aws:ecs:*:*:cluster/${aws:username}'}",
     "aws:username=blue;ecs:cluster=" BLUE)
COND(OPERATORS, FAILS, "'ArnLike':{'ecs:cluster':'arn:aws:ecs:*:*:cluster/${aws:username}'}", "ecs:cluster=" BLUE)
COND(OPERATORS, FAILS, "'ArnNotEquals':{'ecs:cluster':'" BLUE "'}", "ecs:cluster=" BLUE)
COND(OPERATORS, HOLDS, "'ArnNotEquals':{'ecs:cluster':'" GREEN "'}", "ecs:cluster=" BLUE)
COND(OPERATORS, FAILS, "'ArnNotLike':{'ecs:cluster':'arn:aws:ecs:*:*:cluster/b*'}", "ecs:cluster=" BLUE)
COND(OPERATORS, HOLDS, "'ArnNotLike':{'ecs:cluster':'arn:aws:ecs:*:*:cluster/g*'}", "ecs:cluster=" BLUE)
COND(OPERATORS, HOLDS, "'ArnNotLike':{'ecs:cluster':'arn:aws:ecs:*:*:cluster/g*'}", "")

/* ---- IfExists, Null ---- */
COND(OPERATORS, HOLDS, "'StringEqualsIfExists':{'aws:username':'anna'}", "")
COND(OPERATORS, HOLDS, "'StringEqualsIfExists':{'aws:username':'anna'}", "aws:username=anna")
COND(OPERATORS, FAILS, "'StringEqualsIfExists':{'aws:username':'anna'}", "aws:username=bert")
COND(OPERATORS, HOLDS, "'StringLikeIfExists':{'ec2:InstanceType':['t1.*','t2.*']}", "")
COND(OPERATORS, FAILS, "'StringLikeIfExists':{'ec2:InstanceType':['t1.*','t2.*']}", "ec2:InstanceType=m5.large")
COND(OPERATORS, HOLDS, "'NumericLessThanIfExists':{'s3:max-keys':'10'}", "")
COND(OPERATORS, HOLDS, "'DateLessThanIfExists':{'aws:CurrentTime':'2020-01-01'}", "")
COND(OPERATORS, HOLDS, "'BoolIfExists':{'aws:MultiFactorAuthPresent':'false'}", "")
COND(OPERATORS, HOLDS, "'IpAddressIfExists':{'aws:SourceIp':'10.0.0.0/8'}", "")
COND(OPERATORS, HOLDS, "'ArnLikeIfExists':{'ecs:cluster':'" GREEN "'}", "")
COND(OPERATORS, FAILS, "'ArnLikeIfExists':{'ecs:cluster':'" GREEN "'}", "ecs:cluster=" BLUE)
COND(OPERATORS, HOLDS, "'StringNotEqualsIfExists':{'aws:username':'anna'}", "")
COND(OPERATORS, HOLDS, "'Null':{'aws:TokenIssueTime':'true'}", "")
COND(OPERATORS, FAILS, "'Null':{'aws:TokenIssueTime':'true'}", "aws:TokenIssueTime=x")
COND(OPERATORS, HOLDS, "'Null':{'aws:TokenIssueTime':false}", "aws:TokenIssueTime=x")
COND(OPERATORS, FAILS, "'Null':{'aws:TokenIssueTime':'false'}", "")
COND(OPERATORS, FAILS, "'Null':{'aws:TokenIssueTime':'maybe'}", "")

/* ---- Conditions with multiple context keys or values ---- */
COND(MULTI, HOLDS, "'StringEquals':{'aws:username':'anna','aws:userid':'1'}", "aws:username=anna;aws:userid=1")
COND(MULTI, FAILS, "'StringEquals':{'aws:username':'anna','aws:userid':'2'}", "aws:username=anna;aws:userid=1")
COND(MULTI, HOLDS, "'StringEquals':{'aws:username':['bert','anna'],'aws:userid':['1','2']}",
     "aws:username=anna;aws:userid=2")
COND(MULTI, FAILS, "'StringEquals':{'aws:username':'anna'},'Bool':{'aws:SecureTransport':'true'}",
     "aws:username=anna;aws:SecureTransport=false")
COND(MULTI, HOLDS, "'StringEquals':{'aws:username':'anna'},'Bool':{'aws:SecureTransport':'true'}",
     "aws:username=anna;aws:SecureTransport=true")
COND(MULTI, HOLDS, "", "")
COND(MULTI, HOLDS, "'StringEquals':{}", "")
COND(MULTI, HOLDS, "'ForAllValues:StringEquals':{'aws:TagKeys':['team','cost']}", "aws:TagKeys=team")
COND(MULTI, HOLDS, "'ForAllValues:StringEquals':{'aws:TagKeys':['team','cost']}", "aws:TagKeys=team|cost")
COND(MULTI, FAILS, "'ForAllValues:StringEquals':{'aws:TagKeys':['team','cost']}", "aws:TagKeys=team|cost|more")
COND(MULTI, HOLDS, "'ForAllValues:StringEquals':{'aws:TagKeys':['team','cost']}", "")
COND(MULTI, HOLDS, "'ForAnyValue:StringEquals':{'aws:TagKeys':['team','cost']}", "aws:TagKeys=more|cost")
COND(MULTI, FAILS, "'ForAnyValue:StringEquals':{'aws:TagKeys':['team','cost']}", "aws:TagKeys=more|less")
COND(MULTI, FAILS, "'ForAnyValue:StringEquals':{'aws:TagKeys':['team','cost']}", "")
COND(MULTI, HOLDS, "'ForAnyValue:StringLike':{'aws:TagKeys':'te*'}", "aws:TagKeys=a|team")
COND(MULTI, FAILS, "'ForAllValues:StringLike':{'aws:TagKeys':'te*'}", "aws:TagKeys=a|team")
COND(MULTI, HOLDS, "'ForAllValues:StringLike':{'aws:TagKeys':'te*'}", "aws:TagKeys=test|team")
COND(MULTI, FAILS, "'ForAllValues:StringNotEquals':{'aws:TagKeys':'team'}", "aws:TagKeys=a|team")
COND(MULTI, HOLDS, "'ForAllValues:StringNotEquals':{'aws:TagKeys':'team'}", "aws:TagKeys=a|b")
COND(MULTI, HOLDS, "'ForAllValues:StringNotEquals':{'aws:TagKeys':'team'}", "")
COND(MULTI, HOLDS, "'ForAnyValue:StringNotEquals':{'aws:TagKeys':'team'}", "aws:TagKeys=a|team")
COND(MULTI, FAILS, "'ForAnyValue:StringNotEquals':{'aws:TagKeys':'team'}", "aws:TagKeys=team")
COND(MULTI, FAILS, "'ForAnyValue:StringNotEquals':{'aws:TagKeys':'team'}", "")
COND(MULTI, HOLDS, "'ForAnyValue:StringEqualsIfExists':{'aws:TagKeys':'team'}", "")
COND(MULTI, FAILS, "'ForAllValues:StringEquals':{'aws:TagKeys':'team'},'Null':{'aws:TagKeys':'false'}", "")
COND(MULTI, HOLDS, "'ForAllValues:StringEquals':{'aws:TagKeys':'team'},'Null':{'aws:TagKeys':'false'}",
     "aws:TagKeys=team")
COND(MULTI, HOLDS, "'ForAnyValue:ArnLike':{'ecs:cluster':'" BLUE "'}", "ecs:cluster=" GREEN "|" BLUE)
COND(MULTI, HOLDS, "'ForAllValues:NumericLessThan':{'x:n':'10'}", "x:n=1|2|3")
COND(MULTI, FAILS, "'ForAllValues:NumericLessThan':{'x:n':'10'}", "x:n=1|20|3")
COND(MULTI, HOLDS, "'ForAnyValue:IpAddress':{'x:ip':'10.0.0.0/8'}", "x:ip=1.2.3.4|10.1.1.1")

/* ---- Conditions in denies and boundaries ---- */
CASE(LOGIC, DENIED_IDENTITY, .keys = "aws:SecureTransport=false",
     .identity = {DOC(ALLOW("*", "*") "," DENY_IF("*", "*", "'Bool':{'aws:SecureTransport':'false'}"))})
CASE(LOGIC, ALLOWED, .keys = "aws:SecureTransport=true",
     .identity = {DOC(ALLOW("*", "*") "," DENY_IF("*", "*", "'Bool':{'aws:SecureTransport':'false'}"))})
CASE(LOGIC, DENIED_IDENTITY,
     .identity = {DOC(ALLOW("*", "*") "," DENY_IF("*", "*", "'BoolIfExists':{'aws:MultiFactorAuthPresent':'false'}"))})
CASE(LOGIC, ALLOWED,
     .identity = {DOC(ALLOW("*", "*") "," DENY_IF("*", "*", "'Bool':{'aws:MultiFactorAuthPresent':'false'}"))})
CASE(LOGIC, DENIED_IDENTITY, .keys = "aws:RequestedRegion=us-east-1",
     .identity = {
         DOC(ALLOW("*", "*") "," DENY_IF("*", "*",
                                         "'StringNotEquals':{'aws:RequestedRegion':['eu-west-1','eu-central-1']}"))})
CASE(LOGIC, ALLOWED, .keys = "aws:RequestedRegion=eu-west-1",
     .identity = {
         DOC(ALLOW("*", "*") "," DENY_IF("*", "*",
                                         "'StringNotEquals':{'aws:RequestedRegion':['eu-west-1','eu-central-1']}"))})
CASE(TRUST, ALLOWED, .who = SERVICE, .must = true, .keys = "aws:SourceAccount=111122223333",
     .resource_policy = DOC(ALLOW_TO_IF("*", TASKS, "'StringEquals':{'aws:SourceAccount':'111122223333'}")))
CASE(TRUST, NO_RESOURCE, .who = SERVICE, .must = true, .keys = "aws:SourceAccount=444455556666",
     .resource_policy = DOC(ALLOW_TO_IF("*", TASKS, "'StringEquals':{'aws:SourceAccount':'111122223333'}")))
CASE(TRUST, ALLOWED, .who = FOREIGN, .must = true, .keys = "sts:ExternalId=42", .identity = {DOC(ALLOW("*", "*"))},
     .resource_policy = DOC(ALLOW_TO_IF("*", AWS(AWAY), "'StringEquals':{'sts:ExternalId':'42'}")))
CASE(TRUST, NO_RESOURCE, .who = FOREIGN, .must = true, .identity = {DOC(ALLOW("*", "*"))},
     .resource_policy = DOC(ALLOW_TO_IF("*", AWS(AWAY), "'StringEquals':{'sts:ExternalId':'42'}")))
