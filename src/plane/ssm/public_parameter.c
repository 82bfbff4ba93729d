#include "plane/ssm/public_parameter.h"

enum { X86_64, ARM64 };

static const struct machine_image images[] = {
    [X86_64] = {"ami-0ec52023000860640", "x86_64", "berth-ecs-optimized-2023-x86_64"},
    [ARM64] = {"ami-0ec52023000a64000", "arm64", "berth-ecs-optimized-2023-arm64"},
};

/* In byte order of the names that they make. */
static const struct {
    const char *path;
    int image;
    const char *os;
} families[] = {
    {"/aws/service/ecs/optimized-ami/amazon-linux-2/arm64/recommended", ARM64, "Amazon Linux 2"},
    {"/aws/service/ecs/optimized-ami/amazon-linux-2/recommended", X86_64, "Amazon Linux 2"},
    {"/aws/service/ecs/optimized-ami/amazon-linux-2023/arm64/recommended", ARM64, "Amazon Linux 2023"},
    {"/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended", X86_64, "Amazon Linux 2023"},
};

static struct str image_id(struct arena *arena, size_t family)
{
    (void)arena;
    return str_of(images[families[family].image].id);
}

static struct str image_name(struct arena *arena, size_t family)
{
    (void)arena;
    return str_of(images[families[family].image].name);
}

static struct str os(struct arena *arena, size_t family)
{
    (void)arena;
    return str_of(families[family].os);
}

static struct str runtime(struct arena *arena, size_t family)
{
    (void)arena;
    (void)family;
    return STR("Berth " BERTH_VERSION);
}

static struct str agent_version(struct arena *arena, size_t family)
{
    (void)arena;
    (void)family;
    return STR(BERTH_VERSION);
}

static struct str all(struct arena *arena, size_t family)
{
    const struct machine_image *image = &images[families[family].image];

    return arena_printf(arena,
                        "{\"ecs_agent_version\":\"" BERTH_VERSION "\",\"ecs_runtime_version\":\"Berth " BERTH_VERSION
                        "\",\"image_id\":\"%s\",\"image_name\":\"%s\",\"image_version\":\"" BERTH_VERSION
                        "\",\"os\":\"%s\",\"schema_version\":1,\"source_image_name\":\"%s\"}",
                        image->id, image->name, families[family].os, image->name);
}

/* Likewise in byte order. */
static const struct {
    const char *suffix;
    struct str (*value)(struct arena *arena, size_t family);
} leaves[] = {
    {"", all},
    {"/ecs_agent_version", agent_version},
    {"/ecs_runtime_version", runtime},
    {"/image_id", image_id},
    {"/image_name", image_name},
    {"/os", os},
};

const struct machine_image *machine_images(size_t *ret_count)
{
    *ret_count = COUNT_OF(images);
    return images;
}

struct str public_parameter_name(struct arena *arena, size_t index)
{
    if (index >= COUNT_OF(families) * COUNT_OF(leaves))
        return (struct str){NULL, 0};
    return arena_printf(arena, "%s%s", families[index / COUNT_OF(leaves)].path,
                        leaves[index % COUNT_OF(leaves)].suffix);
}

/* "arn:aws:ssm:us-east-1::parameter/aws/..." -> the name. */
static struct str name_of(struct str text)
{
    size_t at = str_search(text, STR("::parameter/"));

    return str_starts(text, STR("arn:")) && at < text.len ? str_from(text, at + strlen("::parameter")) : text;
}

bool public_parameter(struct arena *arena, struct str text, struct str region, struct ssm_parameter *ret_shown)
{
    struct str name = name_of(text);

    for (size_t i = 0; i < COUNT_OF(families); i++) {
        struct str path = str_of(families[i].path);

        if (!str_starts(name, path))
            continue;
        for (size_t k = 0; k < COUNT_OF(leaves); k++) {
            if (!str_is(str_from(name, path.len), leaves[k].suffix))
                continue;
            *ret_shown = (struct ssm_parameter){
                .name = name,
                .type = SSM_PARAMETER_TYPE_STRING,
                .value = leaves[k].value(arena, i),
                .arn = arena_printf(arena, "arn:aws:ssm:%.*s::parameter%.*s", STR_ARG(region), STR_ARG(name)),
                .data_type = STR("text")};
            SET(ret_shown, version, 1);
            return true;
        }
    }
    return false;
}
