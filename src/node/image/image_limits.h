/* Every limit of this folder, its name, its default and why, in one table. The struct and the defaults are made from
 * it; a member that is zero in image_store_options takes the default. */
#pragma once

#include "base/attributes.h"

#include <stddef.h>
#include <stdint.h>

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

/* ROW(name, default, reason) */
#define IMAGE_LIMITS(ROW)                                                                                              \
    ROW(manifest_bytes_max, 4 * MIB, "what registries accept (OCI Distribution 1.1, Pushing Manifests)")               \
    ROW(config_bytes_max, 4 * MIB, "as manifests; a config of 100 KB is already unusual")                              \
    ROW(index_entries_max, 1000, "a manifest list names one image a platform")                                         \
    ROW(index_depth_max, 3, "an index may point to an index, not for ever")                                            \
    ROW(layers_max, 127, "docker's limit; their names fit the one page of mount options")                              \
    ROW(layer_bytes_max, 52000 * MIB, "ECR service quotas: maximum layer size")                                        \
    ROW(layer_unpacked_bytes_max, 200 * GIB, "the largest ephemeral storage of a Fargate task")                        \
    ROW(layer_entries_max, 2000000, "inodes; the largest known images have a quarter of it")                           \
    ROW(ratio_max, 200, "program files reach 10; zeros 1032 with deflate, a thousand times that with zstd")            \
    ROW(ratio_free_bytes, 1 * GIB, "so much may be unpacked whatever the ratio")                                       \
    ROW(disk_reserve_parts, 50, "a layer leaves so small a part of the disk free, for all that runs meanwhile")        \
    ROW(disk_look_bytes, 16 * MIB, "unpacked between two looks at what is free")                                       \
    ROW(path_bytes_max, 4095, "PATH_MAX without its NUL")                                                              \
    ROW(path_depth_max, 256, "removing a tree holds a descriptor a level")                                             \
    ROW(tar_header_bytes_max, 1 * MIB, "pax records and long names of one entry; Go's reader stops there too")         \
    ROW(sparse_parts_max, 65536, "runs of bytes in one sparse file")                                                   \
    ROW(xattr_bytes_max, 64 * KIB, "an entry's extended attributes; the kernel's own limit for one")                   \
    ROW(directory_bytes_max, 32 * MIB, "memory for directories whose times are set at the end of a layer")             \
    ROW(zstd_window_log_max, 27, "128 MiB a layer under way, the zstd tool's own default")                             \
    ROW(token_bytes_max, 64 * KIB, "an answer of an authorization service")                                            \
    ROW(resolve_attempts_max, 3, "requests for a manifest, a config or a token")                                       \
    ROW(layer_attempts_max, 6, "requests for a layer without progress between them")                                   \
    ROW(retry_progress_bytes, 8 * MIB, "a layer that got so far since the last failure starts counting anew")          \
    ROW(backoff_first_ms, 200, "doubled with each attempt")                                                            \
    ROW(backoff_max_ms, 5000, "longest wait between two attempts")                                                     \
    ROW(connect_timeout_ms, 10000, "to resolve, connect and shake hands")                                              \
    ROW(idle_timeout_ms, 30000, "without a byte from the registry")                                                    \
    ROW(slowest_bytes_per_s, 1 * KIB, "on average over the time waited, once that is idle_timeout_ms")                 \
    ROW(layers_parallel, 3, "layers under way at once, of all pulls together; docker's default")

#define IMAGE_LIMIT_MEMBER(name, value, reason) uint64_t name;
struct image_limits {
    IMAGE_LIMITS(IMAGE_LIMIT_MEMBER)
};
#undef IMAGE_LIMIT_MEMBER

/* Gives each member that is zero its default. */
void image_limits_fill(struct image_limits *limits);
