/*
 * scenario.h - a story for the clients, played in lock-step with the server.
 *
 * Free-running threads tell another story each time. A scenario is a file of
 * steps; after each the player waits until the server has settled: its threads
 * sleep in the kernel, and no event came since. So the same file gives the
 * same trace, byte for byte.
 *
 *     # a comment, to the end of the line
 *     c1 connect               a client thread connects; it is called c1
 *     c1 connect-nonblocking   the same, but where that would wait, EAGAIN
 *     c1 send "text\n"         escapes: \n \r \t \0 \\ \" \xNN
 *     c1 send 4096             so many bytes of a pattern; what fits is sent
 *     c1 send-oob X            one byte, MSG_OOB
 *     c1 expect "text"         these bytes come next
 *     c1 expect 4096           the next so many bytes of the pattern
 *     c1 expect-eof            the server sends no more
 *     c1 expect-error NAME     the last call, or the next recv, fails so
 *     c1 expect-nothing        nothing has come
 *     c1 shutdown              half-close: c1 sends no more
 *     c1 close                 the end
 *     c1 abort                 the end, with data unread: ECONNRESET
 *     hold                     the server will stop before its next wait
 *     release                  it goes on
 *     signal stop              the process stops, as by Ctrl-Z, ...
 *     signal cont              ... and goes on, as by fg
 *     room 2                   the server can open two more descriptors
 *     await-timer              the server's next timer has fired
 *     repeat 3 {               so often what stands up to the }
 *     }
 *     note some words          a line for the trace
 *
 * A client reads only in expect: what it does not expect stays in its socket,
 * so a slow reader needs no verb. What the server has sent by several sends is
 * expected one by one: to stage 08 each that is read is an edge of its own, or
 * not, by chance. Who is still connected at the end is closed, in the order of
 * their numbers. To send more than a socket takes while the server runs would
 * be a race between the two: hold it, or send in a repeat.
 */
#ifndef IOMUX_SCENARIO_H
#define IOMUX_SCENARIO_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

enum { MOST_CLIENTS = 200, MOST_NESTED = 8 };

enum verb {
    CONNECT_STEP,
    CONNECT_NONBLOCKING,
    SEND_STEP,
    SEND_OOB,
    EXPECT,
    EXPECT_EOF,
    EXPECT_ERROR,
    EXPECT_NOTHING,
    SHUTDOWN_STEP,
    CLOSE_STEP,
    ABORT,
    HOLD,
    RELEASE,
    SIGNAL_STOP,
    SIGNAL_CONT,
    ROOM,
    AWAIT_TIMER,
    REPEAT,
    REPEAT_END,
    NOTE_STEP
};

struct step {
    enum verb verb;
    int line;     /* in the file */
    int client;   /* N of cN; 0: a step of the player */
    size_t size;  /* bytes to send or expect; room; times to repeat */
    char *bytes;  /* these, owned; NULL: of the pattern. A note's text */
    int error;    /* expect-error: the errno */
    size_t other; /* a repeat's end, an end's repeat: index in steps */
};

struct scenario {
    char *name; /* of the file */
    struct step *steps;
    size_t count;
    int clients; /* the highest N of cN */
    long sends;  /* played; for the summary */
};

/* Where a file is wrong, or a play went wrong: a sentence for the user. */
struct scenario_problem {
    char text[PATH_MAX + 400];
};

/*
 * Parse a file. Returns the scenario, to be freed with scenario_free(), or
 * NULL with the problem: FILE:LINE: what is wrong and what would be right.
 */
struct scenario *scenario_read(const char *path,
                               struct scenario_problem *problem);

/* The same for a text of size bytes; name is what problems call it. */
struct scenario *scenario_parse(const char *name, const char *text, size_t size,
                                struct scenario_problem *problem);

/* NULL is no error. */
void scenario_free(struct scenario *scenario);

/*
 * Play it against the server of this process, which listens on path, from the
 * calling thread. Returns 0, or -1 with the problem: a step that does not come
 * to rest, or an expectation that is not met. All clients are closed then.
 */
int scenario_play(struct scenario *scenario, const char *path,
                  struct scenario_problem *problem);

/* Let scenario_play() end soon, and without a problem. From any thread. */
void scenario_stop(void);

#endif
