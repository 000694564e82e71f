/*
 * nfds.c - select and poll
 *
 * Claim: the first argument of select is the highest descriptor
 * Truth: false. It is the highest descriptor plus one, which is the number of
 * bits to check, like the length of an array. Without the plus one the highest
 * descriptor is not checked, and there is no error.
 * Settled by: select(2), nfds.
 * Try: put a lower descriptor into the set as well. Which one is served?
 */
#include "claim.h"

#include <sys/select.h>

static int select_now(int nfds, int fd)
{
    struct timeval now = {0, 0};
    fd_set readable;
    FD_ZERO(&readable);
    FD_SET(fd, &readable);
    return select(nfds, &readable, NULL, NULL, &now);
}

int main(void)
{
    int pair[2];
    make_pair(pair);
    send(pair[1], "x", 1, 0);

    const int without = select_now(pair[0], pair[0]);
    saw(without == 0, "fd can be read, select(fd, ...) returns: %d ready",
        without);
    const int with = select_now(pair[0] + 1, pair[0]);
    saw(with == 1, "fd can be read, select(fd + 1, ...) returns: %d ready",
        with);
    return verdict("false",
                   "the first argument of select is the highest descriptor",
                   "with the descriptor itself a ready socket is missed and "
                   "nothing fails; with one more it is found");
}
