/* What policy_read says to a document. CASE(kind, message or NULL when it is accepted, JSON with ' for ").
 * Included where CASE is defined. The messages are IAM's. */

#define SYNTAX "Syntax errors in policy."
#define LEGACY "The policy failed legacy parsing"

/* the document */
CASE(IDENTITY, NULL, ONE("'Effect':'Allow','Action':'*','Resource':'*'"))
CASE(IDENTITY, NULL, "{'Version':'2012-10-17','Statement':{'Effect':'Allow','Action':'*','Resource':'*'}}")
CASE(IDENTITY, NULL, "{'Version':'2008-10-17','Id':'x','Statement':{'Effect':'Allow','Action':'*','Resource':'*'}}")
CASE(IDENTITY, NULL, "{'Statement':{'Effect':'Allow','Action':'*','Resource':'*'}}")
CASE(MANAGED, "Policy document must be version 2012-10-17 or greater.",
     "{'Statement':{'Effect':'Allow','Action':'*','Resource':'*'}}")
CASE(MANAGED, "Policy document must be version 2012-10-17 or greater.",
     "{'Version':'2008-10-17','Statement':{'Effect':'Allow','Action':'*','Resource':'*'}}")
CASE(MANAGED, NULL, ONE("'Effect':'Allow','Action':'*','Resource':'*'"))
CASE(IDENTITY, SYNTAX, "")
CASE(IDENTITY, SYNTAX, "no json")
CASE(IDENTITY, SYNTAX, "{")
CASE(IDENTITY, SYNTAX, "[]")
CASE(IDENTITY, SYNTAX, "'x'")
CASE(IDENTITY, SYNTAX, "{}")
CASE(IDENTITY, SYNTAX, "{'Version':'2012-10-17'}")
CASE(IDENTITY, SYNTAX, "{'Version':'2012-10-17','Statement':[]}")
CASE(IDENTITY, SYNTAX, "{'Version':'2012-10-17','Statement':'x'}")
CASE(IDENTITY, SYNTAX, "{'Version':'2012-10-17','Statement':['x']}")
CASE(IDENTITY, SYNTAX, "{'Version':'2012-10-18','Statement':{'Effect':'Allow','Action':'*','Resource':'*'}}")
CASE(IDENTITY, SYNTAX, "{'Version':20121017,'Statement':{'Effect':'Allow','Action':'*','Resource':'*'}}")
CASE(IDENTITY, SYNTAX, "{'Id':1,'Statement':{'Effect':'Allow','Action':'*','Resource':'*'}}")
CASE(IDENTITY, SYNTAX, "{'Extra':'x','Statement':{'Effect':'Allow','Action':'*','Resource':'*'}}")
CASE(IDENTITY, SYNTAX,
     "{'Version':'2012-10-17','Version':'2012-10-17','Statement':{'Effect':'Allow','Action':'*','Resource':'*'}}")
CASE(IDENTITY, SYNTAX, ONE("'Effect':'Allow','Effect':'Allow','Action':'*','Resource':'*'"))
CASE(IDENTITY, SYNTAX, ONE("'Effect':'Allow','Action':'*','Resource':'*'") " x")

/* the statement */
CASE(IDENTITY, SYNTAX, ONE("'Action':'*','Resource':'*'"))
CASE(IDENTITY, SYNTAX, ONE("'Effect':'Maybe','Action':'*','Resource':'*'"))
CASE(IDENTITY, LEGACY, ONE("'Effect':'allow','Action':'*','Resource':'*'"))
CASE(IDENTITY, LEGACY, ONE("'Effect':'DENY','Action':'*','Resource':'*'"))
CASE(IDENTITY, SYNTAX, ONE("'Effect':['Allow'],'Action':'*','Resource':'*'"))
CASE(IDENTITY, SYNTAX, ONE("'Effect':'Allow','action':'*','Resource':'*'"))
CASE(IDENTITY, SYNTAX, ONE("'Effect':'Allow','Actions':'*','Resource':'*'"))
CASE(IDENTITY, NULL, ONE("'Sid':'A1','Effect':'Allow','Action':'*','Resource':'*'"))
CASE(IDENTITY, NULL, ONE("'Sid':'','Effect':'Allow','Action':'*','Resource':'*'"))
CASE(IDENTITY, SYNTAX, ONE("'Sid':1,'Effect':'Allow','Action':'*','Resource':'*'"))
CASE(IDENTITY,
     "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression "
     "[0-9A-Za-z]*",
     ONE("'Sid':'a b','Effect':'Allow','Action':'*','Resource':'*'"))
