/*
 * dispatch.c - what it costs to be told which descriptors are ready.
 *
 * N descriptors are watched, and A of them, evenly spread, are made ready;
 * then one wait and the search through what it brought are timed. So it goes
 * round: select, poll, and epoll level-triggered, edge-triggered and ONESHOT,
 * which also pays for watching each descriptor again. Printed is the median,
 * divided by A: nanoseconds for each event. The descriptors are eventfds,
 * which are quick to ask; to ask a socket costs select and poll more.
 *
 * Left out: reading, sending, sleeping. See load.c for those.
 *
 * Try: build/bench/dispatch 1000 1, then 1000 10, 100, 500 and 1000. Which of
 * the columns grow, and where does poll overtake epoll?
 */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

enum { FAILED = 1, USAGE = 2, MOST = 100000, OTHER_FDS = 16 };
enum { ROUNDS = 101, BUDGET_MS = 400, LEAST_ROUNDS = 5 };
enum { BITS = 8 * sizeof(long) };
enum way { SELECT, POLL, LT, ET, ONESHOT, WAYS };

static const char *const names[WAYS] = {"select", "poll", "lt", "et",
                                        "oneshot"};
static int watched, active;
static int *fds;                     /* those watched */
static int epoll_fds[WAYS];          /* for LT, ET and ONESHOT */
static struct pollfd *polled;        /* for poll */
static unsigned long *asked, *told;  /* bit sets for select */
static size_t set_size;              /* in bytes */
static struct epoll_event *events;   /* room for all that are active */
static volatile unsigned long found; /* keeps the search from being left out */

static void stop(int status, const char *format, ...)
    __attribute__((format(printf, 2, 3), noreturn));

static void stop(int status, const char *format, ...)
{
    va_list arguments;
    fputs("dispatch: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputs("\n", stderr);
    exit(status);
}

static void *room(size_t count, size_t size)
{
    void *const memory = calloc(count, size);
    if (memory == NULL)
        stop(FAILED, "no memory for %zu descriptors", count);
    return memory;
}

/* The descriptors, each way's list of them, and nobody ready. */
static void set_up(void)
{
    int highest = 0;
    fds = room((size_t)watched, sizeof(*fds));
    polled = room((size_t)watched, sizeof(*polled));
    events = room((size_t)watched, sizeof(*events));
    for (int i = 0; i < watched; i++) {
        fds[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (fds[i] < 0)
            stop(FAILED, "eventfd: %s (%s)", strerrorname_np(errno),
                 strerror(errno));
        polled[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
        highest = fds[i] > highest ? fds[i] : highest;
    }
    /* The kernel takes sets of any size; only fd_set ends at FD_SETSIZE. */
    set_size = ((size_t)highest / BITS + 1) * sizeof(long);
    asked = room(1, set_size + sizeof(fd_set));
    told = room(1, set_size + sizeof(fd_set));
    for (int i = 0; i < watched; i++)
        asked[fds[i] / BITS] |= 1UL << fds[i] % BITS;
}

/* Only one way's interest list is there at a time: each costs the sender. */
static void enlist(enum way way)
{
    const uint32_t flags = EPOLLIN | (way == ET        ? (uint32_t)EPOLLET
                                      : way == ONESHOT ? (uint32_t)EPOLLONESHOT
                                                       : 0);
    epoll_fds[way] = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < watched; i++) {
        struct epoll_event event = {.events = flags, .data.fd = fds[i]};
        if (epoll_ctl(epoll_fds[way], EPOLL_CTL_ADD, fds[i], &event) < 0)
            stop(FAILED, "epoll_ctl: %s (%s)", strerrorname_np(errno),
                 strerror(errno));
    }
}

/* One wait, and the search through what it brought. Returns how many. */
static int dispatch(enum way way)
{
    int n, left;
    switch (way) {
    case SELECT:
        memcpy(told, asked, set_size);
        left = n =
            select(fds[watched - 1] + 1, (fd_set *)told, NULL, NULL, NULL);
        for (int i = 0; i < watched && left > 0; i++)
            if (told[fds[i] / BITS] & 1UL << fds[i] % BITS) {
                found += (unsigned)fds[i];
                left--;
            }
        return n;
    case POLL:
        left = n = poll(polled, (nfds_t)watched, -1);
        for (int i = 0; i < watched && left > 0; i++)
            if (polled[i].revents != 0) {
                found += (unsigned)polled[i].fd;
                left--;
            }
        return n;
    default:
        n = epoll_wait(epoll_fds[way], events, watched, -1);
        for (int i = 0; i < n; i++) {
            found += (unsigned)events[i].data.fd;
            if (way == ONESHOT) {
                events[i].events = EPOLLIN | EPOLLONESHOT;
                epoll_ctl(epoll_fds[way], EPOLL_CTL_MOD, events[i].data.fd,
                          &events[i]);
            }
        }
        return n;
    }
}

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void round_begins(void)
{
    for (int i = 0; i < active; i++)
        if (eventfd_write(fds[(long)i * watched / active], 1) < 0)
            stop(FAILED, "eventfd_write: %s", strerror(errno));
}

static void round_ends(void)
{
    eventfd_t value;
    for (int i = 0; i < active; i++)
        eventfd_read(fds[(long)i * watched / active], &value);
}

static int by_size(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The median of many rounds, in nanoseconds for each event. */
static double measure(enum way way)
{
    uint64_t spans[ROUNDS];
    int rounds = 0;
    const uint64_t end = now() + BUDGET_MS * 1000000ULL;
    do {
        round_begins();
        const uint64_t begin = now();
        const int n = dispatch(way);
        spans[rounds++] = now() - begin;
        if (n != active)
            stop(FAILED, "%s told of %d descriptors, %d are ready", names[way],
                 n, active);
        round_ends();
    } while (rounds < LEAST_ROUNDS || (rounds < ROUNDS && now() < end));
    qsort(spans, (size_t)rounds, sizeof(spans[0]), by_size);
    return (double)spans[rounds / 2] / active;
}

static int integer(const char *text, int most)
{
    char *end;
    errno = 0;
    const long n = strtol(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || n < 1 || n > most)
        stop(USAGE,
             "'%s' is no number from 1 to %d; usage: dispatch [--json] "
             "WATCHED ACTIVE",
             text, most);
    return (int)n;
}

int main(int argc, char **argv)
{
    struct rlimit limit;
    const bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
    if (argc - json != 3)
        stop(USAGE, "usage: dispatch [--json] WATCHED ACTIVE");
    watched = integer(argv[1 + json], MOST);
    active = integer(argv[2 + json], watched);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
        limit.rlim_cur < (rlim_t)(watched + OTHER_FDS))
        stop(FAILED,
             "%d descriptors are needed, the limit is %lu: raise it "
             "with 'ulimit -n %d'",
             watched + OTHER_FDS, (unsigned long)limit.rlim_cur,
             watched + OTHER_FDS);
    set_up();
    printf(json ? "{\"watched\":%d,\"active\":%d" : "watched %d, active %d\n",
           watched, active);
    for (enum way way = 0; way < WAYS; way++) {
        if (way >= LT)
            enlist(way);
        measure(way); /* to warm up */
        printf(json ? ",\"%s\":%.1f" : "  %-8s %10.1f ns for each event\n",
               names[way], measure(way));
        if (way >= LT)
            close(epoll_fds[way]);
    }
    if (json)
        puts("}");
    return fflush(stdout) == 0 ? 0 : FAILED;
}
