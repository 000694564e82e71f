/*
 * et-calls.c - level and edge
 *
 * Claim: edge-triggered needs fewer system calls
 * Truth: depends. It needs fewer if a ready descriptor is left alone, such as
 * an OUT that is not needed (out-spin.c). An echo needs more, because a recv
 * fails with EAGAIN. With IN, as here, the number of waits is the same. With
 * IN|OUT, as in stage 08, there can be more waits (out-edge.c).
 * Settled by: epoll(7), Level-triggered and edge-triggered; your own count.
 * Try: strace -c -f build/08-epoll-et -q, and the same for 06.
 */
#include "claim.h"

#define MESSAGES 1000

/* Serves the messages and counts the calls. */
static void serve(uint32_t mode, int *waits, int *reads)
{
    char buffer[100];
    struct epoll_event event;
    int pair[2];
    make_pair(pair);
    const int epoll_fd = new_epoll();
    watch(epoll_fd, pair[0], EPOLLIN | mode);
    for (int i = 0; i < MESSAGES; i++) {
        send(pair[1], "hello", 5, 0);
        must(epoll_wait(epoll_fd, &event, 1, -1), "epoll_wait");
        ++*waits;
        ssize_t n;
        do {
            n = recv(pair[0], buffer, sizeof(buffer), MSG_DONTWAIT);
            ++*reads;
        } while (mode == EPOLLET && n > 0);
    }
}

int main(void)
{
    int waits[2] = {0, 0}, reads[2] = {0, 0};
    serve(0, &waits[0], &reads[0]);
    serve(EPOLLET, &waits[1], &reads[1]);
    saw(waits[0] == MESSAGES && reads[0] == MESSAGES,
        "%d messages, IN:    %d epoll_wait, %d recv", MESSAGES, waits[0],
        reads[0]);
    saw(waits[1] == MESSAGES && reads[1] == 2 * MESSAGES,
        "%d messages, IN|ET: %d epoll_wait, %d recv", MESSAGES, waits[1],
        reads[1]);
    return verdict("depends", "edge-triggered needs fewer system calls",
                   "1000 messages, registered for IN: 1000 waits both; 1000 "
                   "recv level-triggered, 2000 edge-triggered until EAGAIN");
}
