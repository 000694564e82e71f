/*
 * select-sets.c - select and poll
 *
 * Claim: fill the set of select once, then wait with it again and again
 * Truth: false. The set is both input and output. select clears the bits of
 * descriptors that are not ready, so the next call does not check them. Keep a
 * copy. poll has events for input and revents for output.
 * Settled by: select(2), DESCRIPTION; poll(2), revents.
 * Try: copy the set before each call. Are both sockets served?
 */
#include "claim.h"

#include <sys/select.h>

static int select_now(int nfds, fd_set *readable)
{
    struct timeval now = {0, 0};
    return select(nfds, readable, NULL, NULL, &now);
}

int main(void)
{
    int a[2], b[2];
    make_pair(a);
    make_pair(b);
    fd_set readable;
    FD_ZERO(&readable);
    FD_SET(a[0], &readable);
    FD_SET(b[0], &readable);

    send(a[1], "x", 1, 0);
    select_now(b[1] + 1, &readable);
    saw(FD_ISSET(a[0], &readable) && !FD_ISSET(b[0], &readable),
        "a can be read, b cannot: the set comes back with a alone");
    send(b[1], "x", 1, 0);
    const int again = select_now(b[1] + 1, &readable);
    saw(again == 1 && !FD_ISSET(b[0], &readable),
        "now b can be read, too; the same set again: %d ready, b is %s", again,
        FD_ISSET(b[0], &readable) ? "in it" : "not in it");

    struct pollfd entries[] = {{.fd = a[0], .events = POLLIN},
                               {.fd = b[0], .events = POLLIN}};
    poll(entries, 2, 0);
    const int polled = poll(entries, 2, 0);
    saw(polled == 2, "poll, the same array twice: %d ready", polled);
    return verdict("false",
                   "fill the set of select once, then wait with it again and "
                   "again",
                   "a socket that was idle in the first call is not in the set "
                   "of the second; poll keeps its events");
}
