/* Owns the walk from component to component. */
#include "node/runtime/rooted_path.h"

#include "base/attributes.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

enum { LINKS_MAX = 40, WALK_BYTES = PATH_MAX };

struct walk {
    int root;
    enum rooted_kind kind;
    int at; /* where we are: a directory, or at the end what was asked for */
    int links;
    char rest[WALK_BYTES]; /* what is still to be walked */
};

/* Takes the next component off `rest`; false at the end. */
static bool next_component(struct walk *walk, char component[NAME_MAX + 1])
{
    size_t start = strspn(walk->rest, "/");
    size_t len = strcspn(walk->rest + start, "/");

    if (len == 0)
        return false;
    if (len > NAME_MAX)
        len = NAME_MAX; /* no file system has such a name: not found */
    memcpy(component, walk->rest + start, len);
    component[len] = '\0';
    start += strcspn(walk->rest + start, "/");
    memmove(walk->rest, walk->rest + start, strlen(walk->rest + start) + 1);
    return true;
}

static bool is_last(const struct walk *walk)
{
    return walk->rest[strspn(walk->rest, "/")] == '\0';
}

static bool move_to(struct walk *walk, int fd)
{
    if (fd < 0)
        return false;
    (void)close(walk->at);
    walk->at = fd;
    return true;
}

static bool at_root(const struct walk *walk)
{
    struct stat here;
    struct stat root;

    return fstat(walk->at, &here) != 0 || fstat(walk->root, &root) != 0 ||
           (here.st_dev == root.st_dev && here.st_ino == root.st_ino);
}

static bool step_up(struct walk *walk)
{
    return at_root(walk) || move_to(walk, openat(walk->at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
}

/* Puts the link's text in front of what is still to be walked. */
static bool follow(struct walk *walk, int link)
{
    char text[WALK_BYTES];
    ssize_t len = readlinkat(link, "", text, sizeof(text));
    size_t rest = strlen(walk->rest);

    if (len < 0)
        return false;
    errno = ELOOP;
    if (++walk->links > LINKS_MAX)
        return false;
    errno = ENAMETOOLONG;
    if ((size_t)len + 1 + rest + 1 > sizeof(walk->rest))
        return false;
    memmove(walk->rest + len + 1, walk->rest, rest + 1);
    memcpy(walk->rest, text, (size_t)len);
    walk->rest[len] = '/';
    return text[0] != '/' || move_to(walk, fcntl(walk->root, F_DUPFD_CLOEXEC, 0));
}

static bool make(struct walk *walk, const char *name)
{
    if (walk->kind == ROOTED_EXISTING) {
        errno = ENOENT;
        return false;
    }
    if (walk->kind == ROOTED_FILE && is_last(walk))
        return mknodat(walk->at, name, S_IFREG | 0644, 0) == 0 || errno == EEXIST;
    return mkdirat(walk->at, name, 0755) == 0 || errno == EEXIST;
}

static bool step_into(struct walk *walk, const char *name)
{
    struct stat st;
    auto_fd fd = openat(walk->at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT && make(walk, name))
        fd = openat(walk->at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        return false;
    return S_ISLNK(st.st_mode) ? follow(walk, fd) : move_to(walk, take_fd(&fd));
}

int rooted_open(int root, const char *path, enum rooted_kind kind)
{
    struct walk walk = {.root = root, .kind = kind, .at = fcntl(root, F_DUPFD_CLOEXEC, 0)};
    char component[NAME_MAX + 1];
    bool good = walk.at >= 0 && strlen(path) < sizeof(walk.rest);

    if (walk.at >= 0 && !good)
        errno = ENAMETOOLONG;
    if (good)
        memcpy(walk.rest, path, strlen(path) + 1);
    while (good && next_component(&walk, component)) {
        if (strcmp(component, "..") == 0)
            good = step_up(&walk);
        else if (strcmp(component, ".") != 0)
            good = step_into(&walk, component);
    }
    if (!good && walk.at >= 0) {
        int error = errno;

        (void)close(walk.at);
        errno = error;
        return -1;
    }
    return walk.at;
}
