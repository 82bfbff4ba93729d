#include "node/image/test_registry.h"

#include "base/must.h"
#include "node/image/platform.h"
#include "node/image/tree_remove.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

static void read_port(struct test_registry *registry, int output)
{
    char line[16] = "";
    size_t len = 0;

    while (len < sizeof(line) - 1 && memchr(line, '\n', len) == NULL) {
        ssize_t got = read(output, line + len, sizeof(line) - 1 - len);

        must(got > 0);
        len += (size_t)got;
    }
    line[strcspn(line, "\n")] = '\0';
    (void)snprintf(registry->host, sizeof(registry->host), "127.0.0.1:%s", line);
}

void test_registry_start(struct test_registry *registry)
{
    char *const arguments[] = {(char *)"/usr/bin/python3", (char *)TEST_REGISTRY_SCRIPT, registry->path, NULL};
    char *const environment[] = {(char *)"PATH=/usr/bin:/bin", NULL};
    posix_spawn_file_actions_t actions;
    int input[2], output[2];

    registry->fd = temporary_directory(registry->path);
    must(pipe2(input, O_CLOEXEC) == 0);
    must(pipe2(output, O_CLOEXEC) == 0);
    must(posix_spawn_file_actions_init(&actions) == 0);
    must(posix_spawn_file_actions_adddup2(&actions, input[0], 0) == 0);
    must(posix_spawn_file_actions_adddup2(&actions, output[1], 1) == 0);
    must(posix_spawn(&registry->pid, "/usr/bin/python3", &actions, NULL, arguments, environment) == 0);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(input[0]);
    (void)close(output[1]);
    registry->input = input[1];
    read_port(registry, output[0]);
    (void)close(output[0]);
}

void test_registry_stop(struct test_registry *registry)
{
    (void)close(registry->input);
    must(waitpid(registry->pid, NULL, 0) == registry->pid);
    (void)close(registry->fd);
    temporary_directory_remove(registry->path);
}

void test_registry_clear(const struct test_registry *registry)
{
    DIR *dir = fdopendir(openat(registry->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const struct dirent *entry;
    struct fail f;

    must(dir != NULL);
    while ((entry = readdir(dir)) != NULL)
        if (entry->d_name[0] != '.')
            must(image_tree_remove(registry->fd, entry->d_name, &f));
    (void)closedir(dir);
}

void test_registry_write(const struct test_registry *registry, const char *name, struct str bytes)
{
    char path[512];
    auto_fd fd = -1;

    for (const char *slash = strchr(name, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        must(str_to_buffer((struct str){name, (size_t)(slash - name)}, path, sizeof(path)));
        must(mkdirat(registry->fd, path, 0700) == 0 || errno == EEXIST);
    }
    fd = openat(registry->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    must(fd >= 0);
    must(write(fd, bytes.ptr, bytes.len) == (ssize_t)bytes.len);
}

void test_registry_add_blob(const struct test_registry *registry, const char *repository, struct str bytes,
                            char ret_digest[DIGEST_SIZE])
{
    char name[512];

    digest_of(bytes, ret_digest);
    (void)snprintf(name, sizeof(name), "%s/blobs/%s", repository, ret_digest);
    test_registry_write(registry, name, bytes);
}

size_t test_registry_count(const struct test_registry *registry, const char *part)
{
    auto_fd fd = openat(registry->fd, "log", O_RDONLY | O_CLOEXEC);
    auto_file file = fd < 0 ? NULL : fdopen(take_fd(&fd), "r");
    char line[1024];
    size_t count = 0;

    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        count += strstr(line, part) != NULL;
    return count;
}

void test_registry_add_layer(const struct test_registry *registry, const char *repository, struct test_layer *layer)
{
    auto_buf plain = {0};
    auto_buf packed = {0};

    if (layer->raw.ptr != NULL)
        buf_add(&plain, layer->raw);
    else
        tar_write(&plain, layer->rows, layer->row_count);
    digest_of(buf_str(&plain), layer->diff_id);
    if (layer->compression == TEST_GZIP)
        gzip_write(&packed, buf_str(&plain));
    else if (layer->compression == TEST_ZSTD)
        zstd_write(&packed, buf_str(&plain));
    else
        buf_add(&packed, buf_str(&plain));
    layer->size = packed.len;
    test_registry_add_blob(registry, repository, buf_str(&packed), layer->digest);
}

void test_registry_add_manifest(const struct test_registry *registry, const char *repository, const char *tag,
                                struct str bytes, char ret_digest[DIGEST_SIZE])
{
    char name[512];

    digest_of(bytes, ret_digest);
    (void)snprintf(name, sizeof(name), "%s/manifests/%s", repository, tag);
    test_registry_write(registry, name, bytes);
    (void)snprintf(name, sizeof(name), "%s/manifests/%s", repository, ret_digest);
    test_registry_write(registry, name, bytes);
}

static void write_config(struct buf *config, const struct test_layer *layers, size_t count, const char *run,
                         const char *architecture)
{
    struct image_platform machine = image_platform_of_machine();

    buf_printf(config, "{\"os\":\"linux\",\"architecture\":\"%.*s\"", STR_ARG(machine.architecture));
    if (architecture != NULL) {
        buf_clear(config);
        buf_printf(config, "{\"os\":\"linux\",\"architecture\":\"%s\"", architecture);
    }
    if (run[0] != '\0')
        buf_printf(config, ",\"config\":%s", run);
    buf_add_cstr(config, ",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[");
    for (size_t i = 0; i < count; i++)
        buf_printf(config, "%s\"%s\"", i > 0 ? "," : "", layers[i].diff_id);
    buf_add_cstr(config, "]}}");
}

static void write_manifest(struct buf *manifest, const struct test_layer *layers, size_t count,
                           const char *config_digest, size_t config_size)
{
    static const char *const types[] = {[TEST_PLAIN] = "", [TEST_GZIP] = "+gzip", [TEST_ZSTD] = "+zstd"};

    buf_printf(manifest,
               "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"config\":{"
               "\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"digest\":\"%s\",\"size\":%zu},"
               "\"layers\":[",
               config_digest, config_size);
    for (size_t i = 0; i < count; i++)
        buf_printf(manifest,
                   "%s{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar%s\",\"digest\":\"%s\",\"size\":%zu}",
                   i > 0 ? "," : "", types[layers[i].compression], layers[i].digest, layers[i].size);
    buf_add_cstr(manifest, "]}");
}

void test_registry_add_image(const struct test_registry *registry, const char *repository, const char *tag,
                             struct test_layer *layers, size_t layer_count, const char *run, const char *architecture,
                             char ret_digest[DIGEST_SIZE])
{
    auto_buf config = {0};
    auto_buf manifest = {0};
    char config_digest[DIGEST_SIZE];

    for (size_t i = 0; i < layer_count; i++)
        test_registry_add_layer(registry, repository, &layers[i]);
    write_config(&config, layers, layer_count, run, architecture);
    test_registry_add_blob(registry, repository, buf_str(&config), config_digest);
    write_manifest(&manifest, layers, layer_count, config_digest, config.len);
    test_registry_add_manifest(registry, repository, tag, buf_str(&manifest), ret_digest);
}
