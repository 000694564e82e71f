/*
 * busy-poll.c - limits and costs
 *
 * Claim: with O_NONBLOCK no call blocks, so it is the fastest
 * Truth: depends. A program that repeats the call uses a whole CPU: here more
 * than 1000 calls for one byte, where one wait would be enough. It saves the
 * wake-up, which is useful if a CPU is reserved for it.
 * Settled by: recv(2), EAGAIN; build/03-nonblocking.
 * Try: top, while build/03-nonblocking --serve has no clients.
 */
#include "claim.h"

static int pair[2];

/* Sends one byte, after some work. */
static int work_and_send(int milliseconds)
{
    while (cpu_ns() < milliseconds * INT64_C(1000000))
        ;
    return send(pair[1], "x", 1, 0) == 1 ? 0 : 1;
}

int main(void)
{
    char byte;
    int asked = 0, again = 0, waits = 0;
    make_pair(pair);
    pid_t pid = start_child(work_and_send, 50);
    while (recv(pair[0], &byte, 1, MSG_DONTWAIT) < 0) {
        asked++;
        again += errno == EAGAIN;
    }
    end_of(pid);
    saw(asked > 1000 && again == asked,
        "recv with MSG_DONTWAIT until a byte comes: %s EAGAIN",
        asked > 1000 ? "more than 1000 times" : "not even 1000 times");

    const int epoll_fd = new_epoll();
    watch(epoll_fd, pair[0], EPOLLIN);
    pid = start_child(work_and_send, 50);
    do {
        struct epoll_event event;
        epoll_wait(epoll_fd, &event, 1, -1);
        waits++;
    } while (recv(pair[0], &byte, 1, MSG_DONTWAIT) < 0);
    end_of(pid);
    saw(waits == 1, "epoll_wait until a byte comes: called %d time", waits);
    return verdict("depends",
                   "with O_NONBLOCK no call blocks, so it is the fastest",
                   "for one byte: more than 1000 times EAGAIN, or one "
                   "epoll_wait");
}
