/*
 * exec.c - epoll's interface
 *
 * Claim: exec closes an epoll descriptor
 * Truth: depends on EPOLL_CLOEXEC. Without this flag the new program has the
 * descriptor, knows nothing of it, and can wait with it. It even receives
 * events of sockets that it does not have, because the registrations are the
 * parent's.
 * Settled by: epoll_create1(2), EPOLL_CLOEXEC; execve(2).
 * Try: the same with a socket, without SOCK_CLOEXEC.
 */
#include "claim.h"

enum { NO_DESCRIPTOR = 10, AN_EVENT = 11, SOCKET_IS_CLOSED = 12 };

/* What the new program does: it waits with a descriptor that it was given by
 * its number. Its socket has this number plus one. */
static int new_program(int epoll_fd)
{
    struct epoll_event event;
    int n = epoll_wait(epoll_fd, &event, 1, 0);
    if (n < 0 && errno == EBADF)
        return NO_DESCRIPTOR;
    if (n != 1 || event.events != EPOLLIN)
        return EXIT_FAILURE;
    bool closed = fcntl(event.data.fd, F_GETFD) < 0 && errno == EBADF;
    return closed ? SOCKET_IS_CLOSED : AN_EVENT;
}

static int execute(int epoll_fd)
{
    char number[20];
    snprintf(number, sizeof(number), "%d", epoll_fd);
    execl("/proc/self/exe", "exec", number, (char *)NULL);
    return EXIT_FAILURE;
}

int main(int count, char *arguments[])
{
    if (count > 1)
        return new_program(atoi(arguments[1]));
    int pair[2];
    make_pair(pair); /* both are closed by exec */
    send(pair[1], "x", 1, 0);
    fflush(stdout);

    int kept = must(epoll_create1(0), "epoll_create1");
    watch(kept, pair[0], EPOLLIN);
    int status = end_of(start_child(execute, kept));
    saw(status == SOCKET_IS_CLOSED,
        "flags 0: the new program %s the event of a socket that it %s",
        status >= AN_EVENT ? "receives" : "does not receive",
        status == SOCKET_IS_CLOSED ? "does not have" : "has");
    int closed = new_epoll();
    watch(closed, pair[0], EPOLLIN);
    status = end_of(start_child(execute, closed));
    saw(status == NO_DESCRIPTOR, "EPOLL_CLOEXEC: %s in the new program",
        status == NO_DESCRIPTOR ? "EBADF" : "a descriptor");
    return verdict("depends", "exec closes an epoll descriptor",
                   "with flags 0 the new program receives events of a socket "
                   "that it does not have; with EPOLL_CLOEXEC it is EBADF");
}
