/*
 * select-timeout.c - select and poll
 *
 * Claim: select does not change its time-out
 * Truth: false on Linux. It writes the remaining time into the struct. After
 * the time-out this is zero, so a loop that uses the struct again spins. POSIX
 * allows both. pselect does not change it, and a portable program sets it
 * before each call.
 * Settled by: select(2), NOTES and BUGS.
 * Try: let an event end the wait early, and print the remaining time.
 */
#include "claim.h"

#include <sys/select.h>

int main(void)
{
    int pair[2];
    make_pair(pair);
    fd_set readable;
    FD_ZERO(&readable);
    FD_SET(pair[0], &readable);
    struct timeval limit = {.tv_sec = 0, .tv_usec = 5000};

    const int n = select(pair[0] + 1, &readable, NULL, NULL, &limit);
    saw(n == 0, "select with a limit of 5000 us: %d ready", n);
    saw(limit.tv_sec == 0 && limit.tv_usec == 0,
        "the limit has become %ld us: the next call will not block",
        (long)limit.tv_sec * 1000000 + (long)limit.tv_usec);

    limit = (struct timeval){.tv_sec = 1000, .tv_usec = 0};
    FD_SET(pair[0], &readable);
    send(pair[1], "x", 1, 0);
    must(select(pair[0] + 1, &readable, NULL, NULL, &limit), "select");
    saw(limit.tv_sec == 999 || limit.tv_sec == 1000,
        "when it does not block, next to nothing is taken off");

    struct timespec given = {.tv_sec = 0, .tv_nsec = 5000000};
    FD_ZERO(&readable);
    must(pselect(0, NULL, NULL, NULL, &given, NULL), "pselect");
    saw(given.tv_nsec == 5000000, "pselect leaves its limit alone: %ld us",
        (long)given.tv_nsec / 1000);
    return verdict("false", "select does not change its time-out",
                   "a time-out of 5 ms that expired is 0 afterwards; pselect "
                   "does not change its own");
}
