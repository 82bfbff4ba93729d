#include "node/image/config.h"

#include "node/image/digest.h"
#include "node/image/problem.h"

static bool read_healthcheck(const json_t *object, struct arena *arena, struct image_config *config, struct fail *f)
{
    struct image_healthcheck *healthcheck = &config->healthcheck;
    json_t *member;

    if (!json_read_member(object, "Healthcheck", JSON_OBJECT, &member, f))
        return false;
    config->has_healthcheck = member != NULL;
    return json_read_texts(member, "Test", arena, &healthcheck->test, f) &&
           json_read_count(member, "Interval", &healthcheck->interval_ns, f) &&
           json_read_count(member, "Timeout", &healthcheck->timeout_ns, f) &&
           json_read_count(member, "StartPeriod", &healthcheck->start_period_ns, f) &&
           json_read_count(member, "Retries", &healthcheck->retries, f);
}

static bool read_run(const json_t *object, struct arena *arena, struct image_config *config, struct fail *f)
{
    return json_read_texts(object, "Entrypoint", arena, &config->entrypoint, f) &&
           json_read_texts(object, "Cmd", arena, &config->cmd, f) &&
           json_read_texts(object, "Env", arena, &config->env, f) &&
           json_read_text(object, "User", arena, &config->user, f) &&
           json_read_text(object, "WorkingDir", arena, &config->working_dir, f) &&
           json_read_names(object, "ExposedPorts", arena, &config->exposed_ports, f) &&
           json_read_names(object, "Volumes", arena, &config->volumes, f) &&
           json_read_pairs(object, "Labels", arena, &config->labels, f) &&
           json_read_text(object, "StopSignal", arena, &config->stop_signal, f) &&
           json_read_texts(object, "Shell", arena, &config->shell, f) && read_healthcheck(object, arena, config, f);
}

static bool read_diff_ids(const json_t *document, struct arena *arena, struct image_config *config, struct fail *f)
{
    json_t *rootfs;

    if (!json_read_member(document, "rootfs", JSON_OBJECT, &rootfs, f) ||
        !json_read_texts(rootfs, "diff_ids", arena, &config->diff_ids, f))
        return false;
    for (size_t i = 0; i < config->diff_ids.count; i++)
        if (!digest_valid(config->diff_ids.items[i]))
            return image_fail(f, IMAGE_MALFORMED, "diff_ids[%zu] is not sha256 and 64 digits", i);
    return true;
}

bool image_config_parse(struct arena *arena, struct str bytes, const struct image_limits *limits,
                        struct image_config *ret_config, struct fail *f)
{
    struct image_config config = {0};
    auto_json *document = NULL;
    json_t *run;

    if (bytes.len > limits->config_bytes_max)
        return image_fail(f, IMAGE_OVER_LIMIT, "image config has more than %llu bytes",
                          (unsigned long long)limits->config_bytes_max);
    if (!json_read(bytes, "image config", &document, f))
        return false;
    if (!json_read_text(document, "os", arena, &config.platform.os, f) ||
        !json_read_text(document, "architecture", arena, &config.platform.architecture, f) ||
        !json_read_text(document, "variant", arena, &config.platform.variant, f) ||
        !json_read_member(document, "config", JSON_OBJECT, &run, f) || !read_run(run, arena, &config, f) ||
        !read_diff_ids(document, arena, &config, f))
        return fail_in(f, "image config");
    *ret_config = config;
    return true;
}
