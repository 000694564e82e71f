/*
 * passed-end.c - Unix-domain sockets
 *
 * Claim: when a process has exited, its connections have ended
 * Truth: false. It may have passed its end to another process, or through the
 * connection itself. In the second case this end is among the unread bytes of
 * the peer, and the peer gets no end of file before it has read them. A server
 * that stops reading from clients that do not read keeps such a connection
 * open without limit. so-passrights.c shows the protection.
 * Settled by: unix(7), SCM_RIGHTS; net/unix/garbage.c: a descriptor in the
 * queue of a socket that is in use is not collected.
 * Try: shut down the writing side (shutdown(2)) before it is passed.
 */
#include "claim.h"

static int pair[2];

/* Passes its own end of the connection through the connection, and exits. */
static int pass_own_end(int fd)
{
    send_with_descriptor(fd, "hi", fd);
    return 0;
}

int main(void)
{
    char buffer[100];
    make_pair(pair);
    const int epoll_fd = new_epoll();
    watch(epoll_fd, pair[0], EPOLLIN | EPOLLRDHUP);
    const pid_t pid = start_child(pass_own_end, pair[1]);
    close(pair[1]); /* only the child has it now */
    end_of(pid);
    uint32_t events = ask(epoll_fd);
    saw(events == EPOLLIN, "a process passes its end, and has exited: %s",
        event_names(events));
    const ssize_t n = recv(pair[0], buffer, sizeof(buffer), MSG_DONTWAIT);
    events = ask(epoll_fd);
    saw(n == 2 && events == (EPOLLIN | EPOLLRDHUP | EPOLLHUP),
        "its %zd bytes are read, and now: %s", n, event_names(events));
    return verdict("false",
                   "when a process has exited, its connections have ended",
                   "its end, passed through the connection, keeps it open "
                   "until the peer has read that far");
}
