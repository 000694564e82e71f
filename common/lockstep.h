/*
 * lockstep.h - makes the server's threads print their lines in an order that
 * does not depend on chance, and finds out when the server has settled.
 *
 * The player of a scenario uses it. It observes the trace: before each line, a
 * server thread waits for its turn. The player gives turns one at a time, and
 * only when every other thread sleeps in a call that waits, or waits for a
 * turn.
 *
 * A thread keeps the turn until it begins a wait. The next turn goes to the
 * thread that began its last wait earliest. New threads follow, in the order of
 * their numbers. So the order does not depend on which thread is faster. A
 * server with one thread needs no turns.
 */
#ifndef IOMUX_LOCKSTEP_H
#define IOMUX_LOCKSTEP_H

#include <stdbool.h>

struct line; /* of trace_format.h */

/*
 * Sets the hooks of trace.h. From now on threads wait for their turns.
 * observer, or NULL, is called from the thread of the player in each
 * lockstep_settle(), when the server has settled. In all but the first, it is
 * also called before any thread has a turn, as soon as all threads are quiet.
 * Must be called before trace_start().
 */
void lockstep_observe(void (*observer)(void));

/*
 * Appends a field such as "server":1000 for each server thread that sleeps in
 * select, poll or epoll_wait. This is the time-out in milliseconds, -1 for none
 * or null if it is unknown. For the observer.
 */
void lockstep_timeouts(struct line *line);

/*
 * Prepares the thread of the player for lockstep_settle(). Checks that this
 * system shows what a thread does. Returns NULL, or a sentence that says why
 * lock-step is not possible.
 */
const char *lockstep_begin(void);

/* Ends lock-step. From now on no thread waits for a turn. */
void lockstep_end(void);

/* While hold is true, no thread gets a turn to begin a wait. */
void lockstep_hold(bool hold);

enum settled {
    SETTLED,     /* the server waits for a client */
    NOT_SETTLED, /* it did not settle within limit_s seconds */
    INTERRUPTED  /* interrupted() returned true */
};

/*
 * Gives turns until the server has settled. It has settled when every server
 * thread sleeps in a call that waits, or is held. This must be so twice in a
 * row with no line in between. Stage 03 never sleeps, so it has settled after
 * two scans that find nothing. interrupted may be called many times a second.
 */
enum settled lockstep_settle(int limit_s, bool (*interrupted)(void));

#endif
