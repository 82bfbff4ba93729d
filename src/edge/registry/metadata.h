/* What the registry protocol asks of the repositories' records: one struct for a question and its answer, one function
 * that takes it. The records live in the core; blobs are files beside it (os/blob_store.h).
 *
 * Life of a call:
 *   1 filled     by the registry: operation, who asks, about what
 *   2 submitted  it belongs to the implementer, who asks in one transaction: who is it? may he? then does the operation
 *   3 done       answer or failure filled in, changes durable, call->done(call) called once; it is the registry's again
 *
 * `done` may be called from any thread, also the core's, and from within submit: it neither waits nor touches files.
 *
 * Before any operation the implementer
 *   - identifies the caller by `authorization` ("Basic ..." of user AWS and a token of ECR's GetAuthorizationToken; or
 *     none). Failures: REGISTRY_NO_IDENTITY, REGISTRY_EXPIRED_IDENTITY;
 *   - authorizes `action` on the repository's ARN ("*" without a repository; nothing to authorize when action is NULL).
 *     Failure: AccessDeniedException, "User: ARN is not authorized to perform: ACTION on resource: ARN ...";
 *   - finds the repository. Failure: RepositoryNotFoundException, "The repository with name 'x' does not exist in the
 *     registry with id '123456789012'".
 *
 * Failures are FAIL_API with the exception that ECR's API gives for the same thing; registry_answer.c turns them into
 * the protocol's codes, anything else into 500. Messages are shown to the client. */
#pragma once

#include "base/buf.h"
#include "base/list.h"
#include "plane/ecr/manifest.h"
#include "plane/ecr/repository_uri.h"

#define REGISTRY_NO_IDENTITY      "UnrecognizedClientException" /* 401 with a challenge */
#define REGISTRY_EXPIRED_IDENTITY "ExpiredTokenException"       /* 403: as ECR does, clients show the message */

enum registry_operation {
    /* Nothing but identity; no repository. */
    REGISTRY_CHECK,
    /* Nothing but permission: an upload begins or goes on. */
    REGISTRY_ALLOW,
    /* Is blob `digest` one of the repository's? Else LayersNotFoundException. */
    REGISTRY_BLOB_FIND,
    /* Blob `digest` of `size` bytes, which is in the blob store, is the repository's from now on; again is fine. */
    REGISTRY_BLOB_ATTACH,
    /* Blob `digest` is the repository's no longer. LayersNotFoundException; InvalidParameterException when one of its
     * images needs it. */
    REGISTRY_BLOB_DELETE,
    /* If `from` has blob `digest` and the caller may read it there (ecr:GetDownloadUrlForLayer), attaches it and sets
     * `mounted`. Whatever stands against that leaves `mounted` false and is no failure. */
    REGISTRY_BLOB_MOUNT,
    /* By `tag` or by `digest`: sets the three ret_. Else ImageNotFoundException. */
    REGISTRY_MANIFEST_GET,
    /* Stores `bytes`, whose digest is `digest` and whose meaning is `manifest`, under `tag` too unless that is absent.
     * The repository must have config and layers that are not foreign (LayersNotFoundException) and the manifests of an
     * index (ReferencedImagesNotFoundException), but not the subject. A tag that points to another image moves there,
     * or is ImageTagAlreadyExistsException when immutable. The same image under the same tag again is a success: here
     * a client cannot tell a push that was repeated from one that was cut off. */
    REGISTRY_MANIFEST_PUT,
    /* By `tag`: the tag goes (the image too, as ECR does, when it was its last). By `digest`: the image and its tags.
     * Else ImageNotFoundException; InvalidParameterException when an index lists the image that would go. */
    REGISTRY_MANIFEST_DELETE,
    /* Lists, with registry_add, in byte order, behind `after` (absent: from the start): the repository's tags; */
    REGISTRY_TAGS,
    /* the registry's repositories (no repository is asked about); */
    REGISTRY_CATALOG,
    /* with registry_add_referrer, the manifests whose subject is `digest` and whose artifact type is `artifact_type`
     * (absent: any), by digest. A subject that does not exist is fine. */
    REGISTRY_REFERRERS,
};

struct registry_note;

struct registry_call {
    /* the question; strs live until done */
    enum registry_operation operation;
    const char *action;       /* "ecr:PutImage"; NULL: identity suffices. Static storage */
    struct str authorization; /* the header's value; absent: there was none */
    struct str source_ip;
    struct repository_ref repository; /* CHECK and CATALOG: without a name */
    struct repository_ref from;       /* MOUNT */
    struct str digest;
    struct str tag;
    uint64_t size;
    struct str bytes;
    const struct manifest *manifest;
    struct str artifact_type;
    struct str after;
    bool head; /* MANIFEST_GET: only asks whether it is there, which is no pull */

    /* the answer */
    bool good; /* false: `fail` says why */
    struct fail fail;
    bool mounted;
    struct buf ret_bytes;      /* filled by the implementer with buf_add; freed by the registry */
    struct str ret_media_type; /* in `arena` or static storage */
    struct str ret_digest;     /* in `arena` */

    void (*done)(struct registry_call *call);
    void *implementation;        /* the implementer's, until done */
    struct list link;            /* likewise */
    struct arena *arena;         /* likewise, for what the call needs; bounded, so use arena_try */
    struct registry_note *notes; /* what the implementer leaves to be told, in `arena`; kept from call to call of one
                                    request, and given to registry_metadata.tell */

    struct registry_page *page; /* the registry's; for the two functions below */
};

struct registry_metadata {
    void *context;
    /* From a server thread. */
    void (*submit)(void *context, struct registry_call *call);
    /* From a server thread, once a request and before its client hears the answer: where files may be written. NULL:
     * there is nothing to tell. */
    void (*tell)(void *context, const struct registry_note *notes);
};

struct registry_referrer {
    struct str media_type;
    struct str digest;
    uint64_t size;
    struct str artifact_type; /* absent without */
    const struct manifest_annotation *annotations;
    size_t annotation_count;
};

/* Adds to a list; copies. False: the page is full, this one was not taken and the listing ends here. */
checked bool registry_add(struct registry_call *call, struct str name);
checked bool registry_add_referrer(struct registry_call *call, const struct registry_referrer *referrer);
