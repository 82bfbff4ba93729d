#!/usr/bin/python3
"""Captures what clients put on the wire: a listener that stores each request as it came, and the calls to make.

usage: capture.py OUTPUT_DIR [NODE_DIR]

NODE_DIR is a folder outside the repository where `npm install @aws-sdk/client-ecs ...` was run; without it the JavaScript
captures are left out. The requests are signed with the made-up key below, which the tests know.
"""
import http.server
import os
import re
import subprocess
import sys
import tempfile
import threading

KEY, SECRET = 'AKIABERTHWIRETEST000', 'berth/wire+test=secret'
ENV = {**os.environ, 'AWS_ACCESS_KEY_ID': KEY, 'AWS_SECRET_ACCESS_KEY': SECRET, 'AWS_DEFAULT_REGION': 'eu-west-1',
       'AWS_REGION': 'eu-west-1', 'AWS_MAX_ATTEMPTS': '1', 'AWS_EC2_METADATA_DISABLED': 'true',
       'AWS_CONFIG_FILE': '/dev/null', 'AWS_SHARED_CREDENTIALS_FILE': '/dev/null', 'HOME': '/nonexistent'}
captured = []
BODY = tempfile.NamedTemporaryFile()
BODY.write(b'hello')
BODY.flush()


class Listener(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def handle_any(self):
        head = self.raw_requestline + b''.join(f'{k}: {v}\r\n'.encode('latin-1') for k, v in self.headers.items())
        if self.headers.get('Transfer-Encoding', '') == 'chunked':
            body = b''
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get('Content-Length', 0)))
        head = re.sub(rb'(?im)^user-agent:.*\r\n', b'', head)  # not signed, and it tells of this machine
        captured.append(head + b'\r\n' + body)
        self.send_response(400)
        self.send_header('Content-Length', '0')
        self.send_header('Connection', 'close')
        self.end_headers()

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = handle_any

    def log_message(self, *_):
        pass


CONTAINER = {'name': 'web', 'image': 'nginx:1.27', 'essential': True, 'memory': 128, 'command': [],
             'portMappings': [{'containerPort': 80, 'protocol': 'tcp'}],
             'environment': [{'name': 'GREETING', 'value': 'h\u00e9llo "w\u00f6rld" \u2603 \U0001f680 <&>\n'}],
             'logConfiguration': {'logDriver': 'awslogs', 'options': {'awslogs-group': '/x'}}}