CASE(RESOURCE, NULL, ONE("'Sid':'a b','Effect':'Allow','Action':'*','Principal':'*'"))
CASE(IDENTITY, "Statement IDs (SID) in a single policy must be unique.",
     TWO("'Sid':'A','Effect':'Allow','Action':'*','Resource':'*'",
         "'Sid':'A','Effect':'Allow','Action':'*','Resource':'*'"))
CASE(IDENTITY, NULL,
     TWO("'Sid':'','Effect':'Allow','Action':'*','Resource':'*'",
         "'Sid':'','Effect':'Allow','Action':'*','Resource':'*'"))

/* actions */
CASE(IDENTITY, "Policy statement must contain actions.", ONE("'Effect':'Allow','Resource':'*'"))
CASE(IDENTITY, "Policy statement must contain actions.", ONE("'Effect':'Allow','Action':[],'Resource':'*'"))
CASE(IDENTITY, SYNTAX, ONE("'Effect':'Allow','Action':'*','NotAction':'*','Resource':'*'"))
CASE(IDENTITY, SYNTAX, ONE("'Effect':'Allow','Action':1,'Resource':'*'"))
CASE(IDENTITY, SYNTAX, ONE("'Effect':'Allow','Action':['ecs:*',true],'Resource':'*'"))
CASE(IDENTITY, SYNTAX, ONE("'Effect':'Allow','Action':{'a':'b'},'Resource':'*'"))
CASE(IDENTITY, NULL, ONE("'Effect':'Allow','NotAction':['iam:*','sts:*'],'Resource':'*'"))
CASE(IDENTITY, "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
     ONE("'Effect':'Allow','Action':'RunTask','Resource':'*'"))
CASE(IDENTITY, "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
     ONE("'Effect':'Allow','Action':['ecs:*',''],'Resource':'*'"))
CASE(IDENTITY, "Actions/Condition can contain only one colon.",
     ONE("'Effect':'Allow','Action':'ecs:Run:Task','Resource':'*'"))
CASE(IDENTITY, "Vendor e*s is not valid", ONE("'Effect':'Allow','Action':'e*s:RunTask','Resource':'*'"))
CASE(IDENTITY, "Vendor  is not valid", ONE("'Effect':'Allow','Action':':RunTask','Resource':'*'"))

/* resources */
CASE(IDENTITY, "Policy statement must contain resources.", ONE("'Effect':'Allow','Action':'*'"))
CASE(IDENTITY, "Policy statement must contain resources.", ONE("'Effect':'Allow','Action':'*','Resource':[]"))
CASE(IDENTITY, SYNTAX, ONE("'Effect':'Allow','Action':'*','Resource':'*','NotResource':'*'"))
CASE(IDENTITY, SYNTAX, ONE("'Effect':'Allow','Action':'*','Resource':[1]"))
CASE(IDENTITY, "Resource blue must be in ARN format or \"*\".", ONE("'Effect':'Allow','Action':'*','Resource':'blue'"))
CASE(IDENTITY, "Resource  must be in ARN format or \"*\".", ONE("'Effect':'Allow','Action':'*','Resource':''"))
CASE(IDENTITY, "Resource blue must be in ARN format or \"*\".",
     ONE("'Effect':'Allow','Action':'*','NotResource':'blue'"))
