/*
 * trace.h - prints what a program does, one event per line.
 *
 * A stage makes a system call and, on the next line, passes the result to the
 * trace:
 *
 *     ssize_t n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
 *     trace_recv(fd, buffer, n);
 *
 * A trace function counts the call and prints one line on standard output and,
 * with --json, one line of JSON. It distinguishes data, end of file, EAGAIN
 * and other errors itself, so a stage needs no branch for its trace. It leaves
 * errno unchanged.
 *
 * The vocabulary is closed. These are all the events:
 *
 *     listen    a socket is listening               listen fd:3
 *     wait      about to make a call that may block epoll_wait...
 *     woke      that call has returned              epoll_wait done, num:2
 *     ready     one descriptor that it reported       fd:6 (c1) IN|HUP
 *     submit    about to hand a request to the kernel submit recv fd:6 (c1)
 *     accept    a connection was accepted           =====> accept new ...
 *     refused   about to close a new connection     refuse clientfd:1024 ...
 *     recv      bytes were received                 recv from clientfd:6 ...
 *     send      bytes were sent                     send to clientfd:6 ...
 *     eof       end of file: the peer sends no more recv from ..., eof
 *     again     EAGAIN: the call would have blocked recv from ..., EAGAIN
 *     ctl       the interest list was changed       epoll_ctl ADD fd:6 ...
 *     close     about to close a connection         close clientfd:6 (c1)
 *     timer     a timer has expired                 timer
 *     error     any other errno, by name            recv from ..., ECONNRESET
 *     connect, shutdown                             printed by clients
 *     stop      the demo shuts all connections down stop
 *     note      a remark                            note ...
 *
 * If the calls of one thread fail with EAGAIN several times in a row, only the
 * first is printed. Otherwise the trace of stage 03, which polls without a
 * pause, would be unreadable. The same holds if one call fails several times
 * with another error. In JSON, the next event has the number of omitted EAGAIN
 * lines in its field "again".
 *
 * Other parts of common/ observe the trace (see struct trace_hooks). The trace
 * itself controls nothing.
 *
 * There are no log levels, filters or formats, because traces that can be
 * configured cannot be compared.
 */
#ifndef IOMUX_TRACE_H
#define IOMUX_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct trace_options {
    const char *program;  /* name in the summary, such as "06-epoll-lt" */
    char **argv;          /* the command line, for JSON */
    const char *scenario; /* path of the scenario, or NULL */
    const char *done;     /* verb in the summary: messages are "echoed" */
    bool quiet;           /* print no events on standard output */
    bool silent;          /* print nothing on standard output */
    int json_fd;          /* descriptor for JSON Lines, or -1 */
    void (*failed)(void); /* called once, from any thread, if a write fails;
                             must not trace */
};

/*
 * Starts printing. Earlier events are only counted. The strings in options
 * belong to the caller and must stay valid until trace_end().
 *
 * Changes two signals of the process permanently. SIGXFSZ is ignored. SIGPIPE
 * gets a handler, so that a failed write of the trace returns EPIPE, while any
 * other SIGPIPE still ends the process.
 */
void trace_start(const struct trace_options *options);

/* Returns the errno of the first write of the trace that failed, or 0. */
int trace_error(void);

/* Readable, for select(2), which has no event flags. Equal to POLLIN and
 * EPOLLIN. */
enum { TRACE_IN = 0x001 };

/* --- threads ------------------------------------------------------------- */

enum trace_role {
    TRACE_SERVER, /* [server], the thread that calls serve() */
    TRACE_THREAD, /* [thread 1], which serves one client */
    TRACE_WORKER, /* [worker 2], one of several that serve all */
    TRACE_CLIENT, /* [client 3]; this and the next are not server threads */
    TRACE_PLAYER, /* [player], which plays a scenario */
    TRACE_DEMO    /* [demo], all others */
};

/*
 * Sets the role of the calling thread, and its number unless that is 0. Both
 * form the label of its lines. Only the calls of server threads are counted.
 */
void trace_thread(enum trace_role role, int number);

/* Makes the calling thread the TRACE_THREAD that serves client_fd, with the
 * number of this client. */
void trace_thread_for(int client_fd);

/*
 * The lines that the calling thread prints from now on belong to a line of a
 * file, which is their "src" in JSON, unless the path is very long. file must
 * stay valid while the thread prints.
 */
