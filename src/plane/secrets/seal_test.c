#include "plane/secrets/seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static struct arena arena;

static struct str from_hex(const char *hex)
{
    size_t len = strlen(hex) / 2;
    char *bytes = arena_alloc(&arena, len);

    for (size_t i = 0; i < len; i++) {
        const char digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};

        bytes[i] = (char)strtoul(digits, NULL, 16);
    }
    return (struct str){bytes, len};
}

/* Test case 16 of "The Galois/Counter Mode of Operation (GCM)", McGrew and Viega, appendix B. */
static const char *const KEY_HEX = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
static const char *const NONCE_HEX = "cafebabefacedbaddecaf888";
static const char *const BOUND_HEX = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
static const char *const PLAIN_HEX = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                                     "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
static const char *const SEALED_HEX = "cafebabefacedbaddecaf888"
                                      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
                                      "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
                                      "76fc6ece0f4e1768cddf8853bb2d551b";

static struct str sealed_case(void)
{
    return seal(&arena, from_hex(KEY_HEX), (const unsigned char *)from_hex(NONCE_HEX).ptr, from_hex(BOUND_HEX),
                from_hex(PLAIN_HEX));
}

static void seals_as_the_paper_says(void **state)
{
    struct str plain;

    (void)state;
    assert_true(str_eq(sealed_case(), from_hex(SEALED_HEX)));
    assert_true(seal_open(&arena, from_hex(KEY_HEX), from_hex(BOUND_HEX), sealed_case(), &plain));
    assert_true(str_eq(plain, from_hex(PLAIN_HEX)));
}

static void an_empty_value_is_one_too(void **state)
{
    static const unsigned char nonce[SEAL_NONCE_BYTES] = {1};
    struct str sealed = seal(&arena, from_hex(KEY_HEX), nonce, STR("here"), STR(""));
    struct str plain;

    (void)state;
    assert_true(seal_open(&arena, from_hex(KEY_HEX), STR("here"), sealed, &plain));
    assert_true(plain.ptr != NULL && plain.len == 0);
}

static void opens_only_what_is_whole(void **state)
{
    struct str sealed = sealed_case();
    struct str plain;

    (void)state;
    for (size_t i = 0; i < sealed.len; i++) {
        struct str changed = arena_str(&arena, sealed);

        ((char *)(uintptr_t)changed.ptr)[i] ^= 1;
        assert_false(seal_open(&arena, from_hex(KEY_HEX), from_hex(BOUND_HEX), changed, &plain));
        assert_false(seal_open(&arena, from_hex(KEY_HEX), from_hex(BOUND_HEX), str_to(sealed, i), &plain));
    }
}

static void opens_only_in_its_place_with_its_key(void **state)
{
    struct str other = arena_str(&arena, from_hex(KEY_HEX));
    struct str plain;

    (void)state;
    ((char *)(uintptr_t)other.ptr)[31] ^= 1;
    assert_false(seal_open(&arena, from_hex(KEY_HEX), STR("elsewhere"), sealed_case(), &plain));
    assert_false(seal_open(&arena, other, from_hex(BOUND_HEX), sealed_case(), &plain));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seals_as_the_paper_says),
        cmocka_unit_test(an_empty_value_is_one_too),
        cmocka_unit_test(opens_only_what_is_whole),
        cmocka_unit_test(opens_only_in_its_place_with_its_key),
    };
    int failed;

    arena_init(&arena, ARENA_LIMIT_DEFAULT);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(&arena);
    return failed;
}
