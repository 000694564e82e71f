/*
 * out-edge.c - level and edge
 *
 * Claim: with IN|OUT|ET, each message costs a second wake-up when the client
 * reads the reply
 * Truth: depends on the kind of socket. A Unix-domain socket gives an OUT edge
 * whenever the peer reads and a quarter of the send buffer or less is in use.
 * A TCP socket gives one only after a send has failed with EAGAIN.
 * Settled by: net/unix/af_unix.c, unix_write_space(); net/core/stream.c,
 * sk_stream_write_space(), which tests SOCK_NOSPACE.
 * Try: replies of 100,000 bytes over the Unix-domain socket.
 */
#include "claim.h"

#define MESSAGES 1000

/* Echoes messages of five bytes. Returns how many waits reported an event. */
static int count_wakeups(const int pair[2], uint32_t events)
{
    char buffer[100];
    struct epoll_event event;
    int wakeups = 0;
    int epoll_fd = new_epoll();
    watch(epoll_fd, pair[0], events);
    epoll_wait(epoll_fd, &event, 1, 0); /* OUT after ADD is not counted */
    for (int i = 0; i < MESSAGES; i++) {
        send(pair[1], "hello", 5, 0);
        wakeups += must(epoll_wait(epoll_fd, &event, 1, -1), "epoll_wait");
        while (recv(pair[0], buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
            ;
        send(pair[0], "hello", 5, 0);
        recv(pair[1], buffer, 5, MSG_WAITALL);
        wakeups += epoll_wait(epoll_fd, &event, 1, 0);
    }
    return wakeups;
}

/* Fills the socket until EAGAIN, then the peer reads all of it. Returns the
 * event that follows. */
static uint32_t fill_and_read(const int pair[2])
{
    static char bytes[65536];
    struct epoll_event event = {0};
    size_t sent = 0;
    ssize_t n;
    int epoll_fd = new_epoll();
    watch(epoll_fd, pair[0], EPOLLIN | EPOLLOUT | EPOLLET);
    while ((n = send(pair[0], bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
        sent += (size_t)n;
    ask(epoll_fd); /* what happened before the peer reads does not count */
    while (sent > 0) {
        n = must((int)recv(pair[1], bytes, sizeof(bytes), 0), "recv");
        sent -= (size_t)n;
    }
    epoll_wait(epoll_fd, &event, 1, 5000); /* TCP reports it a little later */
    return event.events;
}

int main(void)
{
    const uint32_t all = EPOLLIN | EPOLLOUT | EPOLLET;
    int local[2], tcp[2];
    make_pair(local);
    make_tcp_pair(tcp);
    int n = count_wakeups(local, EPOLLIN | EPOLLET);
    saw(n == MESSAGES, "Unix-domain, IN|ET:     %d wake-ups", n);
    n = count_wakeups(local, all);
    saw(n == 2 * MESSAGES, "Unix-domain, IN|OUT|ET: %d wake-ups", n);
    n = count_wakeups(tcp, all);
    saw(n == MESSAGES, "TCP, IN|OUT|ET:         %d wake-ups", n);
    uint32_t events = fill_and_read(tcp);
    saw(events == EPOLLOUT, "TCP, full, then the peer reads: %s",
        event_names(events));
    return verdict("depends",
                   "with IN|OUT|ET, each message costs a second wake-up when "
                   "the client reads the reply",
                   "1000 messages: 2000 wake-ups on a Unix-domain socket, "
                   "1000 on TCP, where OUT follows only a full socket");
}
