/*
 * et-rearm.c - level and edge
 *
 * Claim: an edge is the change from not ready to ready, so a socket with
 * unread data gives none
 * Truth: false. An edge is anything that wakes the threads waiting on the
 * socket, and it reports the state at that moment. More data, the peer's
 * shutdown or close, MOD and ADD give one. If OUT is registered, the peer's
 * recv does too. Your own calls do not.
 * Settled by: epoll(7), EPOLLET; fs/eventpoll.c, ep_poll_callback.
 * Try: the same with a pipe, an eventfd and a datagram socket.
 */
#include "claim.h"

static int epoll_fd, pair[2];

/* Creates a socket with unread data that has been reported already. */
static void begin(uint32_t mask)
{
    make_pair(pair);
    epoll_fd = new_epoll();
    send(pair[0], "for the peer", 12, 0);
    send(pair[1], "hello", 5, 0);
    watch(epoll_fd, pair[0], mask | EPOLLET);
    ask(epoll_fd);
}

/* Prints what is reported after the action. */
static void end(const char *done, uint32_t expected)
{
    const uint32_t events = ask(epoll_fd);
    saw(events == expected, "%-32s %s", done, event_names(events));
}

int main(void)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    char buffer[20];
    begin(EPOLLIN);
    end("nothing is done:", 0);
    begin(EPOLLIN);
    recv(pair[0], buffer, 2, 0);
    end("two of five bytes are read:", 0);
    begin(EPOLLIN);
    recv(pair[0], buffer, 5, MSG_PEEK);
    end("all are peeked at:", 0);
    begin(EPOLLIN | EPOLLOUT);
    send(pair[0], "x", 1, 0);
    end("we write:", 0);
    begin(EPOLLIN);
    recv(pair[1], buffer, sizeof(buffer), 0);
    end("the peer reads, for IN:", 0);
    begin(EPOLLIN | EPOLLOUT);
    recv(pair[1], buffer, sizeof(buffer), 0);
    end("the peer reads, for IN|OUT:", EPOLLIN | EPOLLOUT);
    begin(EPOLLIN);
    send(pair[1], "x", 1, 0);
    end("one more byte arrives:", EPOLLIN);
    begin(EPOLLIN);
    shutdown(pair[1], SHUT_WR);
    end("the peer's shutdown(SHUT_WR):", EPOLLIN);
    begin(EPOLLIN);
    recv(pair[1], buffer, sizeof(buffer), 0);
    close(pair[1]);
    end("the peer's close:", EPOLLIN | EPOLLHUP);
    begin(EPOLLIN);
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, pair[0], &event);
    end("MOD with the same events:", EPOLLIN);
    begin(EPOLLIN);
    epoll_ctl(epoll_fd, EPOLL_CTL_DEL, pair[0], NULL);
    watch(epoll_fd, pair[0], EPOLLIN | EPOLLET);
    end("DEL and ADD:", EPOLLIN);
    return verdict("false",
                   "an edge is the change from not ready to ready, so a socket "
                   "with unread data gives none",
                   "re-armed by more data, peer's shutdown or close, MOD, "
                   "DEL+ADD, with OUT the peer's reading; not by own calls");
}
