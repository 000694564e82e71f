/*
 * poll-zeroed.c - select and poll
 *
 * Claim: struct pollfd fds[8] = {0} is an array without descriptors
 * Truth: false. 0 is a descriptor, usually standard input. All eight elements
 * watch it, and a hang-up is reported although events is 0. The sample of a
 * well-known article does this. An unused element has the descriptor -1.
 * Settled by: poll(2), fd and POLLHUP.
 * Try: run a program with such an array at a terminal, and press Ctrl-D.
 */
#include "claim.h"

#define ELEMENTS 8

int main(void)
{
    int ends[2], pair[2];
    make_pair(pair);
    must(pipe2(ends, O_CLOEXEC), "pipe2");
    must(dup2(ends[0], STDIN_FILENO), "dup2");
    close(ends[1]); /* standard input has hung up */

    struct pollfd fds[ELEMENTS] = {0};
    int n = poll(fds, ELEMENTS, -1);
    saw(n == ELEMENTS, "{0}, standard input has hung up: %d of %d ready", n,
        ELEMENTS);

    for (int i = 0; i < ELEMENTS; i++)
        fds[i].fd = -1;
    n = poll(fds, ELEMENTS, 0);
    saw(n == 0, "-1 in all elements: %d ready", n);
    fds[5] = (struct pollfd){.fd = pair[0], .events = POLLIN};
    send(pair[1], "x", 1, 0);
    n = poll(fds, ELEMENTS, -1);
    saw(n == 1 && fds[5].revents == POLLIN,
        "and a socket with a byte in element 5: %d ready", n);
    return verdict("false",
                   "struct pollfd fds[8] = {0} is an array without descriptors",
                   "all 8 watch descriptor 0, and 8 are ready when it hangs "
                   "up; with -1 none is");
}
