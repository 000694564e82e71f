/*
 * open-files.c - limits and costs
 *
 * Claim: /proc/sys/fs/file-max is how many descriptors epoll can watch
 * Truth: false. It limits the open files of the whole system. A process has
 * its own limit, RLIMIT_NOFILE, and fails with EMFILE. The epoll descriptor
 * counts as well, so an instance that is not closed is a leak.
 * Settled by: getrlimit(2), RLIMIT_NOFILE; epoll_create(2), EMFILE; proc(5).
 * Try: (ulimit -Sn 50; build/06-epoll-lt -q -c 100)
 */
#include "claim.h"

int main(void)
{
    struct rlimit limit;
    unsigned long long file_max = 0;
    FILE *file = fopen("/proc/sys/fs/file-max", "re");
    if (file == NULL || fscanf(file, "%llu", &file_max) != 1)
        not_tried("/proc/sys/fs/file-max cannot be read");
    fclose(file);
    saw(file_max > 64, "file-max is %s 64", file_max > 64 ? "above" : "below");
    must(getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
    limit.rlim_cur = 64;
    must(setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");

    int highest = -1, fd;
    while ((fd = epoll_create1(EPOLL_CLOEXEC)) >= 0)
        highest = fd;
    saw(errno == EMFILE, "soft limit 64, epoll_create1 until it fails: %s",
        error_name(errno));
    saw(highest == 63, "the highest descriptor is %d", highest);

    close(highest);
    fd = epoll_create1(EPOLL_CLOEXEC);
    saw(fd == highest, "one is closed: %s",
        fd == highest ? "its number is free again" : "no number is free");

    file = fopen("/proc/sys/fs/file-max", "re");
    saw(file == NULL && errno == EMFILE, "file-max cannot be opened now: %s",
        error_name(file == NULL ? errno : 0));
    return verdict("false",
                   "/proc/sys/fs/file-max is how many descriptors epoll can "
                   "watch",
                   "file-max is larger, but with a soft limit of 64 the "
                   "highest descriptor is 63, then EMFILE");
}
