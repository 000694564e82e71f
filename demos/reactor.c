/*
 * reactor.c - the loop of stage 07, once and for all.
 *
 * What it teaches is what every such library must decide:
 *
 * Stale events. One wait tells of up to 64 descriptors; the callback of the
 * first may remove, close and free what the second is about, and the next
 * accept4(2) may get the same number. So epoll carries no pointer: it carries
 * the number and a generation, and each add and remove begins a new one. An
 * event of an older generation is dropped. A list of the dead, to be freed
 * after the batch, would do as well, and cost an allocation a descriptor.
 *
 * Timers. A binary heap by deadline; the top is epoll_wait's time-out. A
 * timerfd(2) would do without the time-out, and cost a system call for each
 * change of the next deadline, and another one to read it. A fired timer stays
 * in the heap with a deadline that never comes, so that no callback ever runs
 * on freed memory. To move a deadline further away only notes it: the heap
 * learns of it when the timer has come to the top. So an idle time-out may be
 * set anew by every message: that is a look at the clock, and a few steps down
 * the heap for the one timer whose deadline was the next.
 *
 * Signals and calls from other threads are descriptors: signalfd(2),
 * eventfd(2). They need no case of their own in the loop.
 */
#include "reactor.h"
#include "trace.h"

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

/* A descriptor that is, was, or has yet to be watched. */
struct watch {
    reactor_callback *callback; /* NULL: it is not watched */
    void *data;
    uint32_t events, generation;
};

struct deadline {
    int64_t time;   /* in microseconds of CLOCK_MONOTONIC, or NEVER */
    uint64_t order; /* among equals: the one that was set first */
};

struct reactor_timer {
    struct deadline due;
    struct deadline sorted; /* the one that its place is for; not after due */
    size_t place;           /* in the heap */
    int64_t repeat;         /* in microseconds; 0: once */
    reactor_function *function;
    void *data;
};

struct call {
    reactor_function *function;
    void *data;
    struct call *next;
};

struct signal {
    reactor_signal_function *function;
    void *data;
};

struct reactor {
    int epoll_fd, event_fd, signal_fd;
    bool stopped;

    struct watch *watches; /* by descriptor */
    size_t watches_size;

    struct reactor_timer **heap; /* the one that is due first on top */
    size_t timers, heap_size;
    uint64_t order;

    sigset_t signal_set;
    struct signal signals[NSIG];

    pthread_mutex_t lock; /* guards what follows */
    struct call *first, **end;
};

/* --- descriptors --------------------------------------------------------- */

/* epoll_ctl(2). An event brings back what stands in data: who it is about. */
static int control(struct reactor *r, int op, int fd, uint32_t events)
{
    const uint64_t generation = r->watches[fd].generation;
    struct epoll_event event = {.events = events,
                                .data.u64 = generation << 32 | (uint32_t)fd};
    const int result = epoll_ctl(r->epoll_fd, op, fd, &event);
    trace_ctl(op, fd, events, result);
    return result;
}

/* The descriptor's watch; NULL with errno ENOENT: there is none. */
static struct watch *find(struct reactor *r, int fd)
{
    if (fd >= 0 && (size_t)fd < r->watches_size &&
        r->watches[fd].callback != NULL)
        return &r->watches[fd];
    errno = ENOENT;
    return NULL;
}

/*
 * Make room for needed elements in an array; new ones are zero. Returns where
 * it is now, or NULL without memory, and nothing has changed.
 */
static void *grow(void *array, size_t *size, size_t needed, size_t each)
{
    size_t more = *size > 0 ? *size : 64;
    while (more < needed)
        more *= 2;
    if (more == *size)
        return array;
    char *const bigger = realloc(array, more * each);
    if (bigger != NULL) {
        memset(bigger + *size * each, 0, (more - *size) * each);
        *size = more;
    }
    return bigger;
}

int reactor_add(struct reactor *r, int fd, uint32_t events,
                reactor_callback *callback, void *data)
{
    if (fd < 0) {
        errno = EBADF;
        return -1;
    }
    struct watch *const watches =
        grow(r->watches, &r->watches_size, (size_t)fd + 1, sizeof(*watches));
    if (watches == NULL)
        return -1;
    r->watches = watches;
    struct watch *const watch = &watches[fd];
    watch->generation++;
    if (control(r, EPOLL_CTL_ADD, fd, events) < 0) {
        watch->generation--; /* EEXIST: the one that is there stays */
        return -1;
    }
    watch->callback = callback;
    watch->data = data;
    watch->events = events;
    return 0;
}

int reactor_modify(struct reactor *r, int fd, uint32_t events)
{
    struct watch *const watch = find(r, fd);
    if (watch == NULL || control(r, EPOLL_CTL_MOD, fd, events) < 0)
        return -1;
    watch->events = events;
    return 0;
}

