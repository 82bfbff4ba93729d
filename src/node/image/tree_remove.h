/* Removes a file or a directory with all it holds; what is not there is removed already. Never follows a symbolic
 * link, so it stays below parent_fd whatever the tree holds. Depth is bounded by path_depth_max when it was unpacked;
 * one descriptor is open a level. */
#pragma once

#include "base/fail.h"

checked bool image_tree_remove(int parent_fd, const char *name, struct fail *f);
