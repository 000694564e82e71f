/*
 * sa-restart.c - epoll's interface
 *
 * Claim: with SA_RESTART a signal does not interrupt the wait
 * Truth: false. select, poll and epoll_wait are never restarted, whatever the
 * flags of the handler are. They fail with EINTR. A recv without a time-out is
 * restarted.
 * Settled by: signal(7), Interruption of system calls and library functions
 * by signal handlers.
 * Try: SIG_IGN instead of the handler.
 */
#include "claim.h"

static int pair[2], epoll_fd;

static void handler(int signal_number)
{
    (void)signal_number;
}

/* Blocks in one of the calls. Returns 0 after a byte, else errno. */
static int wait_once(int how)
{
    struct pollfd entry = {.fd = pair[0], .events = POLLIN};
    struct epoll_event event;
    char byte;
    const int n = how == 'e'   ? epoll_wait(epoll_fd, &event, 1, -1)
                  : how == 'p' ? poll(&entry, 1, -1)
                               : (int)recv(pair[0], &byte, 1, 0);
    return n == 1 ? 0 : errno;
}

static void interrupt(int how, const char *call, int expected)
{
    const pid_t pid = start_child(wait_once, how);
    wait_asleep(pid);
    kill(pid, SIGUSR1);
    if (expected == 0) /* it continues to block: send the byte */
        send(pair[1], "x", 1, 0);
    const int error = end_of(pid);
    saw(error == expected, "a signal during %-10s error: %s", call,
        error_name(error));
}

int main(void)
{
    const struct sigaction action = {.sa_handler = handler,
                                     .sa_flags = SA_RESTART};
    must(sigaction(SIGUSR1, &action, NULL), "sigaction");
    make_pair(pair);
    epoll_fd = new_epoll();
    watch(epoll_fd, pair[0], EPOLLIN);
    interrupt('e', "epoll_wait", EINTR);
    interrupt('p', "poll", EINTR);
    interrupt('r', "recv", 0);
    return verdict("false",
                   "with SA_RESTART a signal does not interrupt the wait",
                   "epoll_wait and poll fail with EINTR, recv continues");
}
