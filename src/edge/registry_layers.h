/* The layer port of plane/ecr over the blob store, and the URLs of GetDownloadUrlForLayer: presigned as S3's are, for a
 * path of our own, with the installation's secret. */
#pragma once

#include "edge/loop.h"
#include "os/blob_store.h"
#include "os/http_server.h"
#include "plane/ecr/layer_port.h"

/* GET of it needs no identity but the signature. */
#define LAYER_PATH "/_berth/layers/"

struct registry_layers {
    struct loop *loop;
    struct blob_store *blobs;
    struct str secret;   /* signs the URLs; the same after a restart */
    struct str endpoint; /* "127.0.0.1:4566" */
    struct clock clock;
};

/* *layers is the port's context and outlives it. Worker threads. */
struct layer_port registry_layer_port(struct registry_layers *layers);

/* Answers a request below LAYER_PATH: the layer, or a range of it, or S3's refusal. Server thread. */
void registry_layers_complete(const struct registry_layers *layers, struct http_exchange *exchange);
