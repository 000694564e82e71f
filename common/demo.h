/*
 * demo.h - main() of every stage, and the few helpers that a stage calls.
 *
 * A stage is one function, serve(), which it passes to demo_main(). demo_main()
 * does the work that no chapter teaches: options, the listening socket, client
 * threads, signals, stopping and the summary.
 */
#ifndef IOMUX_DEMO_H
#define IOMUX_DEMO_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Parses the command line, runs serve(listen_fd) in the calling thread and
 * each client in a thread of its own.
 *
 * listen_fd is a listening socket in blocking mode. The demo owns it, so
 * serve() must not close it. serve() returns 0 after demo_stopping() has become
 * true and all clients are closed. It returns -1 with errno if it cannot start
 * or if its wait fails. It must then have closed what it opened itself. The
 * demo closes the connections. Nothing that a client does may make it return.
 *
 * Returns the exit status: 0 if every message was echoed and every connection
 * closed, 1 if something failed, 2 if the command line is wrong. In the last
 * two cases it has printed the reason on standard error. If a signal stopped
 * the clients early, it does not return but ends the process by that signal.
 */
int demo_main(int argc, char **argv, int (*serve)(int listen_fd));

/* The side that an option is for. */
enum demo_side { DEMO_SERVER, DEMO_CLIENTS, DEMO_BOTH };

/*
 * An option of the command line. Exactly one of number, text and flag is not
 * NULL, and the variable it points to holds the default until the option is
 * parsed. A text is not copied, because it is part of argv.
 */
struct demo_option {
    const char *name;     /* "workers" for --workers */
    char letter;          /* 'w' for -w, or '\0' */
    const char *argument; /* "N", as printed by --help */
    const char *help;     /* one line for --help, which adds the default */
    long min, max;        /* range of a number */
    long *number;         /* variable to set, or NULL */
    const char **text;    /* variable to set, or NULL */
    bool directory;       /* the text must be the path of a directory */
    bool *flag;           /* variable to set to true, or NULL */
    enum demo_side side;  /* the options of one stage are for its server */
};

/*
 * Like demo_main(), for a stage with its own options. count is at most 8.
 * common/options.c lists which stage has which option, so that the error
 * message of another stage can name the right one.
 */
int demo_main_with(int argc, char **argv, int (*serve)(int listen_fd),
                   const struct demo_option *options, size_t count);

/*
 * Sets what the client threads send and expect, for a stage that does not echo
 * (see client.h). Must be called before demo_main(). The default, NULL, is the
 * echo protocol.
 */
struct client_protocol;
void demo_protocol(const struct client_protocol *protocol);

/*
 * Returns true once the program is stopping. From then on no wait blocks,
 * because the listening socket and all connections are shut down, as if every
 * client had left. After demo_drain(), the connections may still be open.
 */
bool demo_stopping(void);

/*
 * Explains why the system refuses io_uring, with the errno value of its set-up.
 * The sentence is printed when serve() returns -1. Sets errno to error.
 */
void demo_io_uring_refused(int error);

/*
 * Gives the stage time to end its connections itself. A stop still shuts down
 * the listening socket at once, but the connections only ms milliseconds later.
 * Must be called before the first accept.
 */
void demo_drain(long ms);

/* The size of a receive buffer in bytes, and the most events that one
 * epoll_wait returns. */
enum { BUFFER_SIZE = 4096, MAX_EVENTS = 64 };

#endif
