/*
 * regular-files.c - select and poll
 *
 * Claim: epoll can wait for every file that select and poll can wait for
 * Truth: false. For select and poll a regular file, a directory or /dev/null
 * is always ready, so this is not a wait either. epoll_ctl fails with EPERM.
 * So a program that watches its standard input fails under "program <file".
 * Settled by: epoll_ctl(2), EPERM; include/linux/poll.h, DEFAULT_POLLMASK.
 * Try: a FIFO, a terminal, and a file in /proc that can be polled.
 */
#include "claim.h"

#include <sys/select.h>

static void try_file(const char *what, const char *path)
{
    const int fd = must(open(path, O_RDONLY | O_CLOEXEC), path);
    fd_set readable, writable;
    FD_ZERO(&readable);
    FD_SET(fd, &readable);
    writable = readable;
    const int bits = select(fd + 1, &readable, &writable, NULL, NULL);

    struct pollfd entry = {.fd = fd, .events = POLLIN | POLLOUT};
    poll(&entry, 1, 0);

    struct epoll_event event = {.events = EPOLLIN};
    const int epoll_fd = new_epoll();
    const int result = epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
    saw(bits == 2 && entry.revents == (POLLIN | POLLOUT) && result < 0 &&
            errno == EPERM,
        "%-14s select: %d bits, poll: %s, epoll_ctl: %s", what, bits,
        event_names((uint32_t)entry.revents),
        error_name(result < 0 ? errno : 0));
    close(epoll_fd);
    close(fd);
}

int main(void)
{
    try_file("a regular file", "/proc/self/exe");
    try_file("a directory", "/");
    try_file("/dev/null", "/dev/null");
    return verdict("false",
                   "epoll can wait for every file that select and poll can "
                   "wait for",
                   "a regular file, a directory, /dev/null: always ready for "
                   "select and poll, EPERM for epoll_ctl");
}
