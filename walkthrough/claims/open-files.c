/*
 * open-files.c - limits and costs
 *
 * Claim: /proc/sys/fs/file-max is how many descriptors epoll can watch
 * Truth: false. It bounds the open files of the whole machine. A process
 * stops at its own limit, RLIMIT_NOFILE, with EMFILE, and the epoll
 * descriptor itself counts, too: an instance that is not closed is a leak.
 * Settled by: getrlimit(2), RLIMIT_NOFILE; epoll_create(2), EMFILE; proc(5).
 * Try: ulimit -n 50, and run a stage with 100 clients.
 */
#include "claim.h"

int main(void)
{
    struct rlimit limit;
    must(getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
    limit.rlim_cur = 64;
    must(setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");

    int highest = -1, fd;
    while ((fd = epoll_create1(EPOLL_CLOEXEC)) >= 0)
        highest = fd;
    saw(errno == EMFILE, "epoll_create1 until it fails: %s", error_name(errno));
    saw(highest == 63, "soft limit 64: the highest descriptor is %d", highest);

    close(highest);
    fd = epoll_create1(EPOLL_CLOEXEC);
    saw(fd == highest, "one is closed: %s",
        fd == highest ? "its number is free again" : "no number is free");

    FILE *file = fopen("/proc/sys/fs/file-max", "re");
    saw(file == NULL && errno == EMFILE, "not even file-max can be read: %s",
        error_name(file == NULL ? errno : 0));
    return verdict("false",
                   "/proc/sys/fs/file-max is how many descriptors epoll can "
                   "watch",
                   "with a soft limit of 64 the process ends at descriptor 63: "
                   "EMFILE, for epoll_create1 as well");
}