int reactor_remove(struct reactor *r, int fd)
{
    struct watch *const watch = find(r, fd);
    if (watch == NULL)
        return -1;
    watch->callback = NULL;
    watch->generation++;
    return control(r, EPOLL_CTL_DEL, fd, 0);
}

/* --- timers -------------------------------------------------------------- */

#define NEVER INT64_MAX

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static bool sooner(const struct reactor_timer *a, const struct reactor_timer *b)
{
    return a->sorted.time != b->sorted.time ? a->sorted.time < b->sorted.time
                                            : a->sorted.order < b->sorted.order;
}

static void put(struct reactor *r, struct reactor_timer *timer, size_t place)
{
    r->heap[place] = timer;
    timer->place = place;
}

/* Bring a timer to the place in the heap that its time asks for. */
static void sort(struct reactor *r, struct reactor_timer *timer)
{
    size_t place = timer->place;
    timer->sorted = timer->due;
    for (; place > 0 && sooner(timer, r->heap[(place - 1) / 2]);
         place = (place - 1) / 2)
        put(r, r->heap[(place - 1) / 2], place);
    for (size_t child; (child = 2 * place + 1) < r->timers; place = child) {
        if (child + 1 < r->timers && sooner(r->heap[child + 1], r->heap[child]))
            child++;
        if (!sooner(r->heap[child], timer))
            break;
        put(r, r->heap[child], place);
    }
    put(r, timer, place);
}

/* Note a new deadline; sort at once only if it is earlier. */
static void set(struct reactor *r, struct reactor_timer *timer, int64_t time)
{
    timer->due = (struct deadline){.time = time, .order = ++r->order};
    if (time < timer->sorted.time)
        sort(r, timer);
}

/* The timer that is due first; NULL: none ever will be. */
static struct reactor_timer *first_timer(struct reactor *r)
{
    while (r->timers > 0 && r->heap[0]->sorted.order != r->heap[0]->due.order)
        sort(r, r->heap[0]); /* it was moved further away meanwhile */
    return r->timers > 0 && r->heap[0]->due.time != NEVER ? r->heap[0] : NULL;
}

struct reactor_timer *reactor_timer_start(struct reactor *r, int delay_ms,
                                          int repeat_ms,
                                          reactor_function *function,
                                          void *data)
{
    struct reactor_timer **const heap =
        grow(r->heap, &r->heap_size, r->timers + 1, sizeof(*heap));
    if (heap == NULL)
        return NULL;
    r->heap = heap;
    struct reactor_timer *const timer = malloc(sizeof(*timer));
    if (timer == NULL)
        return NULL;
    *timer = (struct reactor_timer){.due.time = NEVER,
                                    .sorted.time = NEVER,
                                    .repeat = (int64_t)repeat_ms * 1000,
                                    .function = function,
                                    .data = data};
    put(r, timer, r->timers++);
    if (repeat_ms >= 0 && reactor_timer_again(r, timer, delay_ms) == 0)
        return timer;
    reactor_timer_cancel(r, timer);
    errno = EINVAL;
    return NULL;
}

int reactor_timer_again(struct reactor *r, struct reactor_timer *timer,
                        int delay_ms)
{
    if (delay_ms < -1) {
        errno = EINVAL;
        return -1;
    }
    set(r, timer, delay_ms < 0 ? NEVER : now() + (int64_t)delay_ms * 1000);
    return 0;
}

void reactor_timer_cancel(struct reactor *r, struct reactor_timer *timer)
{
    if (timer == NULL)
        return;
    struct reactor_timer *const last = r->heap[--r->timers];
    if (last != timer) {
        put(r, last, timer->place);
        sort(r, last);
    }
    free(timer);
}

/* Call those that were due at a time, up to a turn's worth of them. */
static void run_timers(struct reactor *r, int64_t time)
{
    struct reactor_timer *timer;
    for (int i = 0; i < REACTOR_TURN && !r->stopped; i++) {
        if ((timer = first_timer(r)) == NULL || timer->due.time > time)
            return;
        trace_timer();
        int64_t next =
            timer->repeat > 0 ? timer->due.time + timer->repeat : NEVER;
        if (next <= time)
            next = time + timer->repeat;
        set(r, timer, next);
        timer->function(r, timer->data); /* which may free it */
    }
}

/* The time-out for epoll_wait(2), in whole milliseconds, never too short. */
static int time_left(struct reactor *r)
{
    const struct reactor_timer *const timer = first_timer(r);
    if (timer == NULL)
        return -1;
    const int64_t left = timer->due.time - now();
    return left > 0 ? (int)((left + 999) / 1000) : 0;
}

