/* What RegisterTaskDefinition says to a valid Fargate definition of two containers, app and side, after the change that
 * the row makes. CASE(name, message or NULL when it is accepted, change). Included where CASE is defined. */

/* family, roles */
CASE(valid, NULL, )
CASE(family_empty, "Family should not be null or empty.", s->in.family = STR(""))
CASE(family_dot, "Family contains invalid characters.", s->in.family = STR("a.b"))
CASE(family_space, "Family contains invalid characters.", s->in.family = STR("a b"))
CASE(family_255, NULL, s->in.family = long_name(255))
CASE(family_256, "Family should not be longer than 255 characters.", s->in.family = long_name(256))
CASE(role_name, NULL, s->in.task_role_arn = STR("app-role"))
CASE(role_arn_with_path, NULL, s->in.task_role_arn = STR("arn:aws:iam::111122223333:role/team/app"))
CASE(role_arn_of_a_user, "Role is not valid", s->in.task_role_arn = STR("arn:aws:iam::111122223333:user/app"))
CASE(role_arn_without_account, "Role is not valid", s->in.execution_role_arn = STR("arn:aws:iam:::role/app"))
CASE(role_arn_short_account, "Role is not valid", s->in.execution_role_arn = STR("arn:aws:iam::123:role/app"))

/* the containers */
CASE(no_containers, "Container list cannot be empty.", s->in.container_definitions.count = 0)
CASE(ten_containers, NULL, ten_more(s, 8))
CASE(eleven_containers, "Too many containers.", ten_more(s, 9))
CASE(nothing_essential, "Task definition doesn't have any essential container", SET(s->app, essential, false);
     SET(s->side, essential, false))
CASE(one_essential, NULL, SET(s->app, essential, false))
CASE(name_missing, "Container.name should not be null or empty.", s->app->name = (struct str){NULL, 0})
CASE(name_invalid, "Container.name contains invalid characters.", s->app->name = STR("a/b"))
CASE(name_256, "Container.name should not be longer than 255 characters.", s->app->name = long_name(256))
CASE(name_twice, "Container names must be unique within a Task Definition.", s->side->name = STR("app"))
CASE(image_missing, "Container.image should not be null or empty.", s->app->image = STR(""))
CASE(image_with_space, "Container.image contains invalid characters.", s->app->image = STR("nginx latest"))
CASE(image_with_variable, "Container.image contains invalid characters.", s->app->image = STR("$IMAGE:$TAG"))
CASE(image_with_digest, NULL, s->app->image = STR("127.0.0.1:4566/a/b@sha256:0123"))
CASE(image_of_ecr, NULL, s->app->image = STR("111122223333.dkr.ecr.eu-west-1.amazonaws.com/app:1"))
CASE(image_of_ecr_without_role, "Fargate requires task definition to have execution role ARN to support ECR images.",
     s->in.execution_role_arn = (struct str){NULL, 0};
     s->app->image = STR("111122223333.dkr.ecr.eu-west-1.amazonaws.com/app:1"))

/* network mode, size, storage, platform */
CASE(bridge_on_fargate, "Fargate only supports network mode ‘awsvpc’.", s->in.network_mode = ECS_NETWORK_MODE_BRIDGE)
CASE(no_mode_on_fargate, "Fargate only supports network mode ‘awsvpc’.", s->in.network_mode = ECS_NETWORK_MODE_NONE)
CASE(no_cpu, "Fargate requires that 'cpu' be defined at the task level.", s->in.cpu = (struct str){NULL, 0})
CASE(no_memory, "Fargate requires that 'memory' be defined at the task level.", s->in.memory = (struct str){NULL, 0})
CASE(cpu_in_vcpu, NULL, s->in.cpu = STR("1 vCPU"); s->in.memory = STR("2 GB"))
CASE(cpu_word, "Invalid 'cpu' setting for task.", s->in.cpu = STR("many"))
CASE(memory_negative, "Invalid 'memory' setting for task.", s->in.memory = STR("-512"))
CASE(size_too_much_memory,
     "No Fargate configuration exists for given values: 256 CPU, 4096 memory. See the Amazon ECS documentation for the "
     "valid values.",
     s->in.cpu = STR("256");
     s->in.memory = STR("4096"))
