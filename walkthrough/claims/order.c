/*
 * order.c - who is woken
 *
 * Claim: events come in the order of the descriptors' numbers
 * Truth: depends. poll searches its array from the front each time, and so
 * does a program that handles only the first result. epoll reports in the
 * order in which the descriptors became ready. A level-triggered one that was
 * reported goes to the end, so with room for one event each has its turn.
 * Settled by: epoll_wait(2), NOTES (round robin); fs/eventpoll.c,
 * ep_send_events.
 * Try: one more byte for a socket that is ready already.
 */
#include "claim.h"

#define SOCKETS 4

int main(void)
{
    const int becomes_ready[SOCKETS] = {2, 0, 3, 1};
    int pair[SOCKETS][2];
    char told[2 * SOCKETS + 1] = "", first[2 * SOCKETS + 1] = "";
    struct pollfd entries[SOCKETS];
    const int epoll_fd = new_epoll();
    for (int i = 0; i < SOCKETS; i++) {
        make_pair(pair[i]);
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = 'a' + i};
        must(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, pair[i][0], &event), "ADD");
        entries[i] = (struct pollfd){.fd = pair[i][0], .events = POLLIN};
    }
    for (int i = 0; i < SOCKETS; i++)
        send(pair[becomes_ready[i]][1], "x", 1, 0);

    for (int i = 0; i < 2 * SOCKETS; i++) {
        struct epoll_event event = {.data.u32 = '-'};
        epoll_wait(epoll_fd, &event, 1, 0);
        told[i] = (char)event.data.u32;

        poll(entries, SOCKETS, 0);
        int j = 0;
        while (j < SOCKETS - 1 && entries[j].revents == 0)
            j++;
        first[i] = (char)('a' + j);
    }
    saw(strcmp(told, "cadbcadb") == 0,
        "c a d b become ready; 8 waits for one event, no one reads: %s", told);
    saw(strcmp(first, "aaaaaaaa") == 0, "8 polls, the first that is ready: %s",
        first);
    return verdict("depends",
                   "events come in the order of the descriptors' numbers",
                   "c a d b become ready: epoll reports cadbcadb, one per "
                   "wait; poll's first is always a");
}
