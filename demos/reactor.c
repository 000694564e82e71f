/*
 * reactor.c - the event loop of stage 07 as a library.
 *
 * Stale events: the callback of one descriptor may close another one that the
 * same epoll_wait(2) has reported, and the next accept4(2) may return the same
 * number. So each event carries the number and a generation, which changes when
 * a descriptor is removed. An event of an older generation is dropped.
 *
 * Timers: the time until the first deadline is the time-out of epoll_wait. If a
 * deadline moves further into the future, the heap stays as it is until the
 * timer is at its top. So a server can restart a time-out after every message.
 */
#include "reactor.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#if __has_include("trace.h")
#include "trace.h"
#else /* this file and reactor.h are used in another project */
#define trace_wait(...)  ((void)0)
#define trace_woke(...)  ((void)0)
#define trace_ready(...) ((void)0)
#define trace_timer(...) ((void)0)
#define trace_ctl(...)   ((void)0)
#endif

/* A descriptor that is, was, or may later be watched. */
struct watch {
    reactor_callback *callback; /* or NULL if it is not watched */
    void *data;
    uint32_t events, generation;
};

#define NEVER       INT64_MAX /* the deadline of a timer that is not running */
#define MILLISECOND INT64_C(1000000)

struct reactor_timer {
    int64_t due;    /* in nanoseconds of CLOCK_MONOTONIC, or NEVER */
    int64_t sorted; /* for its place in the heap; never after due */
    size_t heap_index;
    int64_t repeat; /* in nanoseconds, or 0 if it expires once */
    reactor_function *function;
    void *data;
};

struct call {
    reactor_function *function;
    void *data;
    struct call *next;
};

struct reactor {
    int epoll_fd, event_fd, signal_fd;
    bool stopped;
    struct watch *watches; /* indexed by descriptor */
    size_t watches_size;
    int watched;                 /* how many descriptors have a callback */
    struct reactor_timer **heap; /* heap[0] has the first deadline */
    size_t timers, heap_size;
    int64_t last_time; /* that now() returned */
    sigset_t signal_set;
    reactor_signal_function *signal_functions[NSIG];
    void *signal_data[NSIG];
    pthread_mutex_t lock; /* guards the queue of calls */
    struct call *first, **end;
};

/* Enlarges an array to at least needed elements. New ones are zero. Returns the
 * array, which may have moved. If there is no memory, *size stays the same. */
static void *grow(void *array, size_t *size, size_t needed, size_t element)
{
    if (needed <= *size)
        return array;
    char *bigger = realloc(array, 2 * needed * element);
    if (bigger == NULL)
        return array;
    memset(bigger + *size * element, 0, (2 * needed - *size) * element);
    *size = 2 * needed;
    return bigger;
}

/* --- descriptors --------------------------------------------------------- */

/* Calls epoll_ctl(2). The events of fd will carry fd and its generation. */
static int epoll_update(struct reactor *r, int op, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events};
    event.data.u64 = (uint64_t)r->watches[fd].generation << 32 | (uint32_t)fd;
    int result = epoll_ctl(r->epoll_fd, op, fd, &event);
    trace_ctl(op, fd, events, result);
    return result;
}

/* Returns the watch of fd, or NULL with errno ENOENT if fd is not watched. */
static struct watch *find_watch(struct reactor *r, int fd)
{
    if (fd >= 0 && (size_t)fd < r->watches_size &&
        r->watches[fd].callback != NULL)
        return &r->watches[fd];
    errno = ENOENT;
    return NULL;
}

int reactor_add(struct reactor *r, int fd, uint32_t events,
                reactor_callback *callback, void *data)
{
    if (fd < 0) {
        errno = EBADF;
        return -1;
    }
    r->watches = grow(r->watches, &r->watches_size, (size_t)fd + 1,
                      sizeof(r->watches[0]));
    if ((size_t)fd >= r->watches_size)
        return -1; /* no memory */
    struct watch *watch = &r->watches[fd];
    if (epoll_update(r, EPOLL_CTL_ADD, fd, events) < 0)
        return -1;               /* after EEXIST the old watch stays valid */
    if (watch->callback == NULL) /* otherwise it was closed but not removed */
        r->watched++;
    watch->callback = callback;
    watch->data = data;
    watch->events = events;
    return 0;
}

int reactor_modify(struct reactor *r, int fd, uint32_t events)
{
    struct watch *watch = find_watch(r, fd);
    if (watch == NULL || epoll_update(r, EPOLL_CTL_MOD, fd, events) < 0)
        return -1;
    watch->events = events;
    return 0;
}

int reactor_remove(struct reactor *r, int fd)
{
    struct watch *watch = find_watch(r, fd);
    if (watch == NULL)
        return -1;
    watch->callback = NULL;
    watch->generation++;
    r->watched--;
    return epoll_update(r, EPOLL_CTL_DEL, fd, 0);
}

void reactor_walk(struct reactor *r)
{
    for (size_t fd = 0; fd < r->watches_size; fd++) {
        struct watch watch = r->watches[fd]; /* reactor_add() may move it */
        if (watch.callback != NULL)
            watch.callback(r, (int)fd, 0, watch.data);
    }
}

