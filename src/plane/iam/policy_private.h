/* Between the files of the policy library: the rules of a read document, patterns, values, conditions. */
#pragma once

#include "plane/iam/policy.h"

/* ---- rules that a document keeps beyond its syntax (policy_check.c) ---- */

checked bool policy_check(const struct policy_document *document, enum policy_kind kind, struct fail *f);

/* ---- patterns (policy_match.c) ---- */

/* How many variables one pattern may have; reading refuses more. */
enum { POLICY_VARIABLES_MAX = 16 };

/* What the variables of a pattern stand for. */
struct policy_scope {
    policy_key_fn *key;
    const void *context;
    bool variables; /* the document is of Version 2012-10-17; in an older one "${" is text */
};

/* UNKNOWN: the pattern has a variable without value, so it matches nothing. */
enum policy_match { POLICY_MATCH_NO, POLICY_MATCH_YES, POLICY_MATCH_UNKNOWN };

enum policy_match_flags { POLICY_MATCH_EXACT = 0, POLICY_MATCH_WILD = 1, POLICY_MATCH_NOCASE = 2 };

/* * stands for any bytes, ? for one, where flags say so; what variables stand for is never a wildcard. In time of
 * pattern * text at most. */
enum policy_match policy_match_text(struct str pattern, struct str text, const struct policy_scope *scope,
                                    unsigned flags);
/* ArnEquals, ArnLike: each of the six parts for itself, so that no * reaches over a colon of the first five. */
enum policy_match policy_match_arn(struct str pattern, struct str arn, const struct policy_scope *scope);
/* "${...}" in the text. */
size_t policy_variable_count(struct str pattern);

/* ---- values that are compared as what they mean (policy_value.c) ---- */

/* How a stands to b, for the operators that compare: one bit, or none when one of them is no number (no date). */
enum { POLICY_LESS = 1, POLICY_EQUAL = 2, POLICY_GREATER = 4 };
unsigned policy_compare_numbers(struct str a, struct str b); /* decimal: "-1.50" */
unsigned policy_compare_dates(struct str a, struct str b);   /* ISO 8601 as W3C has it, or seconds since 1970 */
checked bool policy_date(struct str text, int64_t *ret_when_ms);
/* Whether the address (IPv4 or IPv6) stands in the range: an address, or one with a prefix length. */
bool policy_ip_matches(struct str range, struct str address);
/* Whether the text is the bytes in base 64. */
bool policy_base64_is(struct str text, struct str bytes);

/* ---- conditions (policy_condition.c) ---- */

/* Whether all conditions of the statement hold. */
bool policy_conditions_hold(const struct policy_statement *statement, const struct policy_scope *scope);
