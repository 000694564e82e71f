/*
 * accept-flags.c - Unix-domain sockets
 *
 * Claim: if the listening socket is non-blocking, so are its connections
 * Truth: false on Linux. accept does not copy the file status flags of the
 * listening socket to the new descriptor. accept4 sets O_NONBLOCK if it is
 * called with SOCK_NONBLOCK. On BSD the flags are inherited, so portable
 * programs set them explicitly.
 * Settled by: accept(2), NOTES.
 * Try: a listening socket that blocks, and SOCK_NONBLOCK.
 */
#include "claim.h"

static bool is_nonblocking(int fd)
{
    return must(fcntl(fd, F_GETFL), "F_GETFL") & O_NONBLOCK;
}

int main(void)
{
    struct place place;
    int listen_fd = listen_somewhere(&place, 5);
    must(connect_to(&place), "connect");
    must(connect_to(&place), "connect");
    must(fcntl(listen_fd, F_SETFL, O_NONBLOCK), "F_SETFL");
    saw(is_nonblocking(listen_fd), "the listening socket has O_NONBLOCK");

    int first_fd = must(accept(listen_fd, NULL, NULL), "accept");
    bool first = is_nonblocking(first_fd);
    saw(!first, "a connection from accept: %s",
        first ? "O_NONBLOCK" : "no O_NONBLOCK");
    int second_fd =
        must(accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK), "accept4");
    bool second = is_nonblocking(second_fd);
    saw(second, "a connection from accept4 with SOCK_NONBLOCK: %s",
        second ? "O_NONBLOCK" : "no O_NONBLOCK");
    return verdict("false",
                   "if the listening socket is non-blocking, so are its "
                   "connections",
                   "accept returns a blocking socket; accept4 with "
                   "SOCK_NONBLOCK a non-blocking one");
}
