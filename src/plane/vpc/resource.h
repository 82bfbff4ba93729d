/* The kinds of EC2's resources, as a table: how their ids look, where they stand, how EC2 says that there is none, and
 * where their tags are. */
#pragma once

#include "plane/vpc/vpc.h"

struct resource_kind {
    enum ec2_resource_type type;
    const char *prefix; /* of an id: "vpc-" */
    const struct table_spec *table;
    const char *missing_code, *missing_text; /* "InvalidVpcID.NotFound", "The vpc ID" '...' does not exist */
    const char *malformed_code;
    const void *(*noun)(const void *record); /* what the API shows of it: struct ec2_vpc ... */
    const struct ec2_tag_list *(*tags)(const void *record);
    void (*put_tags)(struct call *call, const void *record, struct ec2_tag_list tags);
    /* For nouns that stand inside a record of the table; NULL: the record is the noun's own. */
    const void *(*find)(const struct call *call, struct str id);
};

extern const struct resource_kind vpc_kind, subnet_kind, security_group_kind, security_group_rule_kind,
    internet_gateway_kind, route_table_kind, network_interface_kind;
/* The same API's; they stand in plane/ec2. */
extern const struct resource_kind instance_kind, key_pair_kind, launch_template_kind;

/* The record of that id of the caller's account and region. Fails with the kind's malformed and missing errors, and
 * with MissingParameter for an id that was not given. */
checked bool resource_find(const struct call *call, const struct resource_kind *kind, struct str id,
                           const void **ret_record);
/* The kind that an id is of, or NULL. */
const struct resource_kind *resource_kind_of(struct str id);
/* All kinds, in the order of their names. */
const struct resource_kind *const *resource_kinds(size_t *ret_count);

/* The tags that a Create operation's TagSpecifications give to a resource of that type, checked as CreateTags does. */
checked bool resource_tags(const struct call *call, const struct ec2_tag_specification_list *specifications,
                           enum ec2_resource_type type, struct ec2_tag_list *ret_tags);

/* The Modify operations of EC2 change one attribute at a time. Fails with InvalidParameterCombination. */
checked bool resource_attributes_check(const struct call *call, int given);

/* The record that an earlier request with this client token made, or NULL (EC2 API reference, "Ensuring idempotency");
 * the table has an index "token". */
const void *resource_of_token(const struct call *call, const struct resource_kind *kind, struct str token);
/* The error for a token that comes again with another request; false. */
bool fail_token_mismatch(const struct call *call, struct str token);
