/*
 * accept-blocks.c - who is woken
 *
 * Claim: if epoll reports a listener as readable, accept does not block
 * Truth: false. Another thread or process may accept the connection first. A
 * listener that is used together with a wait should be non-blocking: then
 * accept fails with EAGAIN, and the server continues.
 * Settled by: accept(2), "no connections present"; select(2), BUGS.
 * Try: a client that connects and leaves at once. Does Linux remove it?
 */
#include "claim.h"

/* Another process that has the same listener. */
static int accept_one(int listen_fd)
{
    return accept(listen_fd, NULL, NULL) >= 0 ? 0 : 1;
}

int main(void)
{
    struct place place;
    int listen_fd = listen_somewhere(&place, 5);
    int epoll_fd = new_epoll();
    watch(epoll_fd, listen_fd, EPOLLIN);
    must(connect_to(&place), "connect");
    uint32_t events = ask(epoll_fd);
    saw(events == EPOLLIN, "a client connects: %s", event_names(events));
    int status = end_of(start_child(accept_one, listen_fd));
    saw(status == 0, "another process accepts the connection");

    pid_t pid = start_child(accept_one, listen_fd);
    wait_asleep(pid);
    saw(asleep(pid), "an accept after this report blocks");
    must(connect_to(&place), "connect");
    saw(end_of(pid) == 0, "until the next client connects");

    must(fcntl(listen_fd, F_SETFL, O_NONBLOCK), "fcntl");
    int fd = accept(listen_fd, NULL, NULL);
    saw(fd < 0 && errno == EAGAIN, "with O_NONBLOCK: %s",
        error_name(fd < 0 ? errno : 0));
    return verdict("false",
                   "if epoll reports a listener as readable, accept does not "
                   "block",
                   "IN is reported, another process accepts first: accept "
                   "blocks, or fails with EAGAIN with O_NONBLOCK");
}