/* --- signals ------------------------------------------------------------- */

static void on_signal(struct reactor *r, int fd, uint32_t events, void *data)
{
    (void)events, (void)data;
    struct signalfd_siginfo info;
    if (read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return; /* EAGAIN: another thread has taken it */
    const struct signal signal = r->signals[info.ssi_signo];
    signal.function(r, (int)info.ssi_signo, signal.data);
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
    const int fd = signalfd(r->signal_fd, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    const bool added =
        r->signal_fd >= 0 ||
        (fd >= 0 && reactor_add(r, fd, EPOLLIN, on_signal, NULL) == 0);
    if (fd < 0 || !added) {
        const int error = errno;
        if (fd >= 0 && !added)
            close(fd);
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        errno = error;
        return -1;
    }
    r->signal_fd = fd;
    r->signal_set = set;
    r->signals[signo] = (struct signal){function, data};
    return 0;
}

/* --- calls from other threads -------------------------------------------- */

int reactor_call(struct reactor *r, reactor_function *function, void *data)
{
    struct call *const call = malloc(sizeof(*call));
    if (call == NULL)
        return -1;
    *call = (struct call){.function = function, .data = data};
    pthread_mutex_lock(&r->lock);
    if (r->first == NULL) /* else somebody has woken it already */
        eventfd_write(r->event_fd, 1);
    *r->end = call;
    r->end = &call->next;
    pthread_mutex_unlock(&r->lock);
    return 0;
}

/* The eventfd is ready as long as there are calls: it is read with the last. */
static struct call *next_call(struct reactor *r)
{
    eventfd_t count;
    pthread_mutex_lock(&r->lock);
    struct call *const call = r->first;
    if (call != NULL && (r->first = call->next) == NULL) {
        r->end = &r->first;
        eventfd_read(r->event_fd, &count);
    }
    pthread_mutex_unlock(&r->lock);
    return call;
}

/* Those that are there now; what they call waits for the next turn. */
static void on_calls(struct reactor *r, int fd, uint32_t events, void *data)
{
    (void)fd, (void)events, (void)data;
    pthread_mutex_lock(&r->lock);
    struct call *const *const end = r->end;
    pthread_mutex_unlock(&r->lock);
    bool last = false;
    for (int i = 0; i < REACTOR_TURN && !last && !r->stopped; i++) {
        struct call *const call = next_call(r);
        if (call == NULL)
            return;
        last = &call->next == end;
        call->function(r, call->data);
        free(call);
    }
}

/* --- the loop ------------------------------------------------------------ */

static int fd_of(const struct epoll_event *event)
{
    return (int)(uint32_t)event->data.u64;
}

/* Call whom an event is for, if it is still there and still asks for that. */
static void deliver(struct reactor *r, const struct epoll_event *event)
{
    const int fd = fd_of(event);
    const struct watch watch = r->watches[fd]; /* a copy: add may move them */
    const uint32_t events =
        event->events & (watch.events | EPOLLERR | EPOLLHUP);
    if (watch.generation == event->data.u64 >> 32 && events != 0)
        watch.callback(r, fd, events, watch.data);
}

/*
 * All that a wait tells is traced before the first callback: afterwards a
 * descriptor may be closed, and its number another one's.
 */
int reactor_run(struct reactor *r)
{
    struct epoll_event events[REACTOR_TURN];
    while (!r->stopped) {
        trace_wait("epoll_wait");
        const int n =
            epoll_wait(r->epoll_fd, events, REACTOR_TURN, time_left(r));
        trace_woke("epoll_wait", n);
        const int64_t woke = now(); /* what is due later waits for the next */
        if (n < 0 && errno == EINTR)
            continue; /* stopped and continued: hear first who has spoken */
        if (n < 0)
            return -1;
        for (int i = 0; i < n; i++)
            trace_ready(fd_of(&events[i]), events[i].events);
        for (int i = 0; i < n && !r->stopped; i++)
            deliver(r, &events[i]);
        run_timers(r, woke);
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
    struct reactor *const r = calloc(1, sizeof(*r));
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
    const int error = errno;
    reactor_destroy(r);
    errno = error;
    return NULL;
}

void reactor_destroy(struct reactor *r)
{
    if (r == NULL)
        return;
    const int own[] = {r->signal_fd, r->event_fd, r->epoll_fd};
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (own[i] >= 0)
            close(own[i]);
    for (size_t i = 0; i < r->timers; i++)
        free(r->heap[i]);
    for (struct call *call = r->first, *next; call != NULL; call = next) {
        next = call->next;
        free(call);
    }
    pthread_mutex_destroy(&r->lock);
    free(r->heap);
    free(r->watches);
    free(r);
}
