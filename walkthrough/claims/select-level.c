/*
 * select-level.c - select and poll
 *
 * Claim: select blocks until the state of a descriptor changes
 * Truth: false. It blocks until a descriptor is ready, and returns at once if
 * one is ready already, on every call. select and poll are level-triggered.
 * Settled by: select(2), poll(2); epoll(7) on level-triggered.
 * Try: read the byte between the calls.
 */
#include "claim.h"

#include <sys/select.h>

int main(void)
{
    int pair[2], selected = 0, polled = 0;
    make_pair(pair);
    send(pair[1], "x", 1, 0);
    for (int i = 0; i < 3; i++) {
        fd_set readable;
        FD_ZERO(&readable);
        FD_SET(pair[0], &readable);
        selected += select(pair[0] + 1, &readable, NULL, NULL, NULL);

        struct pollfd entry = {.fd = pair[0], .events = POLLIN};
        polled += poll(&entry, 1, -1);
    }
    saw(selected == 3, "nothing changes, 3 times select, no limit: %d ready",
        selected);
    saw(polled == 3, "nothing changes, 3 times poll, no limit: %d ready",
        polled);
    return verdict("false",
                   "select blocks until the state of a descriptor changes",
                   "an unread byte ends three waits of three, in select and in "
                   "poll");
}
