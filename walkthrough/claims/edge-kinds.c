/*
 * edge-kinds.c - level and edge
 *
 * Claim: every kind of file gives edges by the same rule
 * Truth: false. Each kind of file decides when it wakes the threads that wait
 * for it. A repeating timerfd that is not read gives one edge. Reading an
 * eventfd gives its own reader an OUT edge. A pipe gives OUT only if it was
 * full.
 * Settled by: fs/timerfd.c, timerfd_tmrproc(); fs/eventfd.c, eventfd_read();
 * fs/pipe.c, pipe_read().
 * Try: the same for a socket (et-rearm.c), and the timerfd without EPOLLET.
 */
#include "claim.h"
#include <sys/eventfd.h>
#include <sys/timerfd.h>

static char page[4096];
static uint64_t count;

/* Returns a timer that expires after s and ms, and then each repeat_ms. */
static int new_timer(long s, long ms, long repeat_ms)
{
    struct itimerspec times = {{0, repeat_ms * 1000000}, {s, ms * 1000000}};
    int fd = must(timerfd_create(CLOCK_MONOTONIC, 0), "timerfd_create");
    must(timerfd_settime(fd, 0, &times, NULL), "timerfd_settime");
    return fd;
}

/* Counts the edges of a timer that repeats each millisecond. Stops at the
 * second, or when another timer expires. */
static int count_edges(bool read_it)
{
    struct epoll_event event = {0};
    int edges = 0, epoll_fd = new_epoll();
    int timer = new_timer(0, 1, 1), end = new_timer(read_it ? 10 : 0, 50, 0);
    watch(epoll_fd, timer, EPOLLIN | EPOLLET);
    watch(epoll_fd, end, EPOLLIN);
    while (edges < 2 && event.data.fd != end) {
        must(epoll_wait(epoll_fd, &event, 1, -1), "epoll_wait");
        edges += event.data.fd == timer;
        if (read_it && event.data.fd == timer)
            must((int)read(timer, &count, sizeof(count)), "read");
    }
    return edges;
}

static void expect(int epoll_fd, const char *done, uint32_t expected)
{
    uint32_t events = ask(epoll_fd);
    saw(events == expected, "%-28s %s", done, event_names(events));
}

int main(void)
{
    int ends[2], epoll_fd = new_epoll();
    int event_fd = must(eventfd(0, EFD_NONBLOCK), "eventfd");
    must(pipe2(ends, O_NONBLOCK), "pipe2");
    saw(count_edges(false) == 1, "repeating timerfd, unread:   one edge");
    saw(count_edges(true) == 2, "repeating timerfd, read:     another");
    watch(epoll_fd, event_fd, EPOLLIN | EPOLLOUT | EPOLLET);
    expect(epoll_fd, "eventfd, ADD:", EPOLLOUT);
    count = 1;
    for (int i = 0; i < 2; i++) {
        must((int)write(event_fd, &count, sizeof(count)), "write");
        expect(epoll_fd, "eventfd, a write:", EPOLLIN | EPOLLOUT);
    }
    must((int)read(event_fd, &count, sizeof(count)), "read");
    expect(epoll_fd, "eventfd, our own read:", EPOLLOUT);
    watch(epoll_fd, ends[1], EPOLLOUT | EPOLLET);
    expect(epoll_fd, "pipe, ADD:", EPOLLOUT);
    must((int)write(ends[1], page, sizeof(page)), "write");
    must((int)read(ends[0], page, sizeof(page)), "read");
    expect(epoll_fd, "pipe, a page is read:", 0);
    while (write(ends[1], page, sizeof(page)) > 0)
        ;
    must((int)read(ends[0], page, sizeof(page)), "read");
    expect(epoll_fd, "pipe, full, a page is read:", EPOLLOUT);
    return verdict("false", "every kind of file gives edges by the same rule",
                   "an unread repeating timerfd gives one edge, an eventfd's "
                   "own read gives OUT, a pipe's OUT follows only a full pipe");
}
