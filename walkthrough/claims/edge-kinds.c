/*
 * edge-kinds.c - level and edge
 *
 * Claim: edge-triggered follows the same rule for every kind of file
 * Truth: false. Each kind of file decides when it wakes those who wait for it.
 * A repeating timerfd that nobody reads gives one edge. Reading an eventfd
 * gives its own reader an OUT edge. A pipe gives OUT only if it was full.
 * Settled by: fs/timerfd.c, timerfd_tmrproc(); fs/eventfd.c, eventfd_read();
 * fs/pipe.c, pipe_read().
 * Try: the same for a socket (et-rearm.c); the timerfd without EPOLLET.
 */
#include "claim.h"

#include <sys/eventfd.h>
#include <sys/timerfd.h>

/* Returns a timer that expires after ms, and then each repeat_ms. */
static int new_timer(long ms, long repeat_ms)
{
    struct itimerspec times = {{repeat_ms / 1000, repeat_ms % 1000 * 1000000},
                               {ms / 1000, ms % 1000 * 1000000}};
    int fd = must(timerfd_create(CLOCK_MONOTONIC, 0), "timerfd_create");
    must(timerfd_settime(fd, 0, &times, NULL), "timerfd_settime");
    return fd;
}

/* Counts the edges of a timer that repeats each millisecond. Stops at the
 * second, or when another timer expires after end_ms. */
static int count_edges(bool read_it, long end_ms)
{
    uint64_t expired;
    int edges = 0;
    int epoll_fd = new_epoll();
    int timer = new_timer(1, 1);
    int end = new_timer(end_ms, 0);
    struct epoll_event event = {0};
    watch(epoll_fd, timer, EPOLLIN | EPOLLET);
    watch(epoll_fd, end, EPOLLIN);
    while (edges < 2 && event.data.fd != end) {
        must(epoll_wait(epoll_fd, &event, 1, -1), "epoll_wait");
        edges += event.data.fd == timer;
        if (read_it && event.data.fd == timer)
            must((int)read(timer, &expired, sizeof(expired)), "read");
    }
    close(timer);
    close(end);
    close(epoll_fd);
    return edges;
}

/* Shows what an eventfd reports after a write, and after its own read. */
static void try_eventfd(void)
{
    uint64_t count = 1;
    int epoll_fd = new_epoll();
    int fd = must(eventfd(0, EFD_NONBLOCK), "eventfd");
    watch(epoll_fd, fd, EPOLLIN | EPOLLOUT | EPOLLET);
    ask(epoll_fd); /* OUT after ADD */
    must((int)write(fd, &count, sizeof(count)), "write");
    uint32_t events = ask(epoll_fd);
    saw(events == (EPOLLIN | EPOLLOUT), "eventfd, a write:           %s",
        event_names(events));
    must((int)write(fd, &count, sizeof(count)), "write");
    events = ask(epoll_fd);
    saw(events == (EPOLLIN | EPOLLOUT), "eventfd, a second write:    %s",
        event_names(events));
    must((int)read(fd, &count, sizeof(count)), "read");
    events = ask(epoll_fd);
    saw(events == EPOLLOUT, "eventfd, our own read:      %s",
        event_names(events));
}

/* Shows what the writing end of a pipe reports when the reader reads. */
static void try_pipe(void)
{
    static char bytes[4096];
    int ends[2];
    int epoll_fd = new_epoll();
    must(pipe2(ends, O_NONBLOCK), "pipe2");
    watch(epoll_fd, ends[1], EPOLLOUT | EPOLLET);
    ask(epoll_fd); /* OUT after ADD */
    must((int)write(ends[1], bytes, sizeof(bytes)), "write");
    must((int)read(ends[0], bytes, sizeof(bytes)), "read");
    uint32_t events = ask(epoll_fd);
    saw(events == 0, "pipe, a page is read:       %s", event_names(events));
    while (write(ends[1], bytes, sizeof(bytes)) > 0)
        ;
    must((int)read(ends[0], bytes, sizeof(bytes)), "read");
    events = ask(epoll_fd);
    saw(events == EPOLLOUT, "pipe, full, a page is read: %s",
        event_names(events));
}

int main(void)
{
    int edges = count_edges(false, 50);
    saw(edges == 1, "repeating timerfd, unread:  %d edge%s", edges,
        edges == 1 ? "" : "s");
    edges = count_edges(true, 5000);
    saw(edges == 2, "repeating timerfd, read:    %s",
        edges == 2 ? "a second edge" : "no second edge");
    try_eventfd();
    try_pipe();
    return verdict("false",
                   "edge-triggered follows the same rule for every kind of "
                   "file",
                   "an unread repeating timerfd gives one edge, an eventfd's "
                   "own read gives OUT, a pipe's OUT follows only a full pipe");
}
