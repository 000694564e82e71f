/*
 * article-select.c - well-known samples
 *
 * Claim: keep the wanted set, and pass it to select
 * Truth: false. select changes the set that it is passed, so the kept set must
 * be copied, and the copy passed. A well-known sample copies, but then passes
 * the original and tests the copy. Its loop has the condition i > FD_SETSIZE,
 * so it does not run even once.
 * Settled by: select(2), "value-result"; select_tut(2).
 * Try: swap the two sets, and correct the condition.
 */
#include "claim.h"

#include <sys/select.h>

int main(void)
{
    int busy[2], idle[2], tested = 0;
    fd_set kept, copy;
    struct timeval now = {0, 0};
    make_pair(busy);
    make_pair(idle);
    int highest = busy[0] > idle[0] ? busy[0] : idle[0];
    FD_ZERO(&kept);
    FD_SET(busy[0], &kept);
    FD_SET(idle[0], &kept);

    send(busy[1], "x", 1, 0);
    copy = kept;
    int n = select(highest + 1, &kept, NULL, NULL, &now);
    saw(n == 1, "two sockets, one has a byte: %d ready", n);
    saw(FD_ISSET(idle[0], &copy), "the copy shows the idle one as readable");
    for (int i = 0; i > FD_SETSIZE; i++)
        tested++;
    saw(tested == 0, "the loop with i > FD_SETSIZE: %d tests", tested);

    send(idle[1], "x", 1, 0);
    copy = kept;
    n = select(highest + 1, &kept, NULL, NULL, &now);
    saw(n == 1, "both have a byte: %d ready, the other one is lost", n);

    FD_SET(idle[0], &kept);
    copy = kept;
    n = select(highest + 1, &copy, NULL, NULL, &now);
    saw(n == 2, "the copy passed: %d ready", n);
    saw(FD_ISSET(busy[0], &kept) && FD_ISSET(idle[0], &kept),
        "and the kept set still has both");
    return verdict("false", "keep the wanted set, and pass it to select",
                   "the second call misses a client; the sample tests the "
                   "wrong set, in a loop that runs 0 times");
}
