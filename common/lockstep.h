/*
 * lockstep.h - makes the server's threads print their lines in an order that
 * does not depend on chance, and finds out when the server has settled.
 *
 * The player of a scenario uses it. It observes the trace: before each line, a
 * server thread asks for a turn. The player gives turns one at a time, and only
 * when every other thread sleeps in a call that waits, or waits for a turn. The
 * next turn goes to the thread that had the last one, as long as it does not
 * begin a wait, then to the thread whose last wait began first, and last to new
 * threads, by number. So nothing depends on which thread is faster. A server
 * with one thread needs no turns.
 */
#ifndef IOMUX_LOCKSTEP_H
#define IOMUX_LOCKSTEP_H

#include <stdbool.h>

/*
 * Sets the hooks of trace.h. From now on threads wait for their turns. Must be
 * called before trace_start().
 */
void lockstep_observe(void);

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
 * Gives turns until the server has settled: twice in a row every server thread
 * sleeps in a call that waits, or is held, or (stage 03) has scanned all its
 * clients twice in vain, with no line in between. interrupted may be called
 * many times a second.
 */
enum settled lockstep_settle(int limit_s, bool (*interrupted)(void));

#endif
