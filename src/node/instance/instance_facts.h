/* What the metadata service tells of an instance, by the categories of the EC2 user guide ("Instance metadata
 * categories", "Instance identity documents"). */
#pragma once

#include "base/arena.h"
#include "node/instance/imds.h"

struct instance_tag {
    struct str key, value;
};

/* Credentials of the instance profile's role, until they expire. */
struct instance_role {
    struct str name, profile_arn, profile_id;
    struct str access_key_id, secret_access_key, session_token;
    int64_t updated_ms, expires_ms;
};

/* Absent strs and empty lists are left out. */
struct instance_facts {
    struct str instance_id, image_id, instance_type, architecture; /* "x86_64", "arm64" */
    struct str account_id, region, availability_zone, availability_zone_id;
    struct str reservation_id, launch_index;
    int64_t launched_ms;
    struct str private_ip, private_dns_name, public_ip, public_dns_name, mac;
    struct str interface_id, subnet_id, subnet_cidr, vpc_id, vpc_cidr;
    const struct str *group_names, *group_ids;
    size_t group_count;
    struct str user_data;
    const struct instance_role *role; /* NULL: no instance profile */
    const struct instance_tag *tags;  /* InstanceMetadataTags; those with "/" in their key cannot be shown, as on AWS */
    size_t tag_count;
};

/* The entries for imds_set_entries, in the arena, in the order of their paths. */
void instance_entries(const struct instance_facts *facts, struct arena *arena, const struct imds_entry **ret_entries,
                      size_t *ret_count);
