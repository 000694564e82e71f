/*
 * article-equals.c - well-known samples
 *
 * Claim: EPOLLIN == events[i].events finds the readable clients
 * Truth: false. events is a set of bits. When a client closes, events is
 * IN|HUP, which is not equal to IN. The sample of a well-known article then
 * neither reads the end of file nor closes, and level-triggered epoll reports
 * the client again at every wait. Test with &, and call recv for unexpected
 * events too.
 * Settled by: epoll_wait(2), "a bit mask"; epoll_ctl(2), EPOLLHUP.
 * Try: register for RDHUP as well. Which events does == miss then?
 */
#include "claim.h"

#define TURNS 1000

/* Runs the sample's loop once. Returns the result of recv, or -2: no recv. */
static int turn(int epoll_fd, bool with_equals)
{
    char buffer[128];
    struct epoll_event event;
    const int n = epoll_wait(epoll_fd, &event, 1, -1);
    if (n == 1 &&
        (with_equals ? event.events == EPOLLIN : (event.events & EPOLLIN) != 0))
        return (int)recv(event.data.fd, buffer, sizeof(buffer), 0);
    return -2;
}

int main(void)
{
    int pair[2], reads = 0;
    make_pair(pair);
    const int epoll_fd = new_epoll();
    watch(epoll_fd, pair[0], EPOLLIN);
    send(pair[1], "hello", 5, 0);
    int n = turn(epoll_fd, true);
    saw(n == 5, "a client sends, ==: recv returns %d", n);

    close(pair[1]);
    for (int i = 0; i < TURNS; i++)
        reads += turn(epoll_fd, true) != -2;
    saw(reads == 0, "it closes, ==: %d waits return at once, %d reads", TURNS,
        reads);
    n = turn(epoll_fd, false);
    saw(n == 0, "the same with &: recv returns %d, end of file", n);
    return verdict("false",
                   "EPOLLIN == events[i].events finds the readable clients",
                   "one client closes: 1000 waits return at once and nothing "
                   "is read; with & the first finds the end of file");
}
