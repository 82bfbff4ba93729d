#include "main/file_limit.h"

#include "base/must.h"

#include <sys/resource.h>

enum { FILES_MAX = 65535 };

void file_limit_raise(void)
{
    struct rlimit limit;

    must(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max < FILES_MAX ? limit.rlim_max : FILES_MAX;
    must(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}