CASE(IDENTITY, "Partition \"aws2\" is not valid for resource \"arn:aws2:ecs:us-east-1:1:cluster/a:b\".",
     ONE("'Effect':'Allow','Action':'*','Resource':'arn:aws2:ecs:us-east-1:1:cluster/a:b'"))
CASE(IDENTITY, "Partition \"bar\" is not valid for resource \"arn:bar:*:*:*:*\".",
     ONE("'Effect':'Allow','Action':'*','Resource':'foo:bar'"))
CASE(IDENTITY, "Resource vendor must be fully qualified and cannot contain regexes.",
     ONE("'Effect':'Allow','Action':'*','Resource':'arn:aws'"))
CASE(IDENTITY, LEGACY, ONE("'Effect':'Allow','Action':'*','Resource':'arn:aws::us-east-1:1:x'"))
CASE(IDENTITY, LEGACY, ONE("'Effect':'Allow','Action':'*','Resource':'arn:aws:s3::bucket'"))
CASE(IDENTITY, NULL, ONE("'Effect':'Allow','Action':'*','Resource':'arn:aws:s3:::bucket'"))
CASE(IDENTITY, NULL, ONE("'Effect':'Allow','Action':'*','Resource':'arn:aws:ecs:*'"))
CASE(IDENTITY, NULL, ONE("'Effect':'Allow','Action':'*','Resource':'arn:*:ecs:*:*:task/*/${aws:username}'"))
CASE(IDENTITY, "Resource arn:aws:s3:us-east-1::bucket can not contain region information.",
     ONE("'Effect':'Allow','Action':'*','Resource':'arn:aws:s3:us-east-1::bucket'"))
CASE(IDENTITY, "IAM resource arn:aws:iam:us-east-1:1:user/x cannot contain region information.",
     ONE("'Effect':'Allow','Action':'*','Resource':'arn:aws:iam:us-east-1:1:user/x'"))
CASE(IDENTITY,
     "IAM resource path must either be \"*\" or start with user/, federated-user/, role/, group/, "
     "instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, "
     "access-report/.",
     ONE("'Effect':'Allow','Action':'*','Resource':'arn:aws:iam::1:usr/x'"))
CASE(IDENTITY, NULL, ONE("'Effect':'Allow','Action':'*','Resource':['arn:aws:iam::1:user/x','arn:aws:iam::1:*']"))
CASE(IDENTITY,
     "A value has more than 16 policy variables: ${a:b}${a:b}${a:b}${a:b}${a:b}${a:b}${a:b}${a:b}${a:b}${a:b}"
     "${a:b}${a:b}${a:b}${a:b}${a:b}${a:b}${a:b}",
     ONE("'Effect':'Allow','Action':'*','Resource':'${a:b}${a:b}${a:b}${a:b}${a:b}${a:b}${a:b}${a:b}${a:b}${a:b}${a:b}"
         "${a:b}${a:b}${a:b}${a:b}${a:b}${a:b}'"))