void trace_source(const char *file, int line);

/* --- events of a server -------------------------------------------------- */

/*
 * Each function takes the result of the system call on the line above,
 * including -1, and leaves errno unchanged. The macros only add the source
 * line, which is "src" in JSON.
 */
#define trace_listen(fd, result) trace_listen_at(TRACE_HERE, fd, result)
#define trace_wait(call)         trace_wait_at(TRACE_HERE, call)
#define trace_woke(call, num)    trace_woke_at(TRACE_HERE, call, num)
#define trace_ready(fd, events)  trace_ready_at(TRACE_HERE, fd, events)
#define trace_submit(op, fd)     trace_submit_at(TRACE_HERE, op, fd)
#define trace_accept(fd)         trace_accept_at(TRACE_HERE, fd)
#define trace_refused(fd, why)   trace_refused_at(TRACE_HERE, fd, why)
#define trace_recv(fd, buffer, n)                                              \
    trace_recv_at(TRACE_HERE, fd, buffer, TRACE_ROOM(buffer), n)
#define trace_send(fd, size, n) trace_send_at(TRACE_HERE, fd, size, n)
#define trace_ctl(op, fd, events, res)                                         \
    trace_ctl_at(TRACE_HERE, op, fd, events, res)
#define trace_arming(op, fd, events) trace_arming_at(TRACE_HERE, op, fd, events)
#define trace_close(fd)              trace_close_at(TRACE_HERE, fd)
#define trace_timer()                trace_timer_at(TRACE_HERE)
#define trace_note(text)             trace_note_at(TRACE_HERE, text)

/* listen(2) on fd returned result. */
void trace_listen_at(const char *src, int fd, int result);

/* The thread is about to make a call that may block. call is its name, a
 * string literal. */
void trace_wait_at(const char *src, const char *call);

/* select, poll or epoll_wait returned num, or io_uring_enter(2) has found num
 * results. */
void trace_woke_at(const char *src, const char *call, int num);

/* That call reported fd. events are POLL... or EPOLL... flags, which have the
 * same values. */
void trace_ready_at(const char *src, int fd, uint32_t events);

/* A request for op on fd, for example for "recv", will be submitted by the next
 * io_uring_enter(2). op is a string literal. The functions below print the
 * result. */
void trace_submit_at(const char *src, const char *op, int fd);

/*
 * accept4(2) returned fd. connections.h says how the connection is named. A
 * client thread of this program has the same number on both sides, so c2 is
 * [client 2].
 */
void trace_accept_at(const char *src, int fd);

/* The server is about to close fd, which it has just accepted. why is the
 * reason in a few words, a string literal. */
void trace_refused_at(const char *src, int fd, const char *why);

/*
 * recv(2) returned n and stored the bytes in buffer. They are printed escaped
 * and truncated, because a client could otherwise forge a line of the trace or
 * send commands to the terminal. room is the size of the buffer in bytes, or
 * 0 if the compiler does not know it.
 */
void trace_recv_at(const char *src, int fd, const void *buffer, size_t room,
                   ssize_t n);

/* send(2) of size bytes returned n. */
void trace_send_at(const char *src, int fd, size_t size, ssize_t n);

/* epoll_ctl(2) returned result for op (EPOLL_CTL_ADD, ...) on fd. */
void trace_ctl_at(const char *src, int op, int fd, uint32_t events, int result);

/*
 * The thread is about to call epoll_ctl(2), and other threads wait on the same
 * epoll instance. The line is printed before the call, because another thread
 * may receive the event and print it at once. If the call then fails, use
 * trace_failed().
 */
void trace_arming_at(const char *src, int op, int fd, uint32_t events);

/*
 * The thread is about to close(2) a connection. The line is printed before the
 * call, because another thread may accept a connection with the same
 * descriptor number at once.
 */
void trace_close_at(const char *src, int fd);

/* A timer has expired, and its function is about to be called. */
void trace_timer_at(const char *src);

/* Prints a remark. text is printable ASCII without " and \, because it is not
 * escaped. */
void trace_note_at(const char *src, const char *text);

/* Stage 03 has tried all its clients once. Prints nothing, but counts the scan
 * and whether any call succeeded. */
void trace_scan(void);

/* --- events of a client -------------------------------------------------- */