CASE(size_odd_cpu,
     "No Fargate configuration exists for given values: 300 CPU, 1024 memory. See the Amazon ECS documentation for the "
     "valid values.",
     s->in.cpu = STR("300"))
CASE(storage_20, "EphemeralStorage size should be at least 21", storage(s, 20))
CASE(storage_21, NULL, storage(s, 21))
CASE(storage_200, NULL, storage(s, 200))
CASE(storage_201, "EphemeralStorage size should be at most 200", storage(s, 201))
CASE(storage_on_ec2, "Tasks using the EC2 launch type do not support EphemeralStorage", on_ec2(s); storage(s, 30))
CASE(platform_linux, NULL, platform(s, ECS_OS_FAMILY_LINUX, ECS_CPU_ARCHITECTURE_NONE))
CASE(platform_windows,
     "runtimePlatform.operatingSystemFamily 'WINDOWS_SERVER_2022_CORE' is not supported: Berth runs LINUX containers.",
     platform(s, ECS_OS_FAMILY_WINDOWS_SERVER_2022_CORE, ECS_CPU_ARCHITECTURE_NONE))
CASE(pid_mode_host, "Tasks using the Fargate launch type do not support pidMode 'host'",
     s->in.pid_mode = ECS_PID_MODE_HOST)
CASE(ipc_mode, "Fargate compatible task definitions do not support ipcMode", s->in.ipc_mode = ECS_IPC_MODE_TASK)
CASE(constraints, "Fargate compatible task definitions do not support constraints",
     s->in.placement_constraints.items = ONE(s, struct ecs_task_definition_placement_constraint,
                                             .expression = STR("a"));
     s->in.placement_constraints.count = 1)
CASE(fault_injection, "'enableFaultInjection' is not supported: Berth does not inject faults yet.",
     SET(&s->in, enable_fault_injection, true))
CASE(fault_injection_off, NULL, SET(&s->in, enable_fault_injection, false))
CASE(proxy, "'proxyConfiguration' is not supported: Berth has no App Mesh.",
     s->in.proxy_configuration = ONE(s, struct ecs_proxy_configuration, .container_name = STR("app")))
CASE(managed_instances,
     "requiresCompatibilities 'MANAGED_INSTANCES' is not supported: Berth has no managed instances yet.",
     requires(s, ECS_COMPATIBILITY_MANAGED_INSTANCES))
CASE(too_long, "Actual length: '70190'. Max allowed length is '65536' bytes.",
     s->app->command = (struct ecs_string_list){ONE(s, struct str, .ptr = long_name(70000).ptr, .len = 70000), 1})

/* memory and CPU of containers */
CASE(memory_of_container, NULL, SET(s->app, memory, 512))
CASE(memory_over_task, "The 'memory' setting for container 'app' is greater than for the task.",
     SET(s->app, memory, 2048))
CASE(memory_below_reservation,
     "Invalid setting for container 'app'. 'memory' must be greater than or equal to 'memoryReservation'.",
     SET(s->app, memory, 128);
     SET(s->app, memory_reservation, 256))
CASE(memory_tiny, "Invalid setting for container 'app'. 'memory' must be at least 4.", SET(s->app, memory, 3))
CASE(memory_sum, "The sum of all container 'memory' values cannot be greater than the value of the task 'memory'.",
     SET(s->app, memory, 600);
     SET(s->side, memory, 600))
CASE(memory_sum_counts_reservations, NULL, SET(s->app, memory, 1024); SET(s->app, memory_reservation, 100);
     SET(s->side, memory, 900))
CASE(cpu_sum, "The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'.",
     SET(s->app, cpu, 200);
     SET(s->side, cpu, 57))
CASE(cpu_negative, "Invalid setting for container 'app'. 'cpu' must be between 0 and 196608.", SET(s->app, cpu, -1))
CASE(ec2_without_memory,
     "Invalid setting for container 'app'. At least one of 'memory' or 'memoryReservation' must be specified.",
     on_ec2(s);
     s->in.memory = (struct str){NULL, 0})

