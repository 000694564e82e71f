/*
 * close-waiting.c - who is woken
 *
 * Claim: closing the epoll descriptor wakes the threads that wait on it
 * Truth: false. The call holds the open file. The thread continues to block,
 * nothing reports the close, and the registered descriptors can still wake the
 * thread. To stop a loop, watch an eventfd or a pipe and write to it.
 * Settled by: close(2), Multithreaded processes; epoll(7).
 * Try: select or poll, and another thread that closes their descriptors.
 */
#include "claim.h"

int main(void)
{
    int pair[2];
    struct sleeper sleeper;
    make_pair(pair);
    const int epoll_fd = new_epoll();
    watch(epoll_fd, pair[0], EPOLLIN);

    start_sleeper(&sleeper, epoll_fd);
    close(epoll_fd);
    wait_asleep(sleeper.tid);
    saw(sleeper.place == 0,
        "the epoll descriptor is closed: it continues to block");
    send(pair[1], "x", 1, 0);
    pthread_join(sleeper.thread, NULL);
    saw(sleeper.event.events == EPOLLIN, "a byte comes: it wakes with %s",
        event_names(sleeper.event.events));
    return verdict(
        "false",
        "closing the epoll descriptor wakes the threads that wait on it",
        "the thread continues to block, and a byte still wakes it");
}
