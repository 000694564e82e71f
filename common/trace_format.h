/*
 * trace_format.h - how an event reads, as a line of text and of JSON.
 *
 * Inside common/ only. Both lines are made of one struct event, so they
 * cannot tell two stories.
 */
#ifndef IOMUX_TRACE_FORMAT_H
#define IOMUX_TRACE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    LINE_SIZE = 1024, /* of a line; the longest is far shorter */
    SHOWN = 32,       /* bytes of a message that are printed */
    ESCAPED_SIZE = 4 * SHOWN + 32
};

/* The vocabulary of trace.h. */
enum kind {
    LISTEN,
    WAIT,
    WOKE,
    READY,
    ACCEPT,
    REFUSED,
    RECV,
    SEND,
    END_OF_FILE,
    AGAIN,
    CTL,
    CLOSE,
    ERROR,
    CONNECT,
    SHUTDOWN,
    STOP,
    TIMER,
    NOTE
};

/* One event. Its strings belong to the caller. */
struct event {
    enum kind kind;
    const char *call;   /* the system call, or the word of the event */
    int fd;             /* -1: none */
    int error;          /* errno, 0: none */
    ssize_t bytes;      /* recv, send: the result */
    size_t asked;       /* send: how many it was asked for */
    const char *msg;    /* recv, send: the message, escaped; NULL: none */
    int num;            /* woke: how many are ready */
    const char *op;     /* ctl: ADD, MOD, DEL */
    uint32_t events;    /* ready, ctl */
    const char *remark; /* refused, note */

    /* Who speaks. */
    const char *who;        /* "[client 2]" */
    bool server;            /* one of the server's threads */
    pid_t tid;              /* its thread id */
    int name;               /* of the connection fd: N for cN, -N for xN */
    const char *src;        /* FILE:LINE of the trace call */
    const char *waiting;    /* the wait that this ends; NULL: none */
    unsigned long left_out; /* EAGAINs left out since the thread's last line */
};

/* A line that is being made. */
struct line {
    size_t used; /* bytes of text, without the final '\0' */
    char text[LINE_SIZE];
};

/* printf behind what is in the line; cuts what has no room there. */
void append(struct line *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * The first bytes of a message as printable ASCII, at most SHOWN of n, into
 * text of ESCAPED_SIZE: \n, \x1b, ..., so that what a client sent can neither
 * start a new line nor drive the terminal. Returns text.
 */
const char *escape(const void *bytes, size_t n, char *text);

/* Make the line of text, with its newline. */
void format_text(const struct event *event, bool colour, struct line *line);

/* The same for JSON. */
void format_json(const struct event *event, struct line *line);

/* Now, in microseconds of CLOCK_MONOTONIC. */
long long now_us(void);

#endif
