#include "plane/ec2/machine_image.h"

#include "model/interpret.h"
#include "plane/ec2/operations.h"
#include "plane/vpc/filter.h"

enum { IMAGE_GIB = 30 };

static bool is_id(struct str id)
{
    if (!str_starts(id, STR("ami-")) || (id.len != 12 && id.len != 21))
        return false;
    for (size_t i = 4; i < id.len; i++)
        if (strchr("0123456789abcdef", id.ptr[i]) == NULL || id.ptr[i] == '\0')
            return false;
    return true;
}

bool machine_image_find(const struct call *call, struct str id, const struct machine_image **ret_image)
{
    size_t count;
    const struct machine_image *images = machine_images(&count);

    if (!is_id(id))
        return fail_api(call->fail, "InvalidAMIID.Malformed", "Invalid id: \"%.*s\" (expecting \"ami-...\")",
                        STR_ARG(id));
    for (size_t i = 0; i < count; i++)
        if (str_is(id, images[i].id)) {
            *ret_image = &images[i];
            return true;
        }
    return fail_api(call->fail, "InvalidAMIID.NotFound", "The image id '[%.*s]' does not exist", STR_ARG(id));
}

static const struct filter_field fields[] = {
    {"architecture", "Architecture"},
    {"creation-date", "CreationDate"},
    {"description", "Description"},
    {"ena-support", "EnaSupport"},
    {"hypervisor", "Hypervisor"},
    {"image-id", "ImageId"},
    {"image-type", "ImageType"},
    {"is-public", "Public"},
    {"name", "Name"},
    {"owner-alias", "ImageOwnerAlias"},
    {"owner-id", "OwnerId"},
    {"platform-details", "PlatformDetails"},
    {"root-device-name", "RootDeviceName"},
    {"root-device-type", "RootDeviceType"},
    {"state", "State"},
    {"virtualization-type", "VirtualizationType"},
};
static const struct filter_table filters = {&ec2_image_shape, fields, COUNT_OF(fields), "Tags"};

static void show(const struct call *call, const struct machine_image *image, struct ec2_image *to)
{
    struct ec2_block_device_mapping *root = arena_new(call->arena, struct ec2_block_device_mapping);

    *to = (struct ec2_image){
        .image_id = str_of(image->id),
        .name = str_of(image->name),
        .description = STR("The files of the host, with the agent of Amazon ECS in Berth"),
        .architecture =
            (enum ec2_architecture_values)enum_value(&ec2_architecture_values_shape, str_of(image->architecture)),
        .image_type = EC2_IMAGE_TYPE_VALUES_MACHINE,
        .image_location = arena_printf(call->arena, "amazon/%s", image->name),
        .image_owner_alias = STR("amazon"),
        .owner_id = STR("591542846629"), /* whose the ECS-optimized images are on AWS */
        .state = EC2_IMAGE_STATE_AVAILABLE,
        .creation_date = STR("2026-11-01T00:00:00.000Z"),
        .hypervisor = EC2_HYPERVISOR_TYPE_XEN,
        .virtualization_type = EC2_VIRTUALIZATION_TYPE_HVM,
        .platform_details = STR("Linux/UNIX"),
        .usage_operation = STR("RunInstances"),
        .root_device_name = STR(IMAGE_ROOT_DEVICE),
        .root_device_type = EC2_DEVICE_TYPE_EBS,
    };
    SET(to, public, true);
    SET(to, ena_support, true);
    root->device_name = STR(IMAGE_ROOT_DEVICE);
    root->ebs = arena_new(call->arena, struct ec2_ebs_block_device);
    root->ebs->volume_type = EC2_VOLUME_TYPE_GP3;
    SET(root->ebs, volume_size, IMAGE_GIB);
    SET(root->ebs, delete_on_termination, true);
    SET(root->ebs, encrypted, false);
    to->block_device_mappings.items = root;
    to->block_device_mappings.count = 1;
    to->tags.items = arena_new(call->arena, struct ec2_tag);
}

static bool is_asked(const struct ec2_describe_images_request *in, const struct ec2_image *image)
{
    struct str owners[] = {image->owner_id, image->image_owner_alias};
    bool owned = in->owners.count == 0;

    for (size_t i = 0; i < in->owners.count; i++)
        owned = owned || str_is_among(in->owners.items[i], owners, COUNT_OF(owners));
    return owned &&
           (in->image_ids.count == 0 || str_is_among(image->image_id, in->image_ids.items, in->image_ids.count));
}

bool ec2_describe_images(struct call *call, const struct ec2_describe_images_request *in,
                         struct ec2_describe_images_result *out)
{
    size_t count;
    const struct machine_image *images = machine_images(&count);
    const struct machine_image *found;

    if (!filters_check(&filters, &in->filters, call->fail))
        return false;
    for (size_t i = 0; i < in->image_ids.count; i++)
        if (!machine_image_find(call, in->image_ids.items[i], &found))
            return false;
    out->images.items = arena_array(call->arena, struct ec2_image, count);
    for (size_t i = 0; i < count; i++) {
        struct ec2_image *image = &out->images.items[out->images.count];

        show(call, &images[i], image);
        if (is_asked(in, image) && filters_match(&filters, &in->filters, image))
            out->images.count++;
    }
    return true;
}
