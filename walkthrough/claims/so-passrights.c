/*
 * so-passrights.c - Unix-domain sockets
 *
 * Claim: a server that receives no descriptors is not affected by passed ones
 * Truth: false. They are in its queue with the bytes, and the recv that takes
 * the bytes closes them, in its own thread. One of them may keep the
 * connection open (passed-end.c). The last close of a TCP socket with
 * SO_LINGER may block as long as its sender has set. From Linux 6.16 on the
 * option SO_PASSRIGHTS refuses them. Accepted sockets inherit it from the
 * listening socket.
 * Settled by: unix(7), SCM_RIGHTS; net/unix/af_unix.c, unix_may_passrights().
 * Try: set it on the sender's side. Which process does it refuse?
 */
#include "claim.h"

#ifndef SO_PASSRIGHTS /* headers older than the kernel */
#define SO_PASSRIGHTS 83
#endif

int main(void)
{
    int pair[2], passed[2];
    char buffer[100];
    make_pair(pair);
    make_pair(passed);
    const int epoll_fd = new_epoll();
    watch(epoll_fd, passed[0], EPOLLIN | EPOLLRDHUP);

    send_with_descriptor(pair[1], "hi", passed[1]);
    close(passed[1]); /* the passed one is the last */
    uint32_t events = ask(epoll_fd);
    saw(events == 0, "a descriptor is passed; on its other side: %s",
        event_names(events));
    const ssize_t n = recv(pair[0], buffer, sizeof(buffer), MSG_DONTWAIT);
    events = ask(epoll_fd);
    saw(n == 2 && events == (EPOLLIN | EPOLLRDHUP | EPOLLHUP),
        "recv, which cannot take it, returns %zd; on its other side: %s", n,
        event_names(events));

    if (setsockopt(pair[0], SOL_SOCKET, SO_PASSRIGHTS, &(int){0}, sizeof(int)))
        not_tried("Linux has SO_PASSRIGHTS from 6.16 on");
    const int result = send_with_descriptor(pair[1], "hi", epoll_fd);
    saw(result < 0 && errno == EPERM, "SO_PASSRIGHTS is off: sendmsg: %s",
        error_name(result < 0 ? errno : 0));
    return verdict(
        "false",
        "a server that receives no descriptors is not affected by passed ones",
        "recv closes what it does not receive; with SO_PASSRIGHTS off the "
        "sender gets EPERM");
}
