/* Why a call was denied, for whom it is not meant to know: encrypted with a key of the account, so that only who may
 * call sts:DecodeAuthorizationMessage in it reads it (STS API reference, "DecodeAuthorizationMessage"). EC2's denials
 * carry one. */
#pragma once

#include "model/gen/sts.h"
#include "plane/iam/authorize.h"

/* In the call's arena; absent when the account has no key to encrypt with. */
struct str authorization_message_encode(const struct call *call, const struct ask *ask,
                                        const struct policy_decision *decision);

bool sts_decode_authorization_message(struct call *call, const struct sts_decode_authorization_message_request *in,
                                      struct sts_decode_authorization_message_response *out);
