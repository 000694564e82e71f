/*
 * stopping.h - how a stage stops.
 *
 * All stages stop in the same way. A flag is set, and then the listening socket
 * and all connections are shut down. This ends every wait of the server, and
 * every wait that it is about to begin. A signal handler does this, and so does
 * the last client of a run. With stop_drain(), some time passes before the
 * connections are shut down.
 */
#ifndef IOMUX_STOPPING_H
#define IOMUX_STOPPING_H

#include "listener.h"

#include <signal.h>
#include <sys/types.h>

/*
 * Handles SIGINT, SIGTERM and SIGHUP. The first signal stops the program, and
 * the second one ends it at once. If five seconds pass in which the program
 * neither ends nor closes a connection, the first signal ends it too. So the
 * signals always work. Such an end removes the files of listener, which may not
 * be open yet.
 */
void stop_handle_signals(const struct listener *listener);

/*
 * For a program without a server: SIGINT, SIGTERM and SIGHUP end it at once,
 * even if the parent has blocked or ignored the signals.
 */
void stop_default_signals(void);

/*
 * From now on, a stop shuts down the connections ms milliseconds later than the
 * listening socket. The five seconds begin when the connections are shut down.
 */
void stop_drain(long ms);

/*
 * Sets the listening socket that a stop shuts down, or NULL. If the program is
 * stopping already, shuts it down.
 */
void stop_set_listener(const struct listener *listener);

/*
 * Stops the program. Must be called from a thread that shares the server's
 * descriptors. Async-signal-safe.
 */
void stop_now(void);

/*
 * Makes the main thread stop the program and shut down all connections, even
 * after stop_drain(). May be called from any thread.
 */
void stop_request(void);

/*
 * Sends SIGTERM to the main thread, for a scenario: it stops the server as
 * usual, but the clients continue. May be called from any thread.
 */
void stop_by_scenario(void);

/* Blocks all signals that handlers are installed for, and returns the mask
 * before in *before. Threads that are created then never run a handler. */
void stop_block_signals(sigset_t *before);

/* Restores the mask. */
void stop_restore_signals(const sigset_t *before);

/* Ends the process by the signal that has stopped the program, if there was
 * one. */
void stop_end_by_signal(void);

/*
 * Continues the program in a child process. The parent passes signals on to the
 * child, and ends with its exit status or signal. A program that stops itself
 * with SIGSTOP needs this. Otherwise the shell would react as to Ctrl-Z,
 * because its own child has stopped. Returns 0 in the child, or -1 with errno
 * of fork(2). Does not return in the parent.
 */
int stop_continue_in_child(void);

#endif
