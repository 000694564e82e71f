/*
 * states.h - what the kernel holds of the server's descriptors, for --states.
 *
 * Between two lines of a trace, the kernel holds unread bytes, the interest
 * list and the ready list: a state. With --states, the JSON trace has a line
 * with the state whenever it has changed. Nothing here consumes a byte or an
 * edge.
 *
 * It works in lock-step only, where no thread acts while a state is taken.
 */
#ifndef IOMUX_STATES_H
#define IOMUX_STATES_H

/* Sets the hook of trace.h. Must be called before trace_start(). */
void states_observe(void);

/*
 * Starts a thread that takes states for the player, which has a table of
 * descriptors of its own. The caller has the server's table. listen_fd is the
 * listening socket. Returns 0, or an errno value of pthread_create(3).
 */
int states_start(int listen_fd);

/* Takes a state now. For a thread with another table of descriptors. */
void states_request(void);

/* Ends the thread. Nothing happens if it was not started. */
void states_end(void);

#endif
