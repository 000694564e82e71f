/*
 * demo.h - main() of every stage, and the few things a stage asks of it.
 *
 * A stage is one function, serve(), and hands it to demo_main(), which does
 * what is no lesson: options, the listening socket, the client threads,
 * signals, stopping, the summary.
 */
#ifndef IOMUX_DEMO_H
#define IOMUX_DEMO_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Parse the command line and run: the server, serve(listen_fd), in the calling
 * thread, each client in one of its own. listen_fd listens already and is
 * blocking; it stays the demo's, serve() does not close it. serve() returns 0
 * once demo_stopping() is true and it has closed all its clients, or -1 with
 * errno if it cannot even begin. What a client can cause never ends it.
 *
 * Returns the exit status: 0 all echoed and everything closed, 1 something
 * failed, 2 the command line is wrong; with a sentence on standard error.
 */
int demo_main(int argc, char **argv, int (*serve)(int listen_fd));

/*
 * An option that one stage has and others have not, with a number or a text
 * for its server. What number or text points to holds the default until the
 * option is given; a text is the argument itself, which lasts. All strings are
 * literals. In common/demo.c stands which stage has which, so that another
 * stage can say where the option belongs.
 */
struct demo_option {
    const char *name;     /* "workers": --workers */
    char letter;          /* 'w': -w; '\0': none */
    const char *argument; /* "N", as --help calls it */
    const char *help;     /* some words; --help adds the default */
    long least, most;     /* of a number */
    long *number;         /* NULL: it is a text, ... */
    const char **text;    /* ... and goes here; NULL there: no default */
    bool directory;       /* a text must be the path of one */
};

/* As demo_main(), for a stage with count options of its own, at most 8. */
int demo_main_with(int argc, char **argv, int (*serve)(int listen_fd),
                   const struct demo_option *options, size_t count);

/*
 * What the client threads of this stage say, if its server is no echo: see
 * client.h. Before demo_main(). NULL, the default: they want an echo.
 */
struct client_protocol;
void demo_protocol(const struct client_protocol *protocol);

/*
 * True once the program is to end. From then on no wait lasts: the listening
 * socket and all connections are shut down, as if every client had left.
 */
bool demo_stopping(void);

/*
 * True if error is one of those with which accept4(2) says that there is no
 * descriptor or no memory left: EMFILE, ENFILE, ENOBUFS, ENOMEM. The
 * connection still waits in the backlog and the listening socket stays ready,
 * so to ask again at once would be to spin.
 */
bool demo_no_room(int error);

/*
 * How long to wait in milliseconds before asking again, when room may come
 * without one of our clients leaving: no client is left, or it is the whole
 * system that has none (any of those errors but EMFILE).
 */
enum { DEMO_RETRY_MS = 100 };

/* The bytes that a stage receives at once, the events of one epoll_wait. */
enum { BUFFER_SIZE = 4096, MAX_EVENTS = 64 };

#endif
