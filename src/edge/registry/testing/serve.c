/* registry_serve DIRECTORY: the registry over HTTP on a free port of the loopback, with records in memory, for tests
 * and benchmarks with real clients. Prints the port, serves until its standard input ends.
 *
 * Repositories: app, team/other, fixed (immutable tags) of the default registry 000000000000 in us-east-1; app of
 * 111122223333 in eu-west-1. The password is "sesame". */
#include "edge/registry/registry.h"

#include "base/log.h"
#include "edge/registry/testing/memory_metadata.h"

static bool is_refused(struct http_exchange *exchange)
{
    static const struct http_header none;

    if (registry_wants(&exchange->request))
        return false;
    http_exchange_reply(exchange, &(struct http_reply){.status = 404, .headers = &none, .bytes = STR("")});
    return true;
}

static bool begin(void *context, struct http_exchange *exchange)
{
    return !is_refused(exchange) && registry_begin(context, exchange);
}

static bool serve(struct registry *registry, struct fail *f)
{
    /* A short timeout: the server may notice a client that vanished in the middle of a body only by it. */
    const struct http_server_options options = {
        .address = "127.0.0.1", .threads = 2, .connections_max = 200, .idle_timeout_s = 3};
    const struct http_handler handler = {.context = registry,
                                         .begin = begin,
                                         .data = registry_data,
                                         .complete = registry_complete,
                                         .ended = registry_ended};
    struct http_server *server;

    if (!http_server_start(&options, &handler, &server, f))
        return false;
    (void)printf("%u\n", http_server_port(server));
    (void)fflush(stdout);
    while (getchar() != EOF)
        continue;
    http_server_stop(server, 1000);
    return true;
}

static bool run(const char *directory, struct memory_metadata *metadata, struct fail *f)
{
    struct registry_options options = {.metadata = memory_metadata_port(metadata),
                                       .fallback = {STR("000000000000"), STR("us-east-1")}};
    struct registry *registry;
    bool good;

    if (!blob_store_open(directory, &options.blobs, f))
        return false;
    good = registry_start(&options, &registry, f) && serve(registry, f);
    if (good)
        registry_stop(registry);
    blob_store_close(options.blobs);
    return good;
}

int main(int argc, char **argv)
{
    struct memory_metadata *metadata = memory_metadata_start("sesame");
    struct fail f;
    bool good;

    if (argc != 2)
        return 2;
    memory_metadata_add(metadata, "000000000000", "us-east-1", "app", false);
    memory_metadata_add(metadata, "000000000000", "us-east-1", "team/other", false);
    memory_metadata_add(metadata, "000000000000", "us-east-1", "fixed", true);
    memory_metadata_add(metadata, "111122223333", "eu-west-1", "app", false);
    good = run(argv[1], metadata, &f);
    if (!good)
        log_error("%s", f.message);
    memory_metadata_stop(metadata);
    return good ? 0 : 1;
}