CALLS = [  # name, service, operation, parameters
    ('ecs-run-task', 'ecs', 'run_task', {
        'cluster': 'default', 'taskDefinition': 'web:1', 'count': 2, 'clientToken': 'token', 'launchType': 'FARGATE',
        'networkConfiguration': {'awsvpcConfiguration': {'subnets': ['subnet-1'], 'assignPublicIp': 'ENABLED'}},
        'overrides': {'containerOverrides': [{'name': 'web', 'cpu': 256}]}, 'tags': [{'key': 'a', 'value': ''}]}),
    ('ecs-register-task-definition', 'ecs', 'register_task_definition', {
        'family': 'web', 'cpu': '256', 'memory': '512', 'networkMode': 'awsvpc',
        'requiresCompatibilities': ['FARGATE'], 'containerDefinitions': [CONTAINER]}),
    ('ecs-list-clusters', 'ecs', 'list_clusters', {}),
    ('ec2-describe-vpcs', 'ec2', 'describe_vpcs', {
        'Filters': [{'Name': 'tag:Name', 'Values': ['a b', 'c+d']}, {'Name': 'state', 'Values': ['available']}],
        'MaxResults': 10}),
    ('ec2-authorize-security-group-ingress', 'ec2', 'authorize_security_group_ingress', {
        'GroupId': 'sg-1', 'IpPermissions': [{
            'IpProtocol': 'tcp', 'FromPort': 80, 'ToPort': 443,
            'IpRanges': [{'CidrIp': '10.0.0.0/8', 'Description': 'in & out = 100%'}, {'CidrIp': '0.0.0.0/0'}],
            'UserIdGroupPairs': [{'GroupId': 'sg-2'}]}]}),
    ('sts-get-caller-identity', 'sts', 'get_caller_identity', {}),
    ('sts-assume-role', 'sts', 'assume_role', {
        'RoleArn': 'arn:aws:iam::123456789012:role/r', 'RoleSessionName': 'session', 'DurationSeconds': 900,
        'PolicyArns': [{'arn': 'arn:aws:iam::aws:policy/ReadOnlyAccess'}], 'Tags': [{'Key': 'k', 'Value': 'v'}]}),
    ('logs-put-log-events', 'logs', 'put_log_events', {
        'logGroupName': '/g', 'logStreamName': 's',
        'logEvents': [{'timestamp': 1767225600123, 'message': 'one'}, {'timestamp': 1767225600124, 'message': '\u00e4'}]}),
    ('efs-create-file-system', 'efs', 'create_file_system', {
        'CreationToken': 'token', 'Encrypted': False, 'ProvisionedThroughputInMibps': 1.5,
        'Tags': [{'Key': 'Name', 'Value': 'data'}]}),
    ('efs-describe-file-systems', 'efs', 'describe_file_systems', {'MaxItems': 3, 'CreationToken': 'a +/\u00e9'}),
    ('eks-describe-cluster', 'eks', 'describe_cluster', {'name': 'my cluster'}),
    ('eks-tag-resource', 'eks', 'tag_resource', {
        'resourceArn': 'arn:aws:eks:eu-west-1:123456789012:cluster/prod', 'tags': {'team': 'x y', 'empty': ''}}),
    ('eks-untag-resource', 'eks', 'untag_resource', {
        'resourceArn': 'arn:aws:eks:eu-west-1:123456789012:cluster/prod', 'tagKeys': ['b', 'a b']}),
    ('elbv2-create-target-group', 'elbv2', 'create_target_group', {
        'Name': 'tg', 'Protocol': 'HTTP', 'Port': 80, 'VpcId': 'vpc-1', 'HealthCheckEnabled': True,
        'Matcher': {'HttpCode': '200-299'}}),
    ('elb-describe-load-balancers', 'elb', 'describe_load_balancers', {'LoadBalancerNames': ['a', 'b']}),
    ('cloudwatch-put-metric-data', 'cloudwatch', 'put_metric_data', {
        'Namespace': 'N', 'MetricData': [{'MetricName': 'm', 'Timestamp': '2026-01-01T00:00:00Z', 'Value': 1.25,
                                          'Dimensions': [{'Name': 'd', 'Value': 'v'}]}]}),
    ('secretsmanager-create-secret', 'secretsmanager', 'create_secret', {
        'Name': 's', 'ClientRequestToken': 'a' * 32, 'SecretBinary': b'\x00\xff\x10binary'}),
]
CLI = [
    ('sts-get-caller-identity', ['sts', 'get-caller-identity']),
    ('ec2-describe-vpcs', ['ec2', 'describe-vpcs', '--filters', 'Name=state,Values=available', '--vpc-ids', 'vpc-1']),
    ('ecs-run-task', ['ecs', 'run-task', '--cluster', 'c', '--task-definition', 'web', '--count', '1']),
    ('cloudwatch-put-metric-data', ['cloudwatch', 'put-metric-data', '--namespace', 'N', '--metric-name', 'm',
                                    '--value', '2', '--dimensions', 'd=v']),
    ('eks-list-clusters', ['eks', 'list-clusters', '--max-items', '5']),
    ('s3-put-object', ['s3api', 'put-object', '--bucket', 'b', '--key', "a b/\u00e9+%('x'", '--body', BODY.name]),
]
JS = [  # package, client, command, parameters: the same names as above
    ('ecs-run-task', 'ecs', 'ECSClient', 'RunTaskCommand', CALLS[0][3]),
    ('ecs-register-task-definition', 'ecs', 'ECSClient', 'RegisterTaskDefinitionCommand', CALLS[1][3]),
    ('ec2-describe-vpcs', 'ec2', 'EC2Client', 'DescribeVpcsCommand', CALLS[3][3]),
    ('ec2-authorize-security-group-ingress', 'ec2', 'EC2Client', 'AuthorizeSecurityGroupIngressCommand', CALLS[4][3]),
    ('sts-get-caller-identity', 'sts', 'STSClient', 'GetCallerIdentityCommand', {}),
    ('logs-put-log-events', 'cloudwatch-logs', 'CloudWatchLogsClient', 'PutLogEventsCommand', CALLS[7][3]),
    ('cloudwatch-describe-alarms', 'cloudwatch', 'CloudWatchClient', 'DescribeAlarmsCommand',
     {'AlarmNames': ['a'], 'MaxRecords': 5}),
    ('efs-describe-file-systems', 'efs', 'EFSClient', 'DescribeFileSystemsCommand', CALLS[9][3]),
    ('eks-tag-resource', 'eks', 'EKSClient', 'TagResourceCommand', CALLS[11][3]),
    ('eks-untag-resource', 'eks', 'EKSClient', 'UntagResourceCommand', CALLS[12][3]),
    ('s3-put-object', 's3', 'S3Client', 'PutObjectCommand', {'Bucket': 'b', 'Key': "a b/\u00e9+%('x'", 'Body': 'hello'}),
]
SCRIPT = '''
const {%s: Client, %s: Command} = require('@aws-sdk/client-%s');
const client = new Client({endpoint: '%s', region: 'eu-west-1', maxAttempts: 1, forcePathStyle: true});
client.send(new Command(%s)).catch(() => {}).finally(() => process.exit(0));
'''


