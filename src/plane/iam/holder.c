#include "plane/iam/holder.h"

#include "plane/iam/operations.h"

bool holder_find(const struct call *call, enum holder_kind kind, struct str name, bool for_change,
                 struct holder *ret_holder)
{
    const struct user_record *user;
    const struct group_record *group;
    const struct role_record *role;

    switch (kind) {
    case HOLDER_USER:
        if (!user_find(call, name, &user))
            return false;
        *ret_holder = (struct holder){kind, user->user->user_id, user->user->user_name};
        return true;
    case HOLDER_GROUP:
        if (!group_find(call, name, &group))
            return false;
        *ret_holder = (struct holder){kind, group->group->group_id, group->group->group_name};
        return true;
    case HOLDER_ROLE:
        if (!(for_change ? role_find_own : role_find)(call, name, &role))
            return false;
        *ret_holder = (struct holder){kind, role->role->role_id, role->role->role_name};
        return true;
    }
    return false;
}
