/*
 * vanished.c - TCP
 *
 * Claim: when a peer is gone, the socket is reported
 * Truth: depends. A peer that ends is reported, because its kernel sends a
 * packet. A peer that loses its power or its network sends nothing. send
 * succeeds, and a wait reports nothing for many minutes. TCP_USER_TIMEOUT
 * bounds this for bytes that are not acknowledged, and keep-alive for an idle
 * connection.
 * Settled by: tcp(7), TCP_USER_TIMEOUT, TCP_KEEPIDLE, tcp_retries2; socket(7),
 * SO_KEEPALIVE. A filter that drops each packet (SO_ATTACH_FILTER) is the
 * vanished peer here.
 * Try: neither of the options, and ss -tno to see the timer.
 */
#include "claim.h"

#include <linux/filter.h>
#include <netinet/tcp.h>

static void set(int fd, int level, int option, int value)
{
    must(setsockopt(fd, level, option, &value, sizeof(value)), "setsockopt");
}

/* Two connected sockets. The second one gets no packet any more. */
static void make_vanished(int pair[2])
{
    struct sock_filter drop = {.code = BPF_RET | BPF_K, .k = 0};
    struct sock_fprog filter = {.len = 1, .filter = &drop};
    make_tcp_pair(pair);
    must(setsockopt(pair[1], SOL_SOCKET, SO_ATTACH_FILTER, &filter,
                    sizeof(filter)),
         "SO_ATTACH_FILTER");
}

/* Waits until the socket is reported. Prints the events and the error. */
static void await_report(int fd, const char *what)
{
    char byte;
    struct epoll_event event = {0};
    int epoll_fd = new_epoll();
    watch(epoll_fd, fd, EPOLLIN | EPOLLRDHUP);
    must(epoll_wait(epoll_fd, &event, 1, -1), "epoll_wait");
    ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT);
    int error = n < 0 ? errno : 0;
    saw(error == ETIMEDOUT && (event.events & EPOLLERR) != 0, "%s: %s, recv %s",
        what, event_names(event.events), error_name(error));
}

int main(void)
{
    int pair[2];
    make_vanished(pair);
    int epoll_fd = new_epoll();
    watch(epoll_fd, pair[0], EPOLLIN | EPOLLRDHUP);
    ssize_t n = send(pair[0], "hello", 5, MSG_NOSIGNAL);
    saw(n == 5, "the peer has vanished: send %zd bytes", n);
    uint32_t events = ask(epoll_fd);
    saw(events == 0, "a wait reports %s", event_names(events));

    make_vanished(pair);
    set(pair[0], IPPROTO_TCP, TCP_USER_TIMEOUT, 100);
    send(pair[0], "hello", 5, MSG_NOSIGNAL);
    await_report(pair[0], "TCP_USER_TIMEOUT, bytes are sent");

    make_vanished(pair);
    set(pair[0], IPPROTO_TCP, TCP_KEEPIDLE, 1);
    set(pair[0], IPPROTO_TCP, TCP_KEEPINTVL, 1);
    set(pair[0], IPPROTO_TCP, TCP_KEEPCNT, 1);
    set(pair[0], SOL_SOCKET, SO_KEEPALIVE, 1);
    await_report(pair[0], "SO_KEEPALIVE, idle");
    return verdict("depends", "when a peer is gone, the socket is reported",
                   "a vanished peer is reported only with TCP_USER_TIMEOUT or "
                   "SO_KEEPALIVE: ETIMEDOUT");
}