/* what awsvpc and Fargate rule out */
CASE(links, "Links are not supported when networkMode=awsvpc", s->app->links = strings(s, "side"))
CASE(hostname, "hostname is not supported on container when networkMode=awsvpc", s->app->hostname = STR("web"))
CASE(dns_servers, "DNS servers are not supported on container when networkMode=awsvpc",
     s->app->dns_servers = strings(s, "10.0.0.2"))
CASE(dns_search, "DNS search domains are not supported on container when networkMode=awsvpc",
     s->app->dns_search_domains = strings(s, "local"))
CASE(disable_networking, "Disable Networking is not supported on container when networkMode=awsvpc",
     SET(s->app, disable_networking, true))
CASE(privileged, "Fargate requires that the 'privileged' setting be 'false'", SET(s->app, privileged, true))
CASE(privileged_false, NULL, SET(s->app, privileged, false))
CASE(security_options, "Fargate compatible task definitions do not support dockerSecurityOptions",
     s->app->docker_security_options = strings(s, "no-new-privileges"))
CASE(gpu, "Tasks using the Fargate launch type do not support GPU resource requirements",
     s->app->resource_requirements.items = ONE(s, struct ecs_resource_requirement, .value = STR("1"));
     s->app->resource_requirements.count = 1)
CASE(devices, "Fargate compatible task definitions do not support devices",
     linux_of(s)->devices.items = ONE(s, struct ecs_device, .host_path = STR("/dev/kvm"));
     s->app->linux_parameters->devices.count = 1)
CASE(max_swap, "Fargate compatible task definitions do not support maxSwap", SET(linux_of(s), max_swap, 0))
CASE(swappiness, "Fargate compatible task definitions do not support swappiness", SET(linux_of(s), swappiness, 60))

/* what has no back end */
CASE(secrets, NULL, s->app->secrets.items = ONE(s, struct ecs_secret, .name = STR("A"), .value_from = STR("p"));
     s->app->secrets.count = 1)
CASE(secrets_without_a_role,
     "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
     s->app->secrets.items = ONE(s, struct ecs_secret, .name = STR("A"), .value_from = STR("p"));
     s->app->secrets.count = 1; s->in.execution_role_arn = (struct str){NULL, 0}; s->app->image = STR("busybox");
     s->app->log_configuration = NULL)
CASE(secrets_without_a_name, "Invalid setting for container 'app'. 'secrets' has a variable without a valid name.",
     s->app->secrets.items = ONE(s, struct ecs_secret, .name = STR(""), .value_from = STR("p"));
     s->app->secrets.count = 1)
CASE(secrets_that_are_set_already,
     "The secret name must be unique and not shared with any new or existing environment variables set on the "
     "container, such as 'A'.",
     s->app->secrets.items = ONE(s, struct ecs_secret, .name = STR("A"), .value_from = STR("p"));
     s->app->secrets.count = 1; s->app->environment.items = ONE(s, struct ecs_key_value_pair, .name = STR("A"));
     s->app->environment.count = 1)
CASE(secrets_empty, NULL, s->app->secrets.items = ONE(s, struct ecs_secret, .name = STR("A")))
CASE(repository_credentials, NULL,
     s->app->repository_credentials = ONE(s, struct ecs_repository_credentials, .credentials_parameter = STR("login")))
CASE(repository_credentials_empty,
     "Invalid setting for container 'app'. 'repositoryCredentials.credentialsParameter' must be the ARN or the name of "
     "a secret.",
     s->app->repository_credentials = ONE(s, struct ecs_repository_credentials, .credentials_parameter = STR("")))
CASE(repository_credentials_without_a_role,
     "Private repository authentication requires that the task definition specify a value for executionRoleArn.",
     s->app->repository_credentials = ONE(s, struct ecs_repository_credentials, .credentials_parameter = STR("login"));
     s->in.execution_role_arn = (struct str){NULL, 0}; s->app->image = STR("busybox"); s->app->log_configuration = NULL)
CASE(environment_files, NULL, environment_file(s, STR("arn:aws:s3:::bucket/a:b/prod.env")))
CASE(environment_files_without_a_role,
     "When you are specifying environment files, you must also specify a value for 'executionRoleArn'.",
     environment_file(s, STR("arn:aws:s3:::bucket/prod.env"));
     s->in.execution_role_arn = (struct str){NULL, 0}; s->app->image = STR("busybox"); s->app->log_configuration = NULL)
