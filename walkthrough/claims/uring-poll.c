/*
 * uring-poll.c - completions with io_uring
 *
 * Claim: a thread can wait for completions with poll or epoll
 * Truth: depends. With IORING_SETUP_DEFER_TASKRUN a request completes only
 * inside io_uring_enter, so a thread that blocks in poll is not woken. A
 * later poll reports IN at once. Other rings wake the thread.
 * Settled by: io_uring_setup(2), IORING_SETUP_DEFER_TASKRUN; poll(2).
 * Try: io_uring_register_eventfd(). An eventfd is signalled in both cases.
 */
#include "uring.h"

static void *poll_once(void *argument)
{
    struct sleeper *sleeper = argument;
    struct pollfd ring_fd = {.fd = sleeper->epoll_fd, .events = POLLIN};
    sleeper->tid = gettid();
    poll(&ring_fd, 1, -1);
    sleeper->place = 1;
    return NULL;
}

/* A thread blocks in poll, and then a byte completes a recv. Reports whether
 * the thread wakes up. */
static bool woken(unsigned flags)
{
    struct io_uring ring;
    int pair[2];
    char byte;
    make_pair(pair);
    open_ring(&ring, 8, flags);
    io_uring_prep_recv(request(&ring, 1), pair[0], &byte, 1, 0);
    must(io_uring_submit(&ring), "io_uring_submit");
    struct sleeper sleeper = {.epoll_fd = ring.ring_fd};
    errno = pthread_create(&sleeper.thread, NULL, poll_once, &sleeper);
    must(errno == 0 ? 0 : -1, "pthread_create");
    while (sleeper.tid == 0)
        sched_yield();
    wait_asleep(sleeper.tid);

    send(pair[1], "x", 1, 0);
    while (sleeper.place == 0 && !asleep(sleeper.tid))
        sched_yield(); /* it has been woken, and it is not done yet */
    bool woke = sleeper.place != 0;
    struct pollfd again = {.fd = ring.ring_fd, .events = POLLIN};
    int now = poll(&again, 1, 0);
    saw(now == 1, "a later poll: %d descriptor is ready", now);
    io_uring_get_events(&ring); /* now the recv completes */
    pthread_join(sleeper.thread, NULL);
    return woke;
}

int main(void)
{
    bool woke = woken(0);
    saw(woke, "a ring without flags: the thread in poll %s",
        woke ? "wakes up" : "sleeps on");
    woke = woken(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
    saw(!woke, "with DEFER_TASKRUN: the thread in poll %s",
        woke ? "wakes up" : "sleeps on");
    return verdict("depends",
                   "a thread can wait for completions with poll or epoll",
                   "without flags poll wakes up; with DEFER_TASKRUN it sleeps "
                   "on, although a later poll reports IN");
}
