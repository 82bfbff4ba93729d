/* A new volume begins with what the image has where the volume is mounted, owner and mode included (ECS developer
 * guide, "Use bind mounts with Amazon ECS", on VOLUME; Docker does the same). */
#pragma once

#include "base/fail.h"

/* Copies directories, files, links and fifos below `target`, as seen in the image's root directory, into the directory
 * `volume`, if nothing is in it yet; a copy that was interrupted is made again. Devices and sockets stay where they
 * are. Owners are copied as they show at root_fd. Waits while another start fills the same volume. True also when the
 * image has no directory there. */
checked bool volume_fill(const char *volume, int root_fd, const char *target, struct fail *f);