CASE(environment_files_without_an_extension,
     "Invalid setting for container 'app'. 'environmentFiles.value' must be the ARN of an S3 object whose key ends in "
     ".env: 'arn:aws:s3:::bucket/prod.txt'.",
     environment_file(s, STR("arn:aws:s3:::bucket/prod.txt")))
CASE(environment_files_without_a_key,
     "Invalid setting for container 'app'. 'environmentFiles.value' must be the ARN of an S3 object whose key ends in "
     ".env: 'arn:aws:s3:::bucket.env'.",
     environment_file(s, STR("arn:aws:s3:::bucket.env")))
CASE(environment_files_elsewhere,
     "Invalid setting for container 'app'. 'environmentFiles.value' must be the ARN of an S3 object whose key ends in "
     ".env: 's3://bucket/prod.env'.",
     environment_file(s, STR("s3://bucket/prod.env")))
CASE(environment_files_11, "Invalid setting for container 'app'. 'environmentFiles' must have at most 10 files.",
     s->app->environment_files.items = arena_array(&arena, struct ecs_environment_file, 11);
     s->app->environment_files.count = 11)
CASE(efs, "Invalid setting for volume 'data'. 'efsVolumeConfiguration' is not supported: Berth has no EFS yet.",
     volume(s)->efs_volume_configuration = ONE(s, struct ecs_efs_volume_configuration, .file_system_id = STR("fs-1")))

/* ranges */
CASE(stop_timeout_120, NULL, SET(s->app, stop_timeout, 120))
CASE(stop_timeout_121,
     "Tasks using the Fargate launch type must have a container stop timeout of less than 120 seconds.",
     SET(s->app, stop_timeout, 121))
CASE(stop_timeout_1, "Granular stop timeout on container 'app' must be at least 2 seconds.",
     SET(s->app, stop_timeout, 1))
CASE(start_timeout_1, "Granular start timeout on container 'app' must be at least 2 seconds.",
     SET(s->app, start_timeout, 1))
CASE(restart_period_59,
     "Invalid setting for container 'app'. 'restartPolicy.restartAttemptPeriod' must be between 60 and 1800.",
     s->app->restart_policy = ONE(s, struct ecs_container_restart_policy, .enabled = true);
     SET(s->app->restart_policy, restart_attempt_period, 59))
CASE(health_check, NULL, health(s))
CASE(health_interval_4, "Invalid setting for container 'app'. 'healthCheck.interval' must be between 5 and 300.",
     SET(health(s), interval, 4))
CASE(health_timeout_61, "Invalid setting for container 'app'. 'healthCheck.timeout' must be between 2 and 60.",
     SET(health(s), timeout, 61))
CASE(health_retries_11, "Invalid setting for container 'app'. 'healthCheck.retries' must be between 1 and 10.",
     SET(health(s), retries, 11))
CASE(health_start_301, "Invalid setting for container 'app'. 'healthCheck.startPeriod' must be between 0 and 300.",
     SET(health(s), start_period, 301))
CASE(health_command,
     "Invalid setting for container 'app'. 'healthCheck.command' must start with CMD or CMD-SHELL, followed by the "
     "command.",
     health(s)->command = strings(s, "true"))
CASE(environment_name, "Invalid setting for container 'app'. 'environment' has a variable without a valid name.",
     s->app->environment.items = ONE(s, struct ecs_key_value_pair, .name = STR("A=B"));
     s->app->environment.count = 1)

/* ports */
CASE(port, NULL, port(s->app, 80, 80))
CASE(port_without_host_port, NULL, port(s->app, 80, NO_PORT))
CASE(port_0, "Invalid 'containerPort' setting for container 'app'.", port(s->app, 0, NO_PORT))
CASE(port_65536, "Invalid 'containerPort' setting for container 'app'.", port(s->app, 65536, NO_PORT))
CASE(port_missing, "Invalid 'containerPort' setting for container 'app'.", port(s->app, NO_PORT, 80))
CASE(port_other_host_port, "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
     port(s->app, 80, 8080))
