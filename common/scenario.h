/*
 * scenario.h - a script for the clients, played in lock-step with the server.
 *
 * Clients that run freely produce a different trace in each run. A scenario is
 * a file of steps. After each step the player waits until the server has
 * settled, which means that all its threads sleep in a call that waits. So the
 * same file always produces the same trace.
 *
 *     # a comment, to the end of the line
 *     c1 connect               client thread 1 connects; its name is c1
 *     c1 connect-nonblocking   the same, but fails with EAGAIN, not block
 *     c1 send "text\n"         escapes: \n \r \t \0 \\ \" \xNN
 *     c1 send 4096             that many bytes of a pattern, or as many as fit
 *     c1 send-oob X            one byte, with MSG_OOB
 *     c1 expect "text"         these bytes arrive next
 *     c1 expect 4096           that many bytes of the pattern arrive next
 *     c1 expect-eof            the server sends no more
 *     c1 expect-error NAME     the last call, or the next recv, fails with NAME
 *     c1 expect-nothing        no byte has arrived
 *     c1 shutdown              half-close: c1 sends no more
 *     c1 close                 c1 closes its connection
 *     c1 abort                 c1 closes, and the server gets ECONNRESET
 *     hold                     the server stops before its next wait, ...
 *     release                  ... and continues
 *     signal stop              the process is stopped, as with Ctrl-Z, ...
 *     signal cont              ... and continued, as with fg
 *     signal term              the server gets SIGTERM; the clients continue
 *     room 2                   the server can open two more descriptors
 *     await-timer              waits until the server's next timer has expired
 *     repeat 3 {               plays the steps up to the } three times
 *     }
 *     note some words          a line for the trace
 *
 * A client reads only in expect. Bytes that it does not expect stay in its
 * socket, so a slow reader needs no verb of its own. If the server sends bytes
 * in several calls, write one expect for each call. Otherwise a recv of the
 * client may or may not cause an edge in stage 08. Clients that are connected
 * at the end are closed in the order of their numbers. If a client sends more
 * bytes than its socket holds, the result depends on how fast the server reads
 * meanwhile. To avoid this, use hold, or send in a repeat.
 */
#ifndef IOMUX_SCENARIO_H
#define IOMUX_SCENARIO_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

enum { SCENARIO_MAX_CLIENTS = 200, SCENARIO_MAX_NESTED = 8 };

enum verb {
    /* Steps of a client. */
    STEP_CONNECT,
    STEP_CONNECT_NONBLOCKING,
    STEP_SEND,
    STEP_SEND_OOB,
    STEP_EXPECT,
    STEP_EXPECT_EOF,
    STEP_EXPECT_ERROR,
    STEP_EXPECT_NOTHING,
    STEP_SHUTDOWN,
    STEP_CLOSE,
    STEP_ABORT,
    STEP_EXCHANGE, /* sends a message and reads its echo; only in free runs */

    /* Steps of the player. */
    STEP_HOLD,
    STEP_RELEASE,
    STEP_SIGNAL_STOP,
    STEP_SIGNAL_CONT,
    STEP_SIGNAL_TERM,
    STEP_ROOM,
    STEP_AWAIT_TIMER,
    STEP_REPEAT,
    STEP_REPEAT_END,
    STEP_NOTE
};

struct step {
    enum verb verb;
    int line;     /* line number in the file */
    int client;   /* N of cN, or 0 for a step of the player */
    size_t size;  /* bytes to send or expect; count of room and repeat */
    char *bytes;  /* bytes to send or expect, or NULL for the pattern; text of
                     a note; owned by the scenario */
    int error;    /* errno of expect-error */
    size_t other; /* index of the end of a repeat, or of the repeat of an end */
};

struct scenario {
    char *name; /* of the file */
    struct step *steps;
    size_t count;
    int clients; /* the highest N of cN */
    bool stops;  /* it has a step "signal stop" */
    long sends;  /* sends that were played, for the summary */
};

/* Why a file is wrong, or why it could not be played. */
struct scenario_error {
    char text[PATH_MAX + 400];
};

/*
 * Reads and parses a file. Returns the scenario, which the caller frees with
 * scenario_free(), or NULL with *error set to "FILE:LINE: " and a sentence.
 */
struct scenario *scenario_read(const char *path, struct scenario_error *error);

/* Parses a text of size bytes in the same way. name is used in errors. */
struct scenario *scenario_parse(const char *name, const char *text, size_t size,
                                struct scenario_error *error);

/* Frees a scenario. NULL is allowed. */
void scenario_free(struct scenario *scenario);

#endif
