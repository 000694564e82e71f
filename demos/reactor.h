/*
 * reactor.h - an event loop: say once what is to be done, and it calls you.
 *
 * In the stages below the loop knows every kind of event. Here it knows none:
 * each descriptor, timer, signal and call from another thread brings the
 * function that handles it, and the loop is the same for every server.
 *
 * A turn of the loop is one epoll_wait(2). After it each descriptor that is
 * ready has one callback, then at most REACTOR_TURN timers that are due have
 * theirs, then the loop asks again. Level-triggered: what a callback leaves is
 * told again in the next turn. So a callback that does a bounded piece of work
 * and returns starves nobody; one that sleeps stops all.
 *
 * In any callback anything may be added, changed, removed and cancelled, the
 * callback's own descriptor or timer, too. A descriptor that is removed is not
 * called any more, even if this turn's wait has told of it already, and even
 * if its number has been closed and given to another one since.
 *
 * One thread runs a reactor and calls its functions; only reactor_call() is
 * for the others. Left out: more than one thread, edge-triggered descriptors,
 * priorities, child processes, names to look up, files (epoll(7) cannot wait
 * for those). Try: 10-reactor is a server on it, tests/reactor.c its tests.
 */
#ifndef IOMUX_REACTOR_H
#define IOMUX_REACTOR_H

#include <stdint.h>

struct reactor;
struct reactor_timer;

/* The most events of one wait; the most timers, and the most calls, a turn. */
enum { REACTOR_TURN = 64 };

/* The descriptor fd is ready for events (EPOLLIN, EPOLLHUP, ...). */
typedef void reactor_callback(struct reactor *reactor, int fd, uint32_t events,
                              void *data);

/* A timer is due, or the turn of a call has come. */
typedef void reactor_function(struct reactor *reactor, void *data);

/* The signal signo has come. */
typedef void reactor_signal_function(struct reactor *reactor, int signo,
                                     void *data);

/*
 * Make a reactor. It opens two descriptors, epoll's and an eventfd(2). It never
 * owns a data pointer, nor a descriptor that it was given. Returns NULL with
 * errno: EMFILE, ENFILE, ENOMEM, ENOSPC (epoll_ctl(2)).
 */
struct reactor *reactor_create(void);

/*
 * Free a reactor and all its timers; calls that have not had their turn are
 * dropped, and its signals stay blocked. Not from inside a callback. NULL is no
 * error.
 */
void reactor_destroy(struct reactor *reactor);

/*
 * Call callback whenever fd is ready for events: EPOLLIN, EPOLLOUT, EPOLLPRI,
 * EPOLLRDHUP, or 0 for none; EPOLLERR and EPOLLHUP come unasked, epoll_ctl(2).
 * fd stays the caller's. Returns 0, or -1 with errno of epoll_ctl(2): EEXIST,
 * EBADF, EPERM (a file), ENOSPC, or ENOMEM.
 */
int reactor_add(struct reactor *reactor, int fd, uint32_t events,
                reactor_callback *callback, void *data);

/*
 * Ask for other events. What this turn's wait has told already and is no
 * longer asked for is not delivered. Returns 0, or -1 with errno: ENOENT, it
 * is not watched.
 */
int reactor_modify(struct reactor *reactor, int fd, uint32_t events);

/*
 * Forget fd. Before close(2), not after: epoll keeps watching a socket that
 * has a second descriptor, by dup(2) or fork(2), epoll(7). Returns 0, or -1
 * with errno: ENOENT, it is not watched; EBADF, it was closed before, and is
 * forgotten all the same.
 */
int reactor_remove(struct reactor *reactor, int fd);

/*
 * Call function in delay_ms milliseconds, -1: not before reactor_timer_again();
 * then every repeat_ms, 0: once. What a late repeating timer has missed is not
 * made up for. Never early; late by as much as the callbacks before it last.
 * Those that are due together come in the order of their times, then in that
 * in which they were set. The timer belongs to the reactor and stays, fired or
 * not, until reactor_timer_cancel(). Returns NULL with errno: ENOMEM; EINVAL,
 * delay_ms < -1 or repeat_ms < 0.
 */
struct reactor_timer *reactor_timer_start(struct reactor *reactor, int delay_ms,
                                          int repeat_ms,
                                          reactor_function *function,
                                          void *data);

/*
 * Set it anew: delay_ms from now, -1: not at all. Cheap when it only moves a
 * deadline further away that is not the next. Returns 0, or -1 with errno
 * EINVAL: delay_ms < -1.
 */
int reactor_timer_again(struct reactor *reactor, struct reactor_timer *timer,
                        int delay_ms);

/* End a timer and free it, also inside its own function. NULL is no error. */
void reactor_timer_cancel(struct reactor *reactor, struct reactor_timer *timer);

/*
 * Call function for each signal signo instead of what the signal would do:
 * signalfd(2). Blocks it in the calling thread, and it stays blocked; do that
 * before other threads start, which inherit it, or one of them gets the signal.
 * Several that come before one is taken are one, signal(7). A second call for
 * signo replaces the function. Returns 0, or -1 with errno: EINVAL, no such
 * signal, or SIGKILL or SIGSTOP; EMFILE, ENFILE, ENOMEM.
 */
int reactor_signal(struct reactor *reactor, int signo,
                   reactor_signal_function *function, void *data);

/*
 * Call function once from the loop, in the order of the calls; what it calls so
 * itself comes in a later turn. From any thread, as long as the reactor lives:
 * eventfd(2) wakes it. What the calling thread has written before, the function
 * sees. Not from a signal handler. Returns 0, or -1 with errno ENOMEM.
 */
int reactor_call(struct reactor *reactor, reactor_function *function,
                 void *data);

/*
 * Run until reactor_stop(). Returns 0, or -1 with errno if epoll_wait(2) fails
 * with anything but EINTR. May be called again; what was left of a turn is told
 * again.
 */
int reactor_run(struct reactor *reactor);

/*
 * Let reactor_run() return when the current callback has; if none runs, at
 * once when it is called. From another thread: reactor_call() something that
 * does it.
 */
void reactor_stop(struct reactor *reactor);

#endif