CASE(port_host_port_0, "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
     port(s->app, 80, 0))
CASE(port_twice_in_container, "TCP host port '80' is mapped multiple times in task.", port(s->app, 80, 80);
     port(s->app, 80, NO_PORT))
CASE(port_twice_in_task, "TCP host port '3000' is mapped multiple times in task.", port(s->app, 3000, 3000);
     port(s->side, 3000, 3000))
CASE(port_tcp_and_udp, NULL, port(s->app, 53, 53); port(s->app, 53, 53)->protocol = ECS_TRANSPORT_PROTOCOL_UDP)
CASE(port_range, NULL, port(s->app, NO_PORT, NO_PORT)->container_port_range = STR("8000-8010"))
CASE(port_range_reversed, "Invalid 'containerPortRange' setting for container 'app'.",
     port(s->app, NO_PORT, NO_PORT)->container_port_range = STR("8010-8000"))
CASE(port_range_words, "Invalid 'containerPortRange' setting for container 'app'.",
     port(s->app, NO_PORT, NO_PORT)->container_port_range = STR("http-https"))
CASE(port_range_and_port,
     "Invalid setting for container 'app'. A port mapping cannot specify both single port and port range.",
     port(s->app, 80, NO_PORT)->container_port_range = STR("8000-8010"))
CASE(port_in_range, "TCP container port '8005' is used multiple times in task.",
     port(s->app, NO_PORT, NO_PORT)->container_port_range = STR("8000-8010");
     port(s->side, 8005, NO_PORT))
CASE(port_name, NULL, port(s->app, 80, 80)->name = STR("web_1-a"))
CASE(port_name_upper,
     "Invalid setting for container 'app'. The port mapping name 'Web' must be at most 64 lower case letters, digits, "
     "underscores and hyphens, and must not start with a hyphen.",
     port(s->app, 80, 80)->name = STR("Web"))
CASE(port_name_twice, "The port mapping name 'web' is already used.", port(s->app, 80, 80)->name = STR("web");
     port(s->side, 81, 81)->name = STR("web"))

/* volumes */
CASE(mount, NULL, volume(s); mount(s->app, "data", "/data"))
CASE(mount_unknown, "Unknown volume 'data'.", mount(s->app, "data", "/data"))
CASE(mount_relative,
     "Invalid setting for container 'app'. 'mountPoints.containerPath' must be an absolute path, but was 'data'.",
     volume(s);
     mount(s->app, "data", "data"))
CASE(mount_twice, "Invalid setting for container 'app'. Two mount points have the path '/data'.", volume(s);
     mount(s->app, "data", "/data"); mount(s->app, "data", "/data"))
CASE(volume_name, "Volume.name contains invalid characters.", volume(s)->name = STR("../x"))
CASE(volume_twice, "Volume names must be unique within a Task Definition.", volume(s); volume(s))
CASE(volume_of_host, "Fargate compatible task definitions do not support sourcePath",
     volume(s)->host = ONE(s, struct ecs_host_volume_properties, .source_path = STR("/etc")))
CASE(volume_of_docker, "Fargate compatible task definitions do not support dockerVolumeConfiguration",
     volume(s)->docker_volume_configuration = ONE(s, struct ecs_docker_volume_configuration, .driver = STR("local")))
CASE(volumes_from, NULL, volumes_from(s->app, "side"))
CASE(volumes_from_unknown, "Invalid 'volumesFrom' setting. Unknown container: 'db'.", volumes_from(s->app, "db"))

/* dependencies */
CASE(depends_start, NULL, depends(s->app, "side", ECS_CONTAINER_CONDITION_START))
CASE(depends_unknown, "Cannot depend on container + 'db' because it does not exist",
     depends(s->app, "db", ECS_CONTAINER_CONDITION_START))
CASE(depends_success_of_essential,
     "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container",
     depends(s->app, "side", ECS_CONTAINER_CONDITION_SUCCESS))
CASE(depends_success, NULL, SET(s->side, essential, false); depends(s->app, "side", ECS_CONTAINER_CONDITION_SUCCESS))
CASE(depends_healthy_without_check, "A dependency container with HEALTHY condition must have health check configured",
     depends(s->app, "side", ECS_CONTAINER_CONDITION_HEALTHY))
