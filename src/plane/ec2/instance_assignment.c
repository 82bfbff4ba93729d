/* What a host is told of its instances: all of them, each time anew from the records. */
#include "base/must.h"
#include "plane/ec2/instance.h"
#include "plane/ec2/instance_type.h"
#include "plane/iam/iam.h"
#include "plane/iam/role.h"

static void assign_credentials(const struct transaction *tx, const struct instance_record *instance,
                               struct host_instance_assignment *to)
{
    const struct access_key_record *key =
        instance->session_key_id.ptr == NULL ? NULL : transaction_get(tx, &access_key_table, instance->session_key_id);
    struct str role = key == NULL || key->session == NULL ? (struct str){NULL, 0} : key->session->role_arn;

    if (role.ptr == NULL)
        return;
    to->profile_arn = instance->instance->iam_instance_profile->arn;
    to->profile_id = instance->instance->iam_instance_profile->id;
    to->role_name = str_from(role, str_find_last(role, '/') + 1);
    to->credentials = arena_new(tx->arena, struct host_credentials);
    to->credentials->access_key_id = key->access_key_id;
    to->credentials->secret_access_key = key->secret;
    to->credentials->session_token = key->session_token;
    to->credentials->role_arn = role;
    SET(to->credentials, expiration, key->expires_at);
    SET(to, credentials_from, key->created_at);
}

static void assign_metadata(const struct transaction *tx, const struct instance_record *instance,
                            struct host_instance_assignment *to)
{
    const struct ec2_instance_metadata_options_response *options = instance->instance->metadata_options;
    bool shows_tags = options->instance_metadata_tags == EC2_INSTANCE_METADATA_TAGS_STATE_ENABLED;
    const struct ec2_tag_list *tags = &instance->instance->tags;

    to->metadata = arena_new(tx->arena, struct host_instance_metadata);
    SET(to->metadata, enabled, options->http_endpoint == EC2_INSTANCE_METADATA_ENDPOINT_STATE_ENABLED);
    SET(to->metadata, tokens_required, options->http_tokens == EC2_HTTP_TOKENS_STATE_REQUIRED);
    SET(to->metadata, hop_limit, options->http_put_response_hop_limit);
    SET(to->metadata, tags, shows_tags);
    to->tags.items = arena_array(tx->arena, struct host_instance_tag, tags->count + 1);
    for (size_t i = 0; shows_tags && i < tags->count; i++)
        to->tags.items[to->tags.count++] = (struct host_instance_tag){tags->items[i].key, tags->items[i].value};
}

static void assign_place(const struct transaction *tx, const struct network_interface_record *interface,
                         struct host_instance_assignment *to)
{
    const struct ec2_network_interface *of = interface->interface;
    const struct vpc_record *vpc =
        transaction_get(tx, &vpc_table, KEY(tx->arena, interface->account_id, interface->region, of->vpc_id));

    to->availability_zone = of->availability_zone;
    to->availability_zone_id = of->availability_zone_id;
    if (vpc != NULL)
        to->vpc_cidr = vpc->vpc->cidr_block;
    to->group_names.items = arena_array(tx->arena, struct str, of->groups.count + 1);
    for (size_t i = 0; i < of->groups.count; i++)
        to->group_names.items[to->group_names.count++] = of->groups.items[i].group_name;
}

/* Those of its tasks with the network mode awsvpc: all but its own. */
static void assign_task_interfaces(const struct transaction *tx, const struct instance_record *instance,
                                   struct host_instance_assignment *to, struct host_assignment *assignment)
{
    struct walk walk = instance_interfaces(tx, instance);
    const struct network_interface_record *interface;
    size_t count = 0;

    while (walk_next(&walk) != NULL)
        count++;
    to->task_interfaces.items = arena_array(tx->arena, struct host_network_interface, count + 1);
    walk = instance_interfaces(tx, instance);
    while ((interface = walk_next(&walk)) != NULL)
        if (!str_eq(interface->interface->network_interface_id, instance->network_interface_id))
            to->task_interfaces.items[to->task_interfaces.count++] = *vpc_assign(tx, interface, assignment);
}

static void assign(const struct transaction *tx, const struct instance_record *instance,
                   struct host_assignment *assignment)
{
    struct host_instance_assignment *to = &assignment->instances.items[assignment->instances.count++];
    const struct network_interface_record *interface = instance_interface(tx, instance);
    const struct instance_type *type = instance_type_of(instance->instance->instance_type);

    must(type != NULL);
    must(interface != NULL); /* goes when the instance is terminated, and then it is not told any more */
    to->instance_id = instance->instance->instance_id;
    to->account_id = instance->account_id;
    to->region = instance->region;
    to->desired_state = instance_desired(instance);
    to->image_id = instance->instance->image_id;
    to->instance_type = str_of(instance_type_name(type->type));
    to->architecture = str_of(enum_name(&ec2_architecture_values_shape, (int)instance->instance->architecture));
    to->reservation_id = instance->reservation_id;
    to->user_data = instance->user_data;
    to->key_name = instance->instance->key_name;
    to->public_key = instance->public_key;
    SET(to, launch_number, instance->launch_number);
    SET(to, vcpus, type->vcpus);
    SET(to, memory_mib, type->memory_mib);
    SET(to, root_gib, instance->root_gib);
    SET(to, launch_index, instance->instance->ami_launch_index);
    SET(to, launched_at, instance->instance->launch_time);
    to->network_interface = vpc_assign(tx, interface, assignment);
    assign_task_interfaces(tx, instance, to, assignment);
    assign_place(tx, interface, to);
    assign_metadata(tx, instance, to);
    assign_credentials(tx, instance, to);
}

void instances_assign(const struct transaction *tx, struct str host_id, struct host_assignment *assignment)
{
    struct walk walk = transaction_walk(tx, &instance_table, "host", KEY_PREFIX(tx->arena, host_id));
    const struct instance_record *instance;
    size_t count = 0;

    while (walk_next(&walk) != NULL)
        count++;
    assignment->instances.items = arena_array(tx->arena, struct host_instance_assignment, count + 1);
    walk = transaction_walk(tx, &instance_table, "host", KEY_PREFIX(tx->arena, host_id));
    while ((instance = walk_next(&walk)) != NULL)
        assign(tx, instance, assignment);
}
