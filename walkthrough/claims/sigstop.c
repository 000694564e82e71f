/*
 * sigstop.c - epoll's interface
 *
 * Claim: without a signal handler there is no EINTR
 * Truth: depends. If a process is stopped and continued, by Ctrl-Z and fg or
 * by a debugger, its epoll_wait fails with EINTR. select and poll continue to
 * block. So every loop around epoll_wait must handle EINTR.
 * Settled by: signal(7), Interruption of system calls by stop signals.
 * Try: the same with epoll_pwait, accept and recv.
 */
#include "claim.h"

#include <sys/select.h>

static int fd, epoll_fd;

/* Waits once, without a time-out. Returns 0 after an event, else errno. */
static int wait_once(int how)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    struct epoll_event event;
    fd_set set;
    FD_ZERO(&set);
    FD_SET(fd, &set);
    const int n = how == 'e'   ? epoll_wait(epoll_fd, &event, 1, -1)
                  : how == 'p' ? poll(&entry, 1, -1)
                               : select(fd + 1, &set, NULL, NULL, NULL);
    return n == 1 ? 0 : errno;
}

/* Stops a child that waits, sends a byte, and continues the child. */
static const char *stop_and_continue(int how)
{
    int pair[2], status;
    make_pair(pair);
    fd = pair[0];
    epoll_fd = new_epoll();
    watch(epoll_fd, fd, EPOLLIN);
    const pid_t pid = start_child(wait_once, how);
    wait_asleep(pid);
    kill(pid, SIGSTOP);
    must(waitpid(pid, &status, WUNTRACED), "waitpid");
    send(pair[1], "x", 1, 0); /* too late for a call that was interrupted */
    kill(pid, SIGCONT);
    return error_name(end_of(pid));
}

int main(void)
{
    const char *error = stop_and_continue('s');
    saw(strcmp(error, "none") == 0, "select, stopped and continued: %s", error);
    error = stop_and_continue('p');
    saw(strcmp(error, "none") == 0, "poll, stopped and continued: %s", error);
    error = stop_and_continue('e');
    saw(strcmp(error, "EINTR") == 0, "epoll_wait, stopped and continued: %s",
        error);
    return verdict("depends", "without a signal handler there is no EINTR",
                   "SIGSTOP and SIGCONT: epoll_wait fails with EINTR, select "
                   "and poll continue");
}