/* conditions */
CASE(IDENTITY, NULL, IF("{}"))
CASE(IDENTITY, NULL, IF("{'StringEquals':{'aws:username':'x'},'Bool':{'aws:SecureTransport':[true,false]}}"))
CASE(IDENTITY, NULL, IF("{'NumericLessThan':{'s3:max-keys':[10,10.5,'11']}}"))
CASE(IDENTITY, NULL, IF("{'Unknown':{}}"))
CASE(IDENTITY, SYNTAX, IF("[]"))
CASE(IDENTITY, SYNTAX, IF("'x'"))
CASE(IDENTITY, SYNTAX, IF("{'StringEquals':'x'}"))
CASE(IDENTITY, SYNTAX, IF("{'StringEquals':{'aws:username':{}}}"))
CASE(IDENTITY, SYNTAX, IF("{'StringEquals':{'aws:username':null}}"))
CASE(IDENTITY, SYNTAX, IF("{'StringEquals':{'aws:username':[['x']]}}"))
CASE(IDENTITY, SYNTAX, IF("{'StringEqual':{'aws:username':'x'}}"))
CASE(IDENTITY, SYNTAX, IF("{'stringequals':{'aws:username':'x'}}"))
CASE(IDENTITY, SYNTAX, IF("{'':{'aws:username':'x'}}"))
CASE(IDENTITY, SYNTAX, IF("{'NullIfExists':{'aws:username':'true'}}"))
CASE(IDENTITY, SYNTAX, IF("{'ForSomeValues:StringEquals':{'aws:username':'x'}}"))
CASE(IDENTITY, SYNTAX, IF("{'ForAnyValue:ForAllValues:StringEquals':{'aws:username':'x'}}"))
CASE(IDENTITY, SYNTAX, IF("{'StringEqualsIfExistsIfExists':{'aws:username':'x'}}"))
CASE(IDENTITY, SYNTAX, IF("{'StringEquals':{'aws:username':'x','aws:username':'y'}}"))
CASE(IDENTITY, NULL, IF("{'ForAnyValue:StringLikeIfExists':{'aws:TagKeys':['x']}}"))
CASE(IDENTITY, NULL, IF("{'ForAllValues:Null':{'aws:TagKeys':'true'}}"))
CASE(IDENTITY, "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
     IF("{'StringEquals':{'username':'x'}}"))
CASE(IDENTITY, NULL, IF("{'StringEquals':{'oidc.eks.us-east-1.amazonaws.com/id/AB:sub':'system:x'}}"))
CASE(IDENTITY, NULL, IF("{'StringEquals':{'aws:RequestTag/a:b':'x'}}"))
CASE(IDENTITY, NULL,
     IF("{'DateLessThan':{'aws:CurrentTime':['2026-11-28T14:00:00Z','2026-11-28','1795874400',1795874400]}}"))
CASE(IDENTITY, LEGACY, IF("{'DateLessThan':{'aws:CurrentTime':'tomorrow'}}"))
CASE(IDENTITY, LEGACY, IF("{'DateEqualsIfExists':{'aws:CurrentTime':['2026-11-28','2026-13-01']}}"))

/* principals */
CASE(IDENTITY, "Policy document should not specify a principal.",
     ONE("'Effect':'Allow','Action':'*','Resource':'*','Principal':'*'"))
CASE(MANAGED, "Policy document should not specify a principal.",
     ONE("'Effect':'Deny','Action':'*','Resource':'*','NotPrincipal':'*'"))
CASE(RESOURCE, NULL, TO("'*'"))
CASE(RESOURCE, SYNTAX, TO("'arn:aws:iam::111122223333:root'"))
CASE(RESOURCE, SYNTAX, TO("['*']"))
CASE(RESOURCE, SYNTAX, TO("{'Aws':'*'}"))
CASE(RESOURCE, SYNTAX, TO("{'AWS':1}"))
CASE(RESOURCE, SYNTAX, ONE("'Effect':'Deny','Action':'*','Principal':'*','NotPrincipal':'*'"))
CASE(RESOURCE, "Missing required field Principal cannot be empty!", TO("{}"))
CASE(RESOURCE, "Missing required field Principal cannot be empty!", ONE("'Effect':'Allow','Action':'*'"))
CASE(RESOURCE, NULL, TO("{'AWS':'*'}"))
CASE(RESOURCE, NULL,
     TO("{'AWS':['111122223333','arn:aws:iam::111122223333:root','arn:aws:iam::111122223333:user/a/b']}"))
