/*
 * article-last-message.c - well-known samples
 *
 * Claim: after HUP there is nothing left to read, so close
 * Truth: false. A client that sends its last message and closes at once is
 * reported as IN|HUP, with the message unread. The article's server tests for
 * IN alone and loses the message. A server that tests for HUP first loses it
 * too.
 * Settled by: epoll_ctl(2), EPOLLHUP; net/unix/af_unix.c, unix_poll.
 * Try: git apply tests/broken/hup-first.patch, and scripts/test broken.
 */
#include "claim.h"

#define CLIENTS 20

/* Three ways in which a server tests an event. Returns whether it reads. */
static bool with_equals(uint32_t events)
{
    return events == EPOLLIN;
}

static bool hup_first(uint32_t events)
{
    return (events & EPOLLHUP) == 0 && (events & EPOLLIN) != 0;
}

static bool in_first(uint32_t events)
{
    return (events & EPOLLIN) != 0;
}

/* Clients send a message and close at once. Returns how many are read. */
static int serve(bool (*reads)(uint32_t))
{
    int messages = 0;
    const int epoll_fd = new_epoll();
    for (int i = 0; i < CLIENTS; i++) {
        char buffer[128];
        struct epoll_event event;
        int pair[2];
        make_pair(pair);
        watch(epoll_fd, pair[0], EPOLLIN);
        send(pair[1], "my last words", 13, 0);
        close(pair[1]);
        must(epoll_wait(epoll_fd, &event, 1, -1), "epoll_wait");
        if (reads(event.events))
            messages += recv(pair[0], buffer, sizeof(buffer), 0) == 13;
        close(pair[0]);
    }
    return messages;
}

int main(void)
{
    const int equal = serve(with_equals);
    saw(equal == 0, "20 clients send and close, ==: %d messages read", equal);
    const int hup = serve(hup_first);
    saw(hup == 0, "20 clients send and close, HUP first: %d messages read",
        hup);
    const int in = serve(in_first);
    saw(in == CLIENTS, "20 clients send and close, IN first: %d messages read",
        in);
    return verdict("false", "after HUP there is nothing left to read, so close",
                   "20 last messages: a server that tests HUP first, or with "
                   "==, reads 0; one that reads first reads 20");
}
