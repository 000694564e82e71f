/*
 * client.h - a client that executes steps, such as "connect" or "send".
 *
 * In a scenario, the player gives each step to the client's thread, and no step
 * waits for the server. In a free run, the thread executes its own steps, and
 * each waits until the server has answered. player.c and free_run.c use this
 * file.
 */
#ifndef IOMUX_CLIENT_H
#define IOMUX_CLIENT_H

#include "address.h"
#include "scenario.h"
#include "trace_format.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * What the clients of a server that does not echo send and expect. request()
 * writes a request of at most size bytes to text and returns its length.
 * reply() is called with the first n bytes of the answer, at most 1,024. It
 * returns the length of the whole answer, or 0 if it needs more bytes to know,
 * or -1 if the answer is wrong.
 */
struct client_protocol {
    size_t (*request)(char *text, size_t size, int client, long number);
    ssize_t (*reply)(const char *bytes, size_t n);
};

struct client {
    /* Set by the user. */
    int number; /* N of cN */
    struct address address;
    bool lockstep; /* steps do not wait for the server */
    size_t size;   /* bytes of a message, or 0 for a greeting */
    const struct client_protocol *protocol; /* or NULL for an echo */

    /* The connection. */
    int fd; /* or -1 */
    bool connected;
    size_t sent, expected; /* position in the pattern, in bytes */

    /* The result of the last step. */
    bool ok;      /* the expectation is met */
    size_t moved; /* bytes that were sent or received */
    int error;    /* errno of a failed call, until a step expects it, or 0 */
    const char *failed_call;
    char got[ESCAPED_SIZE + 40]; /* describes what has arrived instead */

    /* The results of all exchanges. */
    long messages, answers;
    char problem[300]; /* a sentence, or "" */
};

/* What a client does with a step. */
typedef void client_action(struct client *client, const struct step *step);

/*
 * Executes a step of a client. The caller is the client's thread. An address
 * must be set before STEP_CONNECT. Sets the result.
 */
void client_step(struct client *client, const struct step *step);

/*
 * Traces what only the result of a step shows: that the call failed, or that a
 * send was short. In lock-step, this is done after the server has settled.
 */
void client_report(struct client *client, const struct step *step);

/* Returns whether client_report() has something to trace. */
bool client_has_report(const struct client *client, const struct step *step);

/* Sleeps for ms milliseconds, or until client_stop(). */
void client_pause(int ms);

/*
 * Ends pauses and connection attempts. A free run does not report failures of
 * clients after this. Async-signal-safe. May be called several times.
 */
void client_stop(void);

/* Returns true after client_stop(). */
bool client_stopped(void);

#endif
