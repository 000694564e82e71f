/*
 * select-urgent.c - select and poll
 *
 * Claim: select has no event for out-of-band data
 * Truth: false. The third set reports it, as poll and epoll report PRI. A TCP
 * byte that is sent with MSG_OOB is in neither of the other events: the socket
 * is not readable, and only recv with MSG_OOB returns the byte.
 * Settled by: select(2), exceptfds; poll(2), POLLPRI; tcp(7).
 * Try: setsockopt SO_OOBINLINE.
 */
#include "claim.h"

#include <sys/select.h>

/* Returns 1 if the socket is in the read set after a wait, plus 2 if it is in
 * the third one. */
static int wait_for_any(int fd, bool block)
{
    fd_set readable, urgent;
    struct timeval now = {0, 0};
    FD_ZERO(&readable);
    FD_ZERO(&urgent);
    FD_SET(fd, &readable);
    FD_SET(fd, &urgent);
    must(select(fd + 1, &readable, NULL, &urgent, block ? NULL : &now),
         "select");
    return (FD_ISSET(fd, &readable) ? 1 : 0) + (FD_ISSET(fd, &urgent) ? 2 : 0);
}

int main(void)
{
    static const char *const names[] = {"none", "read", "third", "both"};
    int pair[2];
    char byte = '?';
    make_tcp_pair(pair);
    must((int)send(pair[1], "!", 1, MSG_OOB), "send");
    int sets = wait_for_any(pair[0], true);
    saw(sets == 2, "a byte with MSG_OOB: %s", names[sets]);
    ssize_t n = recv(pair[0], &byte, 1, MSG_OOB);
    saw(n == 1 && byte == '!', "recv with MSG_OOB: %zd byte", n);
    sets = wait_for_any(pair[0], false);
    saw(sets == 0, "after it: %s", names[sets]);
    must((int)send(pair[1], "x", 1, 0), "send");
    sets = wait_for_any(pair[0], true);
    saw(sets == 1, "a byte without MSG_OOB: %s", names[sets]);
    return verdict("false", "select has no event for out-of-band data",
                   "over TCP a byte with MSG_OOB is in the third set alone");
}
