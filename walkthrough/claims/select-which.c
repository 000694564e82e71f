/*
 * select-which.c - select and poll
 *
 * Claim: select reports only that something happened, not on which descriptor
 * Truth: false. After the call the sets contain exactly the descriptors that
 * are ready. It is true that the program has to search all of them.
 * Settled by: select(2), DESCRIPTION.
 * Try: make two of them ready.
 */
#include "claim.h"

#include <sys/select.h>

#define SOCKETS 5

int main(void)
{
    int pair[SOCKETS][2], highest = 0;
    fd_set readable;
    FD_ZERO(&readable);
    for (int i = 0; i < SOCKETS; i++) {
        make_pair(pair[i]);
        FD_SET(pair[i][0], &readable);
        highest = pair[i][0];
    }
    send(pair[3][1], "x", 1, 0);
    must(select(highest + 1, &readable, NULL, NULL, NULL), "select");
    for (int i = 0; i < SOCKETS; i++) {
        const bool ready = FD_ISSET(pair[i][0], &readable);
        saw(ready == (i == 3), "socket %d: %s", i, ready ? "ready" : "-");
    }
    return verdict(
        "false",
        "select reports only that something happened, not on which descriptor",
        "of five sockets the set names the one that is ready");
}