/*
 * These lines are printed before the system call, because the server may react
 * before the client could print its next line. Clients also use trace_recv(),
 * trace_close() and trace_failed().
 */
#define trace_connect(fd)           trace_connect_at(TRACE_HERE, fd)
#define trace_sending(fd, bytes, n) trace_sending_at(TRACE_HERE, fd, bytes, n)
#define trace_shutdown(fd)          trace_shutdown_at(TRACE_HERE, fd)
#define trace_failed(call, fd)      trace_failed_at(TRACE_HERE, call, fd)

/* The client is about to call connect(2). */
void trace_connect_at(const char *src, int fd);

/* The client is about to send(2) n bytes. bytes points to the first of them. */
void trace_sending_at(const char *src, int fd, const void *bytes, size_t n);

/* The caller is about to shut down its sending side (half-close). */
void trace_shutdown_at(const char *src, int fd);

/* send(2) of size bytes took only sent of them. Printed after the call, by a
 * client of a scenario. */
#define trace_short(fd, size, sent) trace_short_at(TRACE_HERE, fd, size, sent)
void trace_short_at(const char *src, int fd, size_t size, size_t sent);

/* A call failed with errno. */
void trace_failed_at(const char *src, const char *call, int fd);

/* --- observers ----------------------------------------------------------- */

/*
 * Functions that the trace calls, so that other parts of common/ learn what
 * happens. Each may be NULL. They are called from the thread of the event and
 * must be set before trace_start().
 */
struct trace_hooks {
    void (*opened)(int fd);  /* a connection was accepted */
    void (*closing)(int fd); /* the server is about to close it */
    int (*name)(int fd);     /* returns N for cN, -N for xN, 0 for no name */

    /* The calling thread has a new role, or is about to exit. */
    void (*thread_begins)(enum trace_role role, int number);
    void (*thread_ends)(void);

    /* A server thread is about to print a line. begins_wait: the line announces
     * a call that may block. may_be_held: the step "hold" stops the thread
     * here, before a wait or after an io_uring_enter(2). The hook is called
     * with --quiet, too, and may block. */
    void (*line)(bool begins_wait, bool may_be_held);
    void (*printed)(void);     /* a server thread has printed a line */
    void (*wait)(bool begins); /* a server thread begins or ends a wait */
    void (*scan)(bool busy);   /* a scan ends; busy: a call has succeeded */
};
extern struct trace_hooks trace_hooks;

/* --- start and end ------------------------------------------------------- */

/*
 * The program is stopping. The next line, of any thread, is preceded by the
 * event "stop". Async-signal-safe.
 */
void trace_announce_stop(void);

/*
 * Prints the summary, as text and as JSON: the server's connections, messages,
 * bytes and system calls. All threads of the server must have ended. sent and
 * echoed are the clients' message counts. If they are -1, because the clients
 * are other programs, each recv that returned data counts as one message.
 */
void trace_summary(long sent, long echoed);

/* Returns how many timers have expired. May be called from any thread. */
unsigned long trace_timers(void);

/* Keeps the last lines in memory for trace_last(), even with --quiet. Must be
 * called before trace_start(). */
void trace_keep(void);

/*
 * Returns a copy of the kept lines, at most 64, oldest first. The caller frees
 * it. Returns NULL if there is no memory. May be called from any thread.
 */
char *trace_last(void);

/* Prints text on standard output as one unit, in order with the events. */
void trace_print(const char *text);

/* Prints text on standard error. Errors are ignored. Async-signal-safe. */
void trace_complain(const char *text);

/*
 * Returns the name and the meaning of an errno value, such as "ENOENT (No such
 * file or directory)". The text is valid until the thread calls this again.
 */
const char *trace_errno(int error);

/* Ends the trace: later events print nothing and reach no observer. The other
 * threads must have ended. */
void trace_end(void);

/* --- for the macros ------------------------------------------------------ */

/* The size of an array, or 0 for a pointer. */
#define TRACE_ROOM(buffer)                                                     \
    (sizeof(buffer) > sizeof(void *) ? sizeof(buffer) : 0)
#define TRACE_HERE       __FILE__ ":" TRACE_TEXT(__LINE__)
#define TRACE_TEXT(line) TRACE_TEXT_(line)
#define TRACE_TEXT_(x)   #x

#endif