def boto_calls(endpoint):
    import boto3
    from botocore.config import Config
    os.environ.update(ENV)
    config = Config(retries={'max_attempts': 0}, s3={'addressing_style': 'path'}, signature_version='v4')
    s3_config = config.merge(Config(signature_version='s3v4'))
    for name, service, operation, parameters in CALLS:
        client = boto3.client(service, endpoint_url=endpoint, config=config)
        yield 'boto-' + name, lambda c=client, o=operation, p=parameters: getattr(c, o)(**p)
    client = boto3.client('s3', endpoint_url=endpoint, config=s3_config)
    yield 'boto-s3-put-object', lambda: client.put_object(Bucket='b', Key="a b/\u00e9+%('x'", Body=b'hello')
    url = client.generate_presigned_url('get_object', {'Bucket': 'b', 'Key': 'a b+c'}, 600)
    yield 'boto-s3-presigned', lambda u=url: subprocess.run(['curl', '-s', u], check=False)
    sts = boto3.client('sts', endpoint_url=endpoint, config=config)
    url = sts.generate_presigned_url('get_caller_identity', {}, 60, HttpMethod='GET')
    yield 'boto-sts-presigned', lambda u=url: subprocess.run(['curl', '-s', u], check=False)


def cli_calls(endpoint):
    for name, arguments in CLI:
        yield 'cli-' + name, lambda a=arguments: subprocess.run(
            ['/usr/bin/aws', '--endpoint-url', endpoint, *a], env=ENV, capture_output=True, check=False)


def js_calls(endpoint, folder):
    import json
    for name, package, client, command, parameters in JS:
        script = SCRIPT % (client, command, package, endpoint, json.dumps(parameters))
        if 'logs' in name or 'cloudwatch' in name:
            script = script.replace('maxAttempts', 'disableHostPrefix: true, maxAttempts')
        yield 'js-' + name, lambda s=script: subprocess.run(
            ['node', '-e', s], env=ENV, cwd=folder, capture_output=True, check=False)


def main():
    out = sys.argv[1]
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f'http://127.0.0.1:{server.server_port}'
    calls = list(boto_calls(endpoint)) + list(cli_calls(endpoint))
    if len(sys.argv) > 2:
        calls += js_calls(endpoint, sys.argv[2])
    for name, call in calls:
        captured.clear()
        try:
            call()
        except Exception as error:  # the listener answers 400 to everything
            if not captured:
                print(name, error)
        if captured:
            with open(os.path.join(out, name + '.http'), 'wb') as file:
                file.write(captured[0])
        else:
            print(name, 'sent nothing')


main()
