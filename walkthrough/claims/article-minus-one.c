/*
 * article-minus-one.c - well-known samples
 *
 * Claim: epoll_wait's -1 needs no check, because the loop then runs 0 times
 * Truth: depends on the error. After EINTR the next wait is right, by luck. All
 * other errors remain: the server of a well-known article spins after EBADF,
 * without a message. Only EINTR is a reason to wait again.
 * Settled by: epoll_wait(2), ERRORS.
 * Try: maxevents 0, which is EINVAL.
 */
#include "claim.h"

#define TURNS 1000

/* One turn of the sample's loop. Returns the number of handled events. */
static int turn(int epoll_fd)
{
    struct epoll_event events[20];
    int handled = 0;
    int n = epoll_wait(epoll_fd, events, 20, -1);
    for (int i = 0; i < n; i++)
        handled++;
    return handled;
}

static void ignore(int number)
{
    (void)number;
}

/* Sends its parent a signal as soon as that blocks. */
static int interrupt(int parent)
{
    wait_asleep(parent);
    return kill(parent, SIGUSR1);
}

int main(void)
{
    int pair[2], failed = 0;
    struct sigaction action = {.sa_handler = ignore};
    sigaction(SIGUSR1, &action, NULL);
    make_pair(pair);
    int epoll_fd = new_epoll();
    watch(epoll_fd, pair[0], EPOLLIN);
    pid_t child = start_child(interrupt, getpid());
    int handled = turn(epoll_fd);
    saw(handled == 0 && errno == EINTR, "a signal: %s, %d events",
        error_name(errno), handled);
    end_of(child);
    send(pair[1], "x", 1, 0);
    handled = turn(epoll_fd);
    saw(handled == 1, "the next turn: %d event", handled);

    close(epoll_fd);
    for (int i = 0; i < TURNS; i++) {
        errno = 0;
        failed += turn(epoll_fd) == 0 && errno == EBADF ? 1 : 0;
    }
    saw(failed == TURNS, "the descriptor is closed: %d of %d turns fail",
        failed, TURNS);
    return verdict("depends",
                   "epoll_wait's -1 needs no check, because the loop then runs "
                   "0 times",
                   "after EINTR the next wait is right, after EBADF 1000 of "
                   "1000 turns fail and none blocks");
}