/* --- timers -------------------------------------------------------------- */

/* Returns the time, never twice the same, so equal delays keep their order. */
static int64_t now(struct reactor *r)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    int64_t time = t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
    r->last_time = time > r->last_time ? time : r->last_time + 1;
    return r->last_time;
}

static void heap_place(struct reactor *r, struct reactor_timer *timer, size_t i)
{
    r->heap[i] = timer;
    timer->heap_index = i;
}

/* Moves a timer up or down the heap to the place of its deadline. */
static void heap_fix(struct reactor *r, struct reactor_timer *timer)
{
    struct reactor_timer **heap = r->heap;
    size_t i = timer->heap_index;
    timer->sorted = timer->due;
    for (; i > 0 && timer->sorted < heap[(i - 1) / 2]->sorted; i = (i - 1) / 2)
        heap_place(r, heap[(i - 1) / 2], i);
    for (size_t child = 2 * i + 1; child < r->timers; child = 2 * i + 1) {
        if (child + 1 < r->timers &&
            heap[child + 1]->sorted < heap[child]->sorted)
            child++;
        if (timer->sorted <= heap[child]->sorted)
            break;
        heap_place(r, heap[child], i);
        i = child;
    }
    heap_place(r, timer, i);
}

/* Sets a deadline. The heap must change at once only if it is earlier. */
static void timer_set(struct reactor *r, struct reactor_timer *timer,
                      int64_t due)
{
    timer->due = due;
    if (due < timer->sorted)
        heap_fix(r, timer);
}

/* Returns the first deadline, which is that of heap[0], or NEVER. */
static int64_t first_deadline(struct reactor *r)
{
    while (r->timers > 0 && r->heap[0]->sorted < r->heap[0]->due)
        heap_fix(r, r->heap[0]); /* its deadline has moved into the future */
    return r->timers > 0 ? r->heap[0]->due : NEVER;
}

struct reactor_timer *reactor_timer_start(struct reactor *r, int delay_ms,
                                          int repeat_ms,
                                          reactor_function *function,
                                          void *data)
{
    if (delay_ms < -1 || repeat_ms < 0) {
        errno = EINVAL;
        return NULL;
    }
    r->heap = grow(r->heap, &r->heap_size, r->timers + 1, sizeof(r->heap[0]));
    struct reactor_timer *timer = malloc(sizeof(*timer));
    if (timer == NULL || r->timers == r->heap_size) {
        free(timer);
        return NULL;
    }
    *timer = (struct reactor_timer){.due = NEVER,
                                    .sorted = NEVER,
                                    .repeat = repeat_ms * MILLISECOND,
                                    .function = function,
                                    .data = data};
    heap_place(r, timer, r->timers++);
    reactor_timer_again(r, timer, delay_ms);
    return timer;
}

int reactor_timer_again(struct reactor *r, struct reactor_timer *timer,
                        int delay_ms)
{
    if (delay_ms < -1) {
        errno = EINVAL;
        return -1;
    }
    timer_set(r, timer, delay_ms < 0 ? NEVER : now(r) + delay_ms * MILLISECOND);
    return 0;
}

void reactor_timer_cancel(struct reactor *r, struct reactor_timer *timer)
{
    if (timer == NULL)
        return;
    struct reactor_timer *last = r->heap[--r->timers];
    if (last != timer) {
        heap_place(r, last, timer->heap_index);
        heap_fix(r, last);
    }
    free(timer);
}

/* Calls the functions of timers that are due at time, REACTOR_BATCH at most. */
static void run_timers(struct reactor *r, int64_t time)
{
    for (int i = 0; i < REACTOR_BATCH && !r->stopped; i++) {
        if (first_deadline(r) > time)
            return;
        struct reactor_timer *timer = r->heap[0];
        trace_timer();
        int64_t next = timer->due + timer->repeat;
        if (next <= time)
            next = time + timer->repeat; /* skips the periods it has missed */
        timer_set(r, timer, timer->repeat > 0 ? next : NEVER);
        timer->function(r, timer->data); /* may free the timer */
    }
}

/* Returns the time-out for epoll_wait(2), rounded up, so no timer is early. */
static int time_left(struct reactor *r, int64_t time)
{
    int64_t due = first_deadline(r);
    if (due == NEVER)
        return -1;
    return due > time ? (int)((due - time + MILLISECOND - 1) / MILLISECOND) : 0;
}

/* --- signals and calls from other threads: descriptors as well ---------- */

