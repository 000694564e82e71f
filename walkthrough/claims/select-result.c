/*
 * select-result.c - select and poll
 *
 * Claim: the result of select is not needed, because FD_ISSET shows all
 * Truth: false. After a time-out it returns 0, and the sets are empty: FD_ISSET
 * is right. After an error it returns -1, and Linux leaves the sets as they
 * were: FD_ISSET finds every descriptor, and a blocking recv then blocks.
 * Settled by: select(2), RETURN VALUE.
 * Try: a signal instead of the closed descriptor: EINTR.
 */
#include "claim.h"

#include <sys/select.h>

int main(void)
{
    int pair[2], other[2];
    fd_set readable;
    struct timeval now = {0, 0};
    make_pair(pair);
    make_pair(other);
    int highest = pair[0] > other[0] ? pair[0] : other[0];
    FD_ZERO(&readable);
    FD_SET(pair[0], &readable);
    int n = select(highest + 1, &readable, NULL, NULL, &now);
    bool found = FD_ISSET(pair[0], &readable);
    saw(n == 0 && !found, "idle socket, time-out: returns %d, FD_ISSET %s", n,
        found ? "true" : "false");

    close(other[0]);
    FD_SET(pair[0], &readable);
    FD_SET(other[0], &readable);
    n = select(highest + 1, &readable, NULL, NULL, &now);
    saw(n < 0 && errno == EBADF, "and a closed descriptor: %s",
        error_name(n < 0 ? errno : 0));
    found = FD_ISSET(pair[0], &readable);
    saw(found, "FD_ISSET of the idle socket: %s", found ? "true" : "false");
    ssize_t length = recv(pair[0], &n, 1, MSG_DONTWAIT);
    saw(length < 0 && errno == EAGAIN, "recv with MSG_DONTWAIT: %s",
        error_name(length < 0 ? errno : 0));
    return verdict("false",
                   "the result of select is not needed, because FD_ISSET "
                   "shows all",
                   "0: the sets are empty; -1: they are as they were, so an "
                   "idle socket seems to be readable");
}
