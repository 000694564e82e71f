/*
 * signal-event.c - epoll's interface
 *
 * Claim: a pending signal makes epoll_pwait fail with EINTR
 * Truth: depends. The kernel looks for events first. If there are some, the
 * call returns them, and the signal stays pending. It also returns 0 if the
 * time-out is 0. Only a call that would block fails with EINTR, after the
 * handler. So a program that waits for both loses neither.
 * Settled by: epoll_wait(2), EINTR; fs/eventpoll.c, ep_poll().
 * Try: ppoll and pselect, which look for events first as well.
 */
#include "claim.h"

static volatile sig_atomic_t handled;

static void count_signal(int number)
{
    (void)number;
    handled++;
}

static bool is_pending(void)
{
    sigset_t pending;
    sigpending(&pending);
    return sigismember(&pending, SIGUSR1) == 1;
}

int main(void)
{
    int pair[2];
    char byte;
    sigset_t blocked, none;
    struct epoll_event event;
    struct sigaction action = {.sa_handler = count_signal};
    sigemptyset(&none);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    sigaction(SIGUSR1, &action, NULL);
    make_pair(pair);
    int epoll_fd = new_epoll();
    watch(epoll_fd, pair[0], EPOLLIN);
    send(pair[1], "x", 1, 0);
    raise(SIGUSR1);

    int n = epoll_pwait(epoll_fd, &event, 1, -1, &none);
    saw(n == 1 && handled == 0 && is_pending(),
        "an event and a signal: returns %d, the signal is %s", n,
        is_pending() ? "pending" : "handled");
    recv(pair[0], &byte, 1, 0);
    n = epoll_pwait(epoll_fd, &event, 1, 0, &none);
    saw(n == 0 && handled == 0, "no event, time-out 0: returns %d", n);
    n = epoll_pwait(epoll_fd, &event, 1, -1, &none);
    saw(n < 0 && errno == EINTR && handled == 1,
        "no event, no time-out: %s, after %d call of the handler",
        error_name(n < 0 ? errno : 0), (int)handled);
    return verdict("depends",
                   "a pending signal makes epoll_pwait fail with EINTR",
                   "if an event is ready it returns 1 and the signal stays "
                   "pending; if it would block it is EINTR");
}
