/*
 * when-ready.c - select and poll
 *
 * Claim: select reports an error of a socket in its third set
 * Truth: false. select, poll and epoll call the same function of the socket,
 * and select translates its flags to bits. An error sets the bits of read and
 * write, and a hang-up sets that of read. The third set is for POLLPRI.
 * Settled by: select(2) on poll; fs/select.c, POLLIN_SET, POLLOUT_SET and
 * POLLEX_SET; net/unix/af_unix.c, unix_poll.
 * Try: a pipe whose reader closes. The writer is reported as ERR.
 */
#include "claim.h"

#include <sys/select.h>

enum { NONE = 0, READ = 1, WRITE = 2, THIRD = 4 };

/* Makes all three calls for fd, without blocking. bits and flags are expected
 * of them. */
static void try_all(const char *what, int fd, int bits, uint32_t flags)
{
    static const char *const names[] = {"-", "read", "write", "read, write"};
    uint32_t wanted = EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP;
    struct timeval now = {0, 0};
    fd_set sets[3];
    int found = 0;
    for (int i = 0; i < 3; i++) {
        FD_ZERO(&sets[i]);
        FD_SET(fd, &sets[i]);
    }
    must(select(fd + 1, &sets[0], &sets[1], &sets[2], &now), "select");
    for (int i = 0; i < 3; i++)
        found |= FD_ISSET(fd, &sets[i]) ? 1 << i : 0;
    struct pollfd entry = {.fd = fd, .events = (short)wanted};
    must(poll(&entry, 1, 0), "poll");
    int epoll_fd = new_epoll();
    watch(epoll_fd, fd, wanted);
    uint32_t events = ask(epoll_fd);
    close(epoll_fd);
    const char *polled = entry.revents == 0 ? "-" : event_names(events);
    saw(found == bits && events == flags && (uint32_t)entry.revents == flags,
        "%-31s%-13s%s", what, found & THIRD ? "third" : names[found],
        events == (uint32_t)entry.revents ? polled : "poll and epoll differ");
}

int main(void)
{
    uint32_t in = EPOLLIN, out = EPOLLOUT, hup = EPOLLHUP, rdhup = EPOLLRDHUP;
    static const char page[4096];
    struct place place;
    int fd = listen_somewhere(&place, 5), pair[2];
    printf("  %-31s%-13s%s\n", "situation", "select", "poll and epoll");
    try_all("listener, empty backlog", fd, NONE, 0);
    must(connect_to(&place), "connect");
    try_all("listener, a connection waits", fd, READ, in);
    shutdown(fd, SHUT_RDWR);
    try_all("listener, shut down", fd, READ, in | hup | rdhup);

    make_pair(pair);
    try_all("stream, no data", pair[0], WRITE, out);
    send(pair[1], "x", 1, 0);
    try_all("stream, unread data", pair[0], READ | WRITE, in | out);
    while (send(pair[0], page, sizeof(page), MSG_DONTWAIT) > 0)
        ;
    try_all("stream, unread data and full", pair[0], READ, in);
    close(pair[1]); /* with unread data, which is an error */
    try_all("error, the peer has reset", pair[0], READ | WRITE,
            in | out | EPOLLERR | hup | rdhup);
    make_pair(pair);
    shutdown(pair[1], SHUT_WR);
    try_all("half-closed by the peer", pair[0], READ | WRITE, in | out | rdhup);
    close(pair[1]);
    try_all("closed by the peer", pair[0], READ | WRITE,
            in | out | hup | rdhup);
    return verdict("false",
                   "select reports an error of a socket in its third set",
                   "an error sets the bits of read and write, and the third "
                   "set stays empty");
}