static void on_signal(struct reactor *r, int fd, uint32_t events, void *data)
{
    (void)events, (void)data;
    struct signalfd_siginfo info;
    if (read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return; /* EAGAIN: another thread has handled the signal */
    int signo = (int)info.ssi_signo;
    r->signal_functions[signo](r, signo, r->signal_data[signo]);
}

int reactor_signal(struct reactor *r, int signo,
                   reactor_signal_function *function, void *data)
{
    sigset_t set = r->signal_set, old;
    if (signo == SIGKILL || signo == SIGSTOP || sigaddset(&set, signo) < 0) {
        errno = EINVAL;
        return -1;
    }
    pthread_sigmask(SIG_BLOCK, &set, &old);
    int fd = signalfd(r->signal_fd, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd >= 0 && r->signal_fd < 0 &&
        reactor_add(r, fd, EPOLLIN, on_signal, NULL) < 0) {
        close(fd);
        fd = -1;
    }
    if (fd < 0) {
        pthread_sigmask(SIG_SETMASK, &old, NULL); /* does not set errno */
        return -1;
    }
    r->signal_fd = fd;
    r->signal_set = set;
    r->signal_functions[signo] = function;
    r->signal_data[signo] = data;
    return 0;
}

int reactor_call(struct reactor *r, reactor_function *function, void *data)
{
    struct call *call = malloc(sizeof(*call));
    if (call == NULL)
        return -1;
    *call = (struct call){.function = function, .data = data};
    pthread_mutex_lock(&r->lock);
    *r->end = call;
    r->end = &call->next;
    eventfd_write(r->event_fd, 1); /* nothing can run the call before this */
    pthread_mutex_unlock(&r->lock);
    return 0;
}

static struct call *next_call(struct reactor *r)
{
    pthread_mutex_lock(&r->lock);
    struct call *call = r->first;
    r->first = call->next;
    if (r->first == NULL)
        r->end = &r->first;
    pthread_mutex_unlock(&r->lock);
    return call;
}

/* The eventfd counts the calls. Those made from here on wait for the next
 * iteration, and so do those after the first REACTOR_BATCH. */
static void on_calls(struct reactor *r, int fd, uint32_t events, void *data)
{
    (void)events, (void)data;
    eventfd_t calls = 0;
    eventfd_read(fd, &calls);
    for (int i = 0; i < REACTOR_BATCH && calls > 0 && !r->stopped; i++) {
        struct call *call = next_call(r);
        calls--;
        call->function(r, call->data);
        free(call);
    }
    if (calls > 0)
        eventfd_write(fd, calls);
}

/* --- the loop ------------------------------------------------------------ */

/* Calls the callback of a descriptor, unless it has been removed meanwhile. */
static void deliver(struct reactor *r, const struct epoll_event *event)
{
    int fd = (int)event->data.u64;       /* the lower half */
    struct watch watch = r->watches[fd]; /* reactor_add() may move the array */
    uint32_t events = event->events & (watch.events | EPOLLERR | EPOLLHUP);
    if (watch.generation == event->data.u64 >> 32 && events != 0)
        watch.callback(r, fd, events, watch.data);
}

/*
 * A round is one or more waits. It ends when every descriptor that was ready at
 * its start has been reported. That is so after a wait that does not fill the
 * array. It is also so after as many events as there are descriptors, because
 * epoll first reports those that have been ready longest. At the end of the
 * round, the timers that were due at its start expire.
 */
int reactor_run(struct reactor *r)
{
    struct epoll_event events[REACTOR_BATCH];
    int64_t start = 0; /* of the round */
    int left = 0;      /* how many events end it */
    while (!r->stopped) {
        int64_t time = r->timers > 0 ? now(r) : 0;
        int timeout = time_left(r, time);
        if (left <= 0) {
            start = time;
            left = r->watched;
        }
        trace_wait("epoll_wait");
        int n = epoll_wait(r->epoll_fd, events, REACTOR_BATCH, timeout);
        trace_woke("epoll_wait", n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0) /* until the time-out nothing was ready */
            start = time + timeout * MILLISECOND;

        /* Traced before the first callback, which may close descriptors. */
        for (int i = 0; i < n; i++)
            trace_ready((int)events[i].data.u64, events[i].events);
        for (int i = 0; i < n && !r->stopped; i++)
            deliver(r, &events[i]);

        left = n < REACTOR_BATCH ? 0 : left - n;
        if (left <= 0)
            run_timers(r, start);
    }
    r->stopped = false;
    return 0;
}

void reactor_stop(struct reactor *r)
{
    r->stopped = true;
}

struct reactor *reactor_create(void)
{
    struct reactor *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return NULL;
    r->signal_fd = -1;
    r->end = &r->first;
    sigemptyset(&r->signal_set);
    pthread_mutex_init(&r->lock, NULL);
    r->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    r->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (r->epoll_fd >= 0 && r->event_fd >= 0 &&
        reactor_add(r, r->event_fd, EPOLLIN, on_calls, NULL) == 0)
        return r;
    int error = errno;
    reactor_destroy(r);
    errno = error;
    return NULL;
}

void reactor_destroy(struct reactor *r)
{
    if (r == NULL)
        return;
    int opened[] = {r->signal_fd, r->event_fd, r->epoll_fd};
    for (size_t i = 0; i < sizeof(opened) / sizeof(opened[0]); i++)
        if (opened[i] >= 0)
            close(opened[i]);
    for (size_t i = 0; i < r->timers; i++)
        free(r->heap[i]);
    while (r->first != NULL)
        free(next_call(r));
    pthread_mutex_destroy(&r->lock);
    free(r->heap);
    free(r->watches);
    free(r);
}
