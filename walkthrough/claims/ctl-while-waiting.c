/*
 * ctl-while-waiting.c - who is woken
 *
 * Claim: the interest list cannot change while a thread waits on it
 * Truth: false. Other threads may call ADD, MOD and DEL at any time, and the
 * wait takes notice: an ADD of a descriptor that is ready ends it. select and
 * poll do not notice changes once the call has begun.
 * Settled by: epoll_wait(2), NOTES; select(2), BUGS.
 * Try: DEL instead of ADD. What ends the wait then?
 */
#include "claim.h"

int main(void)
{
    int pair[2];
    struct sleeper sleeper;
    make_pair(pair);
    send(pair[1], "x", 1, 0);
    const int epoll_fd = new_epoll();

    start_sleeper(&sleeper, epoll_fd);
    saw(sleeper.place == 0, "a thread blocks on an empty interest list");
    struct epoll_event event = {.events = EPOLLOUT | EPOLLIN};
    must(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, pair[0], &event), "ADD");
    pthread_join(sleeper.thread, NULL);
    saw(sleeper.event.events == (EPOLLIN | EPOLLOUT),
        "another thread adds a socket; the thread wakes with %s",
        event_names(sleeper.event.events));

    event.events = 0;
    must(epoll_ctl(epoll_fd, EPOLL_CTL_MOD, pair[0], &event), "MOD");
    start_sleeper(&sleeper, epoll_fd);
    event.events = EPOLLIN;
    must(epoll_ctl(epoll_fd, EPOLL_CTL_MOD, pair[0], &event), "MOD");
    pthread_join(sleeper.thread, NULL);
    saw(sleeper.event.events == EPOLLIN,
        "another thread registers for IN by MOD; the thread wakes with %s",
        event_names(sleeper.event.events));
    return verdict(
        "false", "the interest list cannot change while a thread waits on it",
        "ADD and MOD by another thread wake the thread that is blocked");
}
