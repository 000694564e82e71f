/*
 * free_run.h - clients that run freely: each in a thread of its own, as fast as
 * it can.
 *
 * A client connects, exchanges its messages, half-closes, reads end of file and
 * closes. The last client stops the server.
 */
#ifndef IOMUX_FREE_RUN_H
#define IOMUX_FREE_RUN_H

#include "client.h"

#include <stdbool.h>
#include <stddef.h>

struct free_run {
    /* Set by the user. */
    const char *path; /* of the server, or @NAME, or tcp:PORT */
    int clients, messages, interval_ms, stagger_ms;
    size_t size; /* bytes of a message, or 0 for a greeting */
    const struct client_protocol *protocol; /* or NULL for an echo */
    bool server_here;                       /* the server is in this process */
    void (*finished)(void);                 /* called by the last client */
    void (*complain)(const char *sentence);

    /* The results. */
    int started; /* client threads that were created */
    long sent, answered;
    bool failed; /* a client has failed; complain() was called */
};

/*
 * Starts the client threads, which wait until the server waits for them. run
 * must stay valid until free_run_join(). Returns 0, or -1 after complain() if
 * there is no memory for the clients.
 */
int free_run_start(struct free_run *run);

/* Waits for all clients, complains of those that failed, sets the results. */
void free_run_join(struct free_run *run);

#endif
