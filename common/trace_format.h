/*
 * trace_format.h - converts an event to a line of text and a line of JSON.
 *
 * Both lines are made from one struct trace_event, so they cannot contradict
 * each other. Only common/ includes this file.
 */
#ifndef IOMUX_TRACE_FORMAT_H
#define IOMUX_TRACE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    LINE_SIZE = 2048,  /* of a line; the longest is far shorter */
    SOURCE_SIZE = 128, /* of the name of a scenario in it */
    SHOWN = 32,        /* bytes of a message that are printed */
    ESCAPED_SIZE = 4 * SHOWN + 32
};

/* The events of trace.h. */
enum event_kind {
    EVENT_LISTEN,
    EVENT_WAIT,
    EVENT_WOKE,
    EVENT_READY,
    EVENT_SUBMIT,
    EVENT_ACCEPT,
    EVENT_REFUSED,
    EVENT_RECV,
    EVENT_SEND,
    EVENT_END_OF_FILE,
    EVENT_AGAIN,
    EVENT_CTL,
    EVENT_CLOSE,
    EVENT_ERROR,
    EVENT_CONNECT,
    EVENT_SHUTDOWN,
    EVENT_STOP,
    EVENT_TIMER,
    EVENT_NOTE
};

/* One event. Its strings belong to the caller. */
struct trace_event {
    enum event_kind kind;
    const char *call;   /* name of the system call, or of the event */
    int fd;             /* or -1 */
    int error;          /* errno, or 0 */
    ssize_t bytes;      /* result of recv or send */
    size_t size;        /* bytes that send was given */
    size_t room;        /* bytes that recv was given room for, or 0 */
    const char *msg;    /* escaped bytes of the message, or NULL */
    int num;            /* ready descriptors, of "woke" */
    const char *op;     /* ADD of "ctl", or recv of "submit" */
    uint32_t events;    /* of "ready" and "ctl" */
    const char *remark; /* of "refused" and "note" */

    /* The thread of the event. */
    const char *who;       /* label, such as "[client 2]" */
    int client;            /* number of a client thread, or 0 */
    bool server;           /* it is a server thread */
    pid_t tid;             /* thread id */
    int name;              /* of the connection fd: N for cN, -N for xN, or 0 */
    const char *src;       /* FILE:LINE of the trace call, if source is NULL */
    const char *source;    /* file of trace_source(), or NULL */
    int source_line;       /* line in source */
    const char *waiting;   /* the wait that this event ends, or NULL */
    unsigned long omitted; /* EAGAIN lines omitted before this one */
};

/* A line under construction. */
struct line {
    size_t used; /* bytes of text, without the final '\0' */
    char text[LINE_SIZE];
};

/* Appends to the line like printf(3). Text that does not fit is truncated. */
void append(struct line *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Appends flags such as IN|HUP. poll(2) and epoll_ctl(2) use the same bits. */
void append_flags(struct line *line, uint32_t events);

/* Appends a text as the contents of a string of JSON. */
void append_json(struct line *line, const char *text);

/*
 * Copies the first bytes of a message, at most SHOWN of n, as printable ASCII.
 * Others are escaped (\n, \x1b), because the bytes of a client must neither
 * start a new line nor reach the terminal as a command. text has ESCAPED_SIZE
 * bytes. Returns text.
 */
const char *escape(const void *bytes, size_t n, char *text);

/* Formats the event as text, with a newline. */
void format_text(const struct trace_event *event, bool colour,
                 struct line *line);

/* Formats the event as JSON, with a newline. */
void format_json(const struct trace_event *event, struct line *line);

/* Returns the time of CLOCK_MONOTONIC in microseconds. */
long long now_us(void);

#endif
