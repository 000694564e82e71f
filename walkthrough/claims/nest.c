/*
 * nest.c - epoll's interface
 *
 * Claim: an epoll descriptor can be watched by another, without end
 * Truth: depends. It can be watched, and is readable if it has an event to
 * report. But it cannot be watched by itself (EINVAL), in a circle, or in a
 * chain of more than five (ELOOP).
 * Settled by: epoll_ctl(2), EINVAL and ELOOP; fs/eventpoll.c, EP_MAX_NESTS.
 * Try: build the chain from the other end.
 */
#include "claim.h"

/* Registers inner with outer. Returns the name of the error. */
static const char *nest(int outer, int inner)
{
    struct epoll_event event = {.events = EPOLLIN};
    const int result = epoll_ctl(outer, EPOLL_CTL_ADD, inner, &event);
    return error_name(result < 0 ? errno : 0);
}

int main(void)
{
    int chain[6], pair[2];
    make_pair(pair);
    for (int i = 0; i < 6; i++)
        chain[i] = new_epoll();

    const char *error = nest(chain[0], chain[0]);
    saw(strcmp(error, "EINVAL") == 0, "an epoll in itself: %s", error);
    for (int i = 1; i < 5; i++)
        must(strcmp(nest(chain[i], chain[i - 1]), "none") == 0 ? 0 : -1,
             "a chain of five");
    watch(chain[0], pair[0], EPOLLIN);
    send(pair[1], "x", 1, 0);
    saw(ask(chain[4]) == EPOLLIN,
        "a chain of five: a byte for the first is seen by the last");

    error = nest(chain[5], chain[4]);
    saw(strcmp(error, "ELOOP") == 0, "a sixth: %s", error);
    error = nest(chain[0], chain[4]);
    saw(strcmp(error, "ELOOP") == 0, "the last in the first, a circle: %s",
        error);
    return verdict("depends",
                   "an epoll descriptor can be watched by another, without end",
                   "in itself EINVAL, in a circle ELOOP; five in a chain work, "
                   "the sixth is ELOOP");
}
