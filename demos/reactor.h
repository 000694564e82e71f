/*
 * reactor.h - an event loop. You register callbacks, and the loop calls them.
 *
 * In stages 01 to 09 the loop itself knows what each event means. Here you
 * register a function for each descriptor, timer and signal, so the same loop
 * works for every server.
 *
 * One iteration of the loop calls epoll_wait(2) once. Then it calls one
 * callback for each descriptor that is ready, and after that the functions of
 * at most REACTOR_BATCH timers that have expired. Descriptors are
 * level-triggered, so the next iteration reports again what a callback leaves
 * unread. A callback should therefore do a limited amount of work and return.
 * While a callback blocks, nothing else in the loop runs.
 *
 * A timer expires only after all descriptors that were ready at its deadline
 * have been reported. So a time-out does not close a client if its data arrived
 * in time, even if a callback took long or the process was stopped meanwhile.
 *
 * A callback may add, modify, remove or cancel anything, including its own
 * descriptor or timer. Once a descriptor is removed, its callback is not called
 * again, even if this iteration has already reported the descriptor. This holds
 * even if the number has been closed and reused since.
 *
 * One thread runs a reactor and calls its functions. Only reactor_call() may be
 * called from other threads.
 *
 * Limitations: one thread, level-triggered descriptors only. There are no
 * priorities, child processes or name look-ups, and no regular files, because
 * epoll cannot watch them.
 *
 * reactor.c and reactor.h need no other file of this project. To use them
 * elsewhere, copy both.
 *
 * Try: 10-reactor is a server that uses this file, and tests/reactor.c tests
 * it.
 */
#ifndef IOMUX_REACTOR_H
#define IOMUX_REACTOR_H

#include <stdint.h>

struct reactor;
struct reactor_timer;

/* The most events, timers and calls that one iteration handles of each kind. */
enum { REACTOR_BATCH = 64 };

/* The descriptor fd is ready. events are flags such as EPOLLIN. */
typedef void reactor_callback(struct reactor *reactor, int fd, uint32_t events,
                              void *data);

/* A timer has expired, or reactor_call() was called with this function. */
typedef void reactor_function(struct reactor *reactor, void *data);

/* The signal signo has arrived. */
typedef void reactor_signal_function(struct reactor *reactor, int signo,
                                     void *data);

/*
 * Creates a reactor, which opens two descriptors: an epoll instance and an
 * eventfd(2). The reactor never frees a data pointer and never closes a
 * descriptor that you add. Returns NULL with errno EMFILE, ENFILE, ENOMEM or
 * ENOSPC (epoll_ctl(2)).
 */
struct reactor *reactor_create(void);

/*
 * Frees a reactor and its timers. Pending calls are discarded, and the signals
 * that it handled stay blocked. Must not be called from a callback. NULL is
 * allowed.
 */
void reactor_destroy(struct reactor *reactor);

/*
 * Calls callback whenever fd is ready for one of events: EPOLLIN, EPOLLOUT,
 * EPOLLPRI, EPOLLRDHUP, or 0 for none. EPOLLERR and EPOLLHUP are always
 * reported (epoll_ctl(2)). Returns 0, or -1 with errno EEXIST, EBADF, EPERM (a
 * regular file), ENOSPC or ENOMEM.
 */
int reactor_add(struct reactor *reactor, int fd, uint32_t events,
                reactor_callback *callback, void *data);

/*
 * Replaces the events of fd. Events that this iteration has already reported
 * but that are no longer registered are not delivered. Returns 0, or -1 with
 * errno, which is ENOENT if fd is not registered.
 */
int reactor_modify(struct reactor *reactor, int fd, uint32_t events);

/*
 * Stops watching fd. Call this before close(2), because epoll keeps watching a
 * socket that has another descriptor, from dup(2) or fork(2) (epoll(7)).
 * Returns 0, or -1 with errno ENOENT if fd is not registered, or EBADF if it
 * was already closed. After EBADF it is no longer watched either.
 */
int reactor_remove(struct reactor *reactor, int fd);

/*
 * Calls function after delay_ms milliseconds and then every repeat_ms
 * milliseconds. If repeat_ms is 0, the timer expires only once. If delay_ms is
 * -1, it does not expire until reactor_timer_again() is called.
 *
 * A timer never expires early. It expires late if callbacks take long, and a
 * repeating timer then skips the periods it has missed. Timers expire in the
 * order of their deadlines, and those with equal delays in the order in which
 * they were set.
 *
 * The reactor owns the timer, which exists until reactor_timer_cancel(), even
 * after it has expired. Returns NULL with errno ENOMEM, or EINVAL if delay_ms
 * is less than -1 or repeat_ms is negative.
 */
struct reactor_timer *reactor_timer_start(struct reactor *reactor, int delay_ms,
                                          int repeat_ms,
                                          reactor_function *function,
                                          void *data);

/*
 * Restarts a timer: it expires delay_ms milliseconds from now, or never if
 * delay_ms is -1. Moving a deadline further into the future is cheap, unless it
 * was the next one. Returns 0, or -1 with errno EINVAL if delay_ms is less than
 * -1.
 */
int reactor_timer_again(struct reactor *reactor, struct reactor_timer *timer,
                        int delay_ms);

/* Cancels and frees a timer. Its own function may do this. NULL is allowed. */
void reactor_timer_cancel(struct reactor *reactor, struct reactor_timer *timer);

/*
 * Calls function whenever the signal signo arrives, instead of its default
 * action (signalfd(2)). Several signals that arrive before the loop reads one
 * count as one (signal(7)). A second call with the same signo replaces the
 * function.
 *
 * This blocks signo in the calling thread and never unblocks it. Call it before
 * you create other threads, because they inherit the blocked signal. The kernel
 * may deliver the signal to any thread that does not block it. Returns 0, or -1
 * with errno EINVAL (no such signal, SIGKILL or SIGSTOP), EMFILE, ENFILE or
 * ENOMEM.
 */
int reactor_signal(struct reactor *reactor, int signo,
                   reactor_signal_function *function, void *data);

/*
 * Makes the loop call function once. May be called from any thread while the
 * reactor exists, but not from a signal handler. The functions run in the order
 * of the calls, and each sees what its caller wrote to memory before the call.
 * A call made by such a function runs in a later iteration. Returns 0, or -1
 * with errno ENOMEM.
 */
int reactor_call(struct reactor *reactor, reactor_function *function,
                 void *data);

/*
 * Calls the callback of every registered descriptor once, with no events. A
 * server that stops, for example, can then close its idle clients. A descriptor
 * that a callback adds may be left out.
 */
void reactor_walk(struct reactor *reactor);

/*
 * Runs the loop until reactor_stop(). Returns 0, or -1 with errno if
 * epoll_wait(2) fails with an error other than EINTR. It may be called again.
 * Events that the stopped iteration did not handle are then reported again.
 */
int reactor_run(struct reactor *reactor);

/*
 * Makes reactor_run() return as soon as the current callback returns. If the
 * loop is not running, the next reactor_run() returns at once. To stop the loop
 * from another thread, pass a function that calls this to reactor_call().
 */
void reactor_stop(struct reactor *reactor);

#endif
