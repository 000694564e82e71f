/*
 * anonymous.c - epoll's interface
 *
 * Claim: epoll is a device, or a file system, that must be there
 * Truth: false. The first patches had /dev/epoll, long before epoll was
 * merged. Today there is a system call, and the descriptor refers to an
 * anonymous inode, without a path or a device. read and write fail with
 * EINVAL.
 * Settled by: epoll(7), epoll_create(2); fs/eventpoll.c, anon_inode_getfile.
 * Try: ls -l /proc/PID/fd of a server. What else is anonymous?
 */
#include "claim.h"

int main(void)
{
    saw(access("/dev/epoll", F_OK) < 0, "/dev/epoll: %s", error_name(errno));

    const int epoll_fd = new_epoll();
    char path[64], target[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", epoll_fd);
    const ssize_t length = readlink(path, target, sizeof(target) - 1);
    if (length < 0)
        not_tried("/proc/self/fd cannot be read");
    target[length] = '\0';
    saw(strcmp(target, "anon_inode:[eventpoll]") == 0,
        "the descriptor leads to %s", target);

    char byte;
    const ssize_t n = read(epoll_fd, &byte, 1);
    saw(n < 0 && errno == EINVAL, "read from it: %s",
        error_name(n < 0 ? errno : 0));
    return verdict("false",
                   "epoll is a device, or a file system, that must be there",
                   "no /dev/epoll; the descriptor is anon_inode:[eventpoll], "
                   "and read is EINVAL");
}