CASE(RESOURCE, NULL, TO("{'AWS':'arn:aws:sts::111122223333:assumed-role/a/b'}"))
CASE(RESOURCE, NULL, TO("{'AWS':'AROAEXAMPLEEXAMPLE123'}"))
CASE(RESOURCE, "Invalid principal in policy: \"AWS\":\"anna\"", TO("{'AWS':'anna'}"))
CASE(RESOURCE, "Invalid principal in policy: \"AWS\":\"11112222333\"", TO("{'AWS':'11112222333'}"))
CASE(RESOURCE, "Invalid principal in policy: \"AWS\":\"arn:aws:iam::111122223333:user/*\"",
     TO("{'AWS':'arn:aws:iam::111122223333:user/*'}"))
CASE(RESOURCE, "Invalid principal in policy: \"AWS\":\"arn:aws:iam::111122223333:group/x\"",
     TO("{'AWS':'arn:aws:iam::111122223333:group/x'}"))
CASE(RESOURCE, "Invalid principal in policy: \"AWS\":\"arn:aws:iam::12345678910:role/x\"",
     TO("{'AWS':['*','arn:aws:iam::12345678910:role/x']}"))
CASE(RESOURCE, "Invalid principal in policy: \"SERVICE\":\"ecs-tasks\"", TO("{'Service':'ecs-tasks'}"))
CASE(RESOURCE, "Invalid principal in policy: \"SERVICE\":\"*\"", TO("{'Service':'*'}"))
CASE(RESOURCE, "Invalid principal in policy: \"FEDERATED\":\"x\"", TO("{'Federated':'x'}"))
CASE(RESOURCE, "Invalid principal in policy: \"CANONICAL_USER\":\"x\"", TO("{'CanonicalUser':'x'}"))
CASE(RESOURCE, "NotPrincipal must be used with \"Effect\":\"Deny\".",
     ONE("'Effect':'Allow','Action':'*','NotPrincipal':'*'"))
CASE(RESOURCE, NULL, ONE("'Effect':'Deny','Action':'*','NotPrincipal':{'AWS':'111122223333'}"))
CASE(RESOURCE, NULL, ONE("'Effect':'Allow','Action':'*','Resource':'*','Principal':'*'"))

/* trust policies */
CASE(TRUST, NULL, ONE("'Effect':'Allow','Action':'sts:AssumeRole','Principal':{'Service':'ecs-tasks.amazonaws.com'}"))
CASE(TRUST, NULL,
     ONE("'Effect':'Allow','Action':['sts:AssumeRole','sts:TagSession'],'Principal':{'AWS':'111122223333'}"))
CASE(TRUST, NULL,
     ONE("'Effect':'Allow','Action':'sts:AssumeRoleWithWebIdentity','Principal':{'Federated':"
         "'arn:aws:iam::111122223333:oidc-provider/id.example.com/a'}"))
CASE(TRUST, NULL,
     ONE("'Effect':'Allow','Action':'sts:AssumeRoleWithWebIdentity','Principal':{'Federated':"
         "'accounts.google.com'}"))
CASE(TRUST, "Has prohibited field Resource",
     ONE("'Effect':'Allow','Action':'sts:AssumeRole','Principal':'*','Resource':'*'"))
CASE(TRUST, "Has prohibited field NotPrincipal", ONE("'Effect':'Deny','Action':'sts:AssumeRole','NotPrincipal':'*'"))
CASE(TRUST, "Missing required field Principal cannot be empty!", ONE("'Effect':'Allow','Action':'sts:AssumeRole'"))
CASE(TRUST, "AssumeRole policy may only specify STS AssumeRole actions.",
     ONE("'Effect':'Allow','Action':'ecs:RunTask','Principal':'*'"))
CASE(TRUST, "Policy statement must contain actions.", ONE("'Effect':'Allow','Principal':'*'"))
CASE(TRUST, "Invalid principal in policy: \"AWS\":\"anna\"",
     ONE("'Effect':'Allow','Action':'sts:AssumeRole','Principal':{'AWS':'anna'}"))
