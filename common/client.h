/*
 * client.h - one client, in a thread of its own.
 *
 * It connects, sends its messages one by one, and reads each echo while it
 * still sends, so that a message may be larger than any buffer on the way. It
 * compares byte by byte, half-closes when it has sent all, waits for the
 * server's end-of-file, and remembers what was missing.
 *
 * Left out: clients that misbehave. Those are in tests/hazard.py.
 */
#ifndef IOMUX_CLIENT_H
#define IOMUX_CLIENT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * What a client says if its server is no echo. text has room for 64 bytes;
 * request() fills some of them and returns how many. reply() is asked while an
 * answer comes, with the n bytes that are here, at most 1,024: it returns how
 * long the whole answer will be, 0 if that cannot be known yet, and -1 if it
 * is not the answer that was asked for.
 */
struct client_protocol {
    size_t (*request)(char *text, size_t size, int client, long number);
    ssize_t (*reply)(const char *bytes, size_t n);
};

/* What one client is to do, and, once it has ended, what came of it. */
struct client {
    /* Filled in by the caller. */
    int number;         /* 1, 2, ...: it is called c1, c2, ... on both sides */
    const char *path;   /* of the server, or @NAME; belongs to the caller */
    int messages;       /* how many it sends */
    size_t size;        /* of a message in bytes; 0: just its greeting */
    int interval_ms;    /* pause between two messages */
    int delay_ms;       /* pause before the first, after the start */
    void (*done)(void); /* called by its thread at the end */
    const struct client_protocol *protocol; /* NULL: it is an echo */

    /* Filled in by the client. */
    long sent, echoed; /* whole messages */
    char problem[200]; /* a sentence, or "" */

    /* Its own. */
    pthread_t thread;
    int fd;
};

/*
 * Create the thread; it waits for client_go(). The struct must stay until
 * client_join(). Returns 0, or an errno value of pthread_create(3).
 */
int client_start(struct client *client);

/* Let all clients go at once: they wait behind one barrier. */
void client_go(void);

/* Wait for the end of its thread. */
void client_join(struct client *client);

/* The end is near: what clients miss from now on is no problem of theirs. */
void client_expect_end(void);

/* End all clients, whatever they wait for; after client_expect_end(). */
void client_stop(struct client *clients, int count);

#endif
