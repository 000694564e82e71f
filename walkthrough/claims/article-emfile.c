/*
 * article-emfile.c - well-known samples
 *
 * Claim: when accept fails, print it and go on
 * Truth: false for EMFILE, ENFILE, ENOBUFS and ENOMEM. The connection stays in
 * the backlog and the listening socket stays readable, so the loop spins until
 * another client leaves. One client too many is enough. A server can register
 * the listening socket for no events until then. The stages refuse the
 * connection instead.
 * Settled by: accept(2), EMFILE; common/listener.c, listener_accept_failed().
 * Try: (ulimit -n 9; build/06-epoll-lt --serve -s /tmp/s), and five clients.
 */
#include "claim.h"

#define TURNS 1000

/* Sets the limit so that no further descriptor can be opened. */
static void no_more_descriptors(void)
{
    struct rlimit limit;
    const int lowest_free = must(dup(STDOUT_FILENO), "dup");
    must(getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
    limit.rlim_cur = (rlim_t)lowest_free;
    must(setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
    close(lowest_free);
}

int main(void)
{
    struct place place;
    int told = 0, failed = 0, other[2];
    make_pair(other); /* a client that is being served */
    const int listen_fd = listen_somewhere(&place, 5);
    const int epoll_fd = new_epoll();
    watch(epoll_fd, listen_fd, EPOLLIN);
    must(connect_to(&place), "connect");
    no_more_descriptors();

    for (int i = 0; i < TURNS; i++) { /* the sample's loop */
        struct epoll_event event;
        told += epoll_wait(epoll_fd, &event, 1, 0);
        failed += accept(listen_fd, NULL, NULL) < 0 && errno == EMFILE;
    }
    saw(told == TURNS && failed == TURNS,
        "a client and no descriptor: %d waits return at once, %d times EMFILE",
        told, failed);

    struct epoll_event rest = {.events = 0, .data.fd = listen_fd};
    must(epoll_ctl(epoll_fd, EPOLL_CTL_MOD, listen_fd, &rest), "MOD");
    saw(ask(epoll_fd) == 0, "the listener has events 0: the wait blocks");
    rest.events = EPOLLIN;
    close(other[0]); /* the other client leaves */
    must(epoll_ctl(epoll_fd, EPOLL_CTL_MOD, listen_fd, &rest), "MOD");
    const uint32_t events = ask(epoll_fd);
    const int fd = accept(listen_fd, NULL, NULL);
    saw(events == EPOLLIN && fd >= 0, "a descriptor is free: %s, accept: %s",
        event_names(events), error_name(fd < 0 ? errno : 0));
    return verdict("false", "when accept fails, print it and go on",
                   "EMFILE: 1000 waits, 1000 failures, one client; with events "
                   "0 the wait blocks, and no client is lost");
}
