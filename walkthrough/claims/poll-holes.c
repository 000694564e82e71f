/*
 * poll-holes.c - select and poll
 *
 * Claim: to ignore a client for a while, remove it from the array of poll
 * Truth: false. If fd is negative, poll skips the element and sets revents to
 * 0. The complement ~fd is negative for every descriptor, and ~~fd is the
 * descriptor again. -fd does not do it, because -0 is 0. events 0 does not do
 * it either, because a hang-up is still reported.
 * Settled by: poll(2), fd.
 * Try: an array in which most elements are negative, and its cost.
 */
#include "claim.h"

int main(void)
{
    int pair[2], ends[2];
    make_pair(pair);
    struct pollfd client = {.fd = pair[0], .events = POLLIN};
    send(pair[1], "x", 1, 0);
    int n = poll(&client, 1, 0);
    saw(n == 1, "unread data: %d ready", n);
    client.fd = ~client.fd;
    n = poll(&client, 1, 0);
    saw(n == 0 && client.revents == 0, "fd = ~fd: %d ready, revents %d", n,
        client.revents);
    client.fd = ~client.fd;
    n = poll(&client, 1, 0);
    saw(n == 1 && client.revents == POLLIN, "fd = ~fd again: %d ready", n);

    must(pipe2(ends, O_CLOEXEC), "pipe2");
    must(dup2(ends[0], STDIN_FILENO), "dup2");
    close(ends[1]);
    struct pollfd input = {.fd = -STDIN_FILENO, .events = 0};
    n = poll(&input, 1, 0);
    saw(n == 1 && input.revents == POLLHUP,
        "descriptor 0 has hung up, fd = -fd, events 0: %d ready", n);
    input.fd = ~STDIN_FILENO;
    n = poll(&input, 1, 0);
    saw(n == 0, "fd = ~fd: %d ready", n);
    return verdict("false",
                   "to ignore a client for a while, remove it from the array "
                   "of poll",
                   "with fd = ~fd it is skipped, a second time restores it; "
                   "-fd fails for descriptor 0");
}