CASE(depends_healthy, NULL, health(s); depends(s->side, "app", ECS_CONTAINER_CONDITION_HEALTHY))
CASE(depends_on_itself, "The dependencies of container 'app' form a cycle, so that no order is left to start in.",
     depends(s->app, "app", ECS_CONTAINER_CONDITION_START))
CASE(depends_cycle, "The dependencies of container 'app' form a cycle, so that no order is left to start in.",
     depends(s->app, "side", ECS_CONTAINER_CONDITION_START);
     depends(s->side, "app", ECS_CONTAINER_CONDITION_START))
CASE(depends_cycle_by_volumes,
     "The dependencies of container 'app' form a cycle, so that no order is left to start in.",
     depends(s->app, "side", ECS_CONTAINER_CONDITION_START);
     volumes_from(s->side, "app"))

/* logs */
CASE(log_awslogs, NULL, awslogs(s))
CASE(log_without_group, "Log driver awslogs requires options: awslogs-group",
     awslogs(s)->options.items[0].value.len = 0)
CASE(log_without_both, "Log driver awslogs requires options: awslogs-region, awslogs-group",
     awslogs(s)->options.count = 0)
CASE(log_without_prefix,
     "Fargate requires log configuration options to include awslogs-stream-prefix to support log driver awslogs.",
     awslogs(s)->options.count = 2)
CASE(log_unknown_option, "Log driver awslogs disallows options: awslogs-colour",
     awslogs(s)->options.items[2].key = STR("awslogs-colour"))
CASE(log_without_role, "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
     awslogs(s);
     s->in.execution_role_arn = (struct str){NULL, 0})
CASE(log_json_file, "json-file is not a valid log driver. Must be one of [awslogs, splunk, awsfirelens]",
     awslogs(s)->log_driver = ECS_LOG_DRIVER_JSON_FILE)
CASE(log_secret_options, "Log driver awslogs disallows secret options: splunk-token",
     awslogs(s)->secret_options.items = ONE(s, struct ecs_secret, .name = STR("splunk-token"),
                                            .value_from = STR("token"));
     s->app->log_configuration->secret_options.count = 1)
CASE(
    log_firelens,
    "Invalid setting for container 'app'. The log driver 'awsfirelens' is not supported: Berth has awslogs and splunk, "
    "and keeps what a container without logConfiguration writes on its host.",
    awslogs(s)->log_driver = ECS_LOG_DRIVER_AWSFIRELENS)
CASE(log_splunk, NULL, splunk(s, "splunk-url", "splunk-token"))
CASE(log_splunk_by_secret, NULL, splunk(s, "splunk-url", NULL))
CASE(log_splunk_without_url, "Log driver splunk requires options: splunk-url",
     splunk(s, "splunk-index", "splunk-token"))
CASE(log_splunk_without_token, "Log driver splunk requires options: splunk-token", splunk(s, "splunk-url", "tag"))
CASE(log_splunk_without_both, "Log driver splunk requires options: splunk-url, splunk-token", splunk(s, "tag", "mode"))
CASE(log_splunk_unknown_option, "Log driver splunk disallows options: splunk-colour",
     splunk(s, "splunk-url", "splunk-colour"))
CASE(log_splunk_lacking_option,
     "Invalid setting for container 'app'. The option 'splunk-gzip' of log driver splunk is not supported by Berth.",
     splunk(s, "splunk-url", "splunk-gzip"))
CASE(log_splunk_twice,
     "Invalid setting for container 'app'. 'logConfiguration' has 'splunk-token' as an option and as a secret.",
     splunk(s, "splunk-url", NULL)->options.items[1].key = STR("splunk-token");
     s->app->log_configuration->options.count = 2)
CASE(log_splunk_without_a_role,
     "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
     splunk(s, "splunk-url", NULL);
     s->in.execution_role_arn = (struct str){NULL, 0}; s->app->image = STR("busybox"))

/* the kernel */
CASE(capability_ptrace, NULL, capabilities_of(s)->add = strings(s, "SYS_PTRACE"))
CASE(capability_admin, "NET_ADMIN is not allowed on Fargate.", capabilities_of(s)->add = strings(s, "NET_ADMIN"))
CASE(capability_unknown, "Invalid setting for container 'app'. 'FLY' is not a Linux capability.",
     capabilities_of(s)->drop = strings(s, "FLY"))
