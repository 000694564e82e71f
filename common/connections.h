/*
 * connections.h - the connections of the server: their names, and how the
 * program stops.
 *
 * connections_observe() makes this module an observer of the trace, so a stage
 * registers a connection with trace_accept() and unregisters it with
 * trace_close(). A stop shuts all of them down. To a stage this looks as if
 * every client had left, so it needs no code for stopping.
 */
#ifndef IOMUX_CONNECTIONS_H
#define IOMUX_CONNECTIONS_H

#include <stdbool.h>

/* Which clients get their own names. That costs one or two system calls. */
enum connection_names {
    NO_NAMES,
    OWN_NAMES, /* the clients of this process */
    ALL_NAMES  /* those of other iomux programs as well */
};

/*
 * Sets the hooks of trace.h. If idle is true, also follows the waits of the
 * server, which connections_await_idle() needs. Must be called before
 * trace_start().
 */
void connections_observe(enum connection_names names, bool idle);

/*
 * The two hooks. connection_opened() registers fd and gives it a name. The name
 * is cN if the peer is client thread N of an iomux program and no other
 * connection has this name. Otherwise it is the next of x1, x2 and so on. After
 * connections_shut_down(), connection_opened() shuts the connection down at
 * once.
 */
void connection_opened(int fd);
void connection_closing(int fd);

/* Returns how many connections are registered. */
int connections_count(void);

/* Returns a number that is greater than all registered descriptors. */
int connections_end(void);

/* Returns true once the program is stopping. */
bool connections_stopping(void);

/*
 * Stops the server. The trace prints "stop". Every wait of the server ends,
 * because its listening socket listen_fd is shut down (unless it is -1).
 * Async-signal-safe. May be called from any thread, several times.
 */
void connections_stop(int listen_fd);

/*
 * Shuts all registered connections down (shutdown(2)), and those that are
 * registered later. Must be called from a thread that shares the server's
 * descriptors. Async-signal-safe.
 */
void connections_shut_down(void);

/* Closes all registered connections, after the server has ended. */
void connections_close(void);

/* Notes that the server has ended, and wakes the threads that wait for this. */
void connections_server_ended(void);

/* Returns true once the server has ended. */
bool connections_ended(void);

/* Waits until the server has ended, at most limit_s seconds. Returns false if
 * it has not. */
bool connections_await_end(int limit_s);

/*
 * connections_await_start() blocks until the server has begun its first wait.
 * connections_await_idle() blocks until the server waits and has no client.
 * Both also return when the server has ended, or after one second. A free run
 * calls the first before its clients connect, and the second before the stop.
 * So a trace begins and ends the same way in every run.
 */
void connections_await_start(void);
void connections_await_idle(void);

#endif
