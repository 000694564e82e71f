/*
 * mod-zero.c - epoll's interface
 *
 * Claim: EPOLL_CTL_MOD with events 0 switches a registration off
 * Truth: depends on the event. Data are no longer reported. ERR and HUP always
 * are, and level-triggered they end every wait. The well-known HTTP server in
 * Python uses this: it registers for 0, calls shutdown, and closes at HUP.
 * Only DEL, or a spent EPOLLONESHOT, is silent.
 * Settled by: epoll_ctl(2), EPOLLERR and EPOLLHUP.
 * Try: EPOLLONESHOT instead of 0.
 */
#include "claim.h"

#define WAITS 1000

int main(void)
{
    int pair[2], reported = 0;
    make_pair(pair);
    int epoll_fd = new_epoll();
    watch(epoll_fd, pair[0], EPOLLIN);
    struct epoll_event none = {.events = 0};
    must(epoll_ctl(epoll_fd, EPOLL_CTL_MOD, pair[0], &none), "MOD");
    send(pair[1], "x", 1, 0);
    uint32_t events = ask(epoll_fd);
    saw(events == 0, "events 0, a byte arrives: %s", event_names(events));

    must(shutdown(pair[0], SHUT_RDWR), "shutdown");
    events = ask(epoll_fd);
    saw(events == EPOLLHUP, "we call shutdown: %s", event_names(events));
    for (int i = 0; i < WAITS; i++)
        reported += ask(epoll_fd) == EPOLLHUP ? 1 : 0;
    saw(reported == WAITS, "%d waits: %d report it", WAITS, reported);

    must(epoll_ctl(epoll_fd, EPOLL_CTL_DEL, pair[0], NULL), "DEL");
    events = ask(epoll_fd);
    saw(events == 0, "after DEL: %s", event_names(events));
    return verdict("depends",
                   "EPOLL_CTL_MOD with events 0 switches a registration off",
                   "data are not reported, but after shutdown HUP ends 1000 of "
                   "1000 waits, until DEL");
}