CASE(capability_drop_all, NULL, capabilities_of(s)->drop = strings(s, "ALL"))
CASE(tmpfs, NULL, tmpfs(s)->mount_options = strings(s, "mode=1777"))
CASE(tmpfs_relative,
     "Invalid setting for container 'app'. 'tmpfs.containerPath' must be an absolute path, but was 'cache'.",
     tmpfs(s)->container_path = STR("cache"))
CASE(tmpfs_size_0, "Invalid setting for container 'app'. 'tmpfs.size' must be at least 1.", tmpfs(s)->size = 0)
CASE(tmpfs_option, "Invalid setting for container 'app'. 'size=9g' is not a mount option of 'tmpfs'.",
     tmpfs(s)->mount_options = strings(s, "size=9g"))
CASE(tmpfs_option_of_two, "Invalid setting for container 'app'. 'mode=1777,size=9g' is not a mount option of 'tmpfs'.",
     tmpfs(s)->mount_options = strings(s, "mode=1777,size=9g"))
CASE(shared_memory, NULL, SET(linux_of(s), shared_memory_size, 256))
CASE(shared_memory_0, "Invalid setting for container 'app'. 'linuxParameters.sharedMemorySize' must be at least 1.",
     SET(linux_of(s), shared_memory_size, 0))
CASE(ulimit, NULL, ulimit(s, 1024, 4096))
CASE(ulimit_unlimited, NULL, ulimit(s, -1, -1))
CASE(ulimit_soft_over_hard, "Soft limit exceeds hard limit for ulimit nofile", ulimit(s, 4096, 1024))
CASE(ulimit_soft_unlimited, "Soft limit exceeds hard limit for ulimit nofile", ulimit(s, -1, 1024))
CASE(sysctl, NULL, sysctl(s, "net.core.somaxconn"))
CASE(sysctl_of_the_machine, "Invalid setting for container 'app'. 'systemControls' cannot set 'vm.swappiness'.",
     sysctl(s, "vm.swappiness"))

/* by EC2's rules */
CASE(ec2, NULL, on_ec2(s))
CASE(ec2_privileged, NULL, on_ec2(s); SET(s->app, privileged, true))
CASE(ec2_dynamic_ports, NULL, on_ec2(s); port(s->app, 80, 0); port(s->side, 80, 0))
CASE(ec2_same_host_port, "UDP host port '53' is mapped multiple times in task.", on_ec2(s);
     port(s->app, 53, 53)->protocol = ECS_TRANSPORT_PROTOCOL_UDP;
     port(s->side, 5353, 53)->protocol = ECS_TRANSPORT_PROTOCOL_UDP)
CASE(ec2_host_path, NULL, on_ec2(s);
     volume(s)->host = ONE(s, struct ecs_host_volume_properties, .source_path = STR("/etc")))
CASE(ec2_blank_host_path, "host.sourcePath should not be blank.", on_ec2(s);
     volume(s)->host = ONE(s, struct ecs_host_volume_properties, .source_path = STR("")))
CASE(ec2_links, NULL, on_ec2(s); s->app->links = strings(s, "side:db"))
CASE(ec2_links_unknown, "Invalid 'links' setting. Unknown container: 'db'.", on_ec2(s);
     s->app->links = strings(s, "db"))
CASE(ec2_host_mode_ports, "When networkMode=host, the host ports and container ports in port mappings must match.",
     on_ec2(s);
     s->in.network_mode = ECS_NETWORK_MODE_HOST; port(s->app, 80, 8080))
CASE(ec2_tiny_cpu, "Invalid 'cpu' setting for task.", on_ec2(s); s->in.cpu = STR("64"))
CASE(ec2_and_fargate, "Fargate only supports network mode ‘awsvpc’.", on_ec2(s); requires(s, ECS_COMPATIBILITY_FARGATE))
CASE(external_awsvpc, "External instances do not support network mode 'awsvpc'.",
     requires(s, ECS_COMPATIBILITY_EXTERNAL))
