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

/* Waits for a readable descriptor, with a time-out. */
static const char *wait_until_readable(fd_set *readable, int highest)
{
    struct timeval limit = {0, 0};
    int n = select(highest + 1, readable, NULL, NULL, &limit);
    if (n < 0)
        return error_name(errno); /* the set has no meaning */
    if (n == 0)
        return "time-out"; /* the set is empty */
    return "ready";        /* n bits are set */
}

int main(void)
{
    int pair[2], other[2];
    fd_set readable;
    char byte;
    make_pair(pair);
    make_pair(other);
    int highest = pair[0] > other[0] ? pair[0] : other[0];
    FD_ZERO(&readable);
    FD_SET(pair[0], &readable);
    const char *result = wait_until_readable(&readable, highest);
    bool found = FD_ISSET(pair[0], &readable);
    saw(strcmp(result, "time-out") == 0 && !found,
        "idle socket: %s, FD_ISSET %s", result, found ? "true" : "false");

    send(pair[1], "x", 1, 0);
    FD_SET(pair[0], &readable);
    result = wait_until_readable(&readable, highest);
    found = FD_ISSET(pair[0], &readable);
    saw(strcmp(result, "ready") == 0 && found, "unread data: %s, FD_ISSET %s",
        result, found ? "true" : "false");
    recv(pair[0], &byte, 1, 0);

    close(other[0]);
    FD_SET(pair[0], &readable);
    FD_SET(other[0], &readable);
    result = wait_until_readable(&readable, highest);
    saw(strcmp(result, "EBADF") == 0, "idle, and a closed descriptor: %s",
        result);
    found = FD_ISSET(pair[0], &readable);
    saw(found, "FD_ISSET of the idle socket: %s", found ? "true" : "false");
    ssize_t length = recv(pair[0], &byte, 1, MSG_DONTWAIT);
    saw(length < 0 && errno == EAGAIN, "recv with MSG_DONTWAIT: %s",
        error_name(length < 0 ? errno : 0));
    return verdict("false",
                   "the result of select is not needed, because FD_ISSET "
                   "shows all",
                   "0: the sets are empty; -1: they are as they were, so an "
                   "idle socket seems to be readable");
}
