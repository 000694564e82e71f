/*
 * asleep.h - finds out whether a thread of this process sleeps, and for how
 * long.
 *
 * Only lockstep.c includes this file.
 */
#ifndef IOMUX_ASLEEP_H
#define IOMUX_ASLEEP_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Returns true if a thread sleeps in a call that waits, or has ended. unnamed
 * is true if the thread has no role in the trace. ThreadSanitizer has such a
 * thread, which does nothing but sleep in nanosleep(2).
 */
bool thread_is_asleep(pid_t tid, bool unnamed);

enum { WITHOUT_TIMEOUT = -1, UNKNOWN_TIMEOUT = -2 }; /* instead of a time */

/*
 * Returns true if a thread sleeps in a select(2), a poll(2) or an
 * epoll_wait(2), and the time-out of this call in milliseconds. A time-out that
 * the thread has passed as a pointer is UNKNOWN_TIMEOUT.
 */
bool thread_timeout(pid_t tid, int *ms);

/*
 * Finds out whether this system shows that a thread sleeps in recv(2). It does
 * not if /proc belongs to another namespace, or if a translator such as
 * qemu-user runs the program.
 */
bool threads_are_visible(void);

#endif
