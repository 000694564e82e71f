/*
 * select-write.c - select and poll
 *
 * Claim: put each client into the read set and the write set of select
 * Truth: false. An idle socket is writable, so it ends every wait at once. A
 * socket is in the write set only while the program has unsent data for it.
 * FD_CLR takes it out again.
 * Settled by: select(2), writefds and FD_CLR().
 * Try: the same with poll, and POLLOUT in events.
 */
#include "claim.h"

#include <sys/select.h>

#define WAITS 1000

static int wait_for_writable(const fd_set *wanted, int fd)
{
    fd_set writable = *wanted;
    struct timeval now = {0, 0};
    return select(fd + 1, NULL, &writable, NULL, &now);
}

int main(void)
{
    static char page[4096];
    int pair[2], ended = 0;
    size_t sent = 0;
    fd_set wanted;
    make_pair(pair);
    FD_ZERO(&wanted);
    FD_SET(pair[0], &wanted);
    for (int i = 0; i < WAITS; i++)
        ended += wait_for_writable(&wanted, pair[0]);
    saw(ended == WAITS, "an idle socket in the write set: %d of %d waits end",
        ended, WAITS);

    ssize_t n;
    while ((n = send(pair[0], page, sizeof(page), MSG_DONTWAIT)) > 0)
        sent += (size_t)n;
    int ready = wait_for_writable(&wanted, pair[0]);
    saw(ready == 0, "send fails with EAGAIN, unsent data: %d ready", ready);
    while (sent > 0)
        sent -= (size_t)must((int)recv(pair[1], page, sizeof(page), 0), "recv");
    ready = wait_for_writable(&wanted, pair[0]);
    saw(ready == 1, "the peer reads: %d ready, send the unsent data", ready);

    FD_CLR(pair[0], &wanted);
    ready = wait_for_writable(&wanted, pair[0]);
    saw(ready == 0, "all is sent, FD_CLR: %d ready", ready);
    return verdict("false",
                   "put each client into the read set and the write set of "
                   "select",
                   "an idle socket in the write set ends 1000 of 1000 waits; "
                   "a full one is ready when the peer reads");
}
