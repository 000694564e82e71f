/*
 * two-numbers.c - epoll's interface
 *
 * Claim: a socket is on an interest list at most once
 * Truth: false. The key of a registration is the open file and the number of
 * the descriptor. A duplicate has another number, so it is a registration of
 * its own. One byte then gives two events, and the newer registration is
 * reported first, because the socket's wait queue is a stack.
 * Settled by: epoll(7), Questions and answers, Q1 and Q2; fs/eventpoll.c,
 * ep_cmp_ffd().
 * Try: close the duplicate, and see who is reported then (dup-close.c).
 */
#include "claim.h"

int main(void)
{
    int pair[2];
    struct epoll_event events[4];
    make_pair(pair);
    int epoll_fd = new_epoll();
    watch(epoll_fd, pair[0], EPOLLIN);
    struct epoll_event again = {.events = EPOLLIN};
    int result = epoll_ctl(epoll_fd, EPOLL_CTL_ADD, pair[0], &again);
    saw(result < 0 && errno == EEXIST, "the same number again: %s",
        error_name(result < 0 ? errno : 0));

    int duplicate = must(dup(pair[0]), "dup");
    struct epoll_event event = {.events = EPOLLIN, .data.fd = duplicate};
    result = epoll_ctl(epoll_fd, EPOLL_CTL_ADD, duplicate, &event);
    saw(result == 0, "its duplicate, error: %s",
        error_name(result < 0 ? errno : 0));

    send(pair[1], "x", 1, 0);
    int n = epoll_wait(epoll_fd, events, 4, 0);
    saw(n == 2, "one byte: %d events", n);
    bool newer_first = n == 2 && events[0].data.fd == duplicate &&
                       events[1].data.fd == pair[0];
    saw(newer_first, "first the %s", newer_first ? "duplicate" : "original");
    return verdict("false", "a socket is on an interest list at most once",
                   "a duplicate is added as well, and one byte gives two "
                   "events, the newer registration first");
}
