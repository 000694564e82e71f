/*
 * trace.h - the language of the course: one event, one line.
 *
 * A stage makes a system call and names what came of it on the next line:
 *
 *     const ssize_t n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
 *     trace_recv(fd, buffer, n);
 *
 * The call keeps errno, counts, and prints one line on standard output and,
 * when asked, one line of JSON. It tells data from end-of-file, from EAGAIN
 * and from an error by itself, so a stage never branches for its trace.
 *
 * The vocabulary is closed. These are all the events there are:
 *
 *     listen   a listening socket is ready          listen fd:3
 *     wait     about to call what may sleep         epoll_wait...
 *     woke     that call came back                  epoll_wait done, num:2
 *     ready    one descriptor it told of              fd:6 (c1) IN|HUP
 *     accept   a new connection                     =====> accept new ...
 *     refused  accepted, and closed at once         refuse clientfd:1024 ...
 *     recv     bytes came                           recv from clientfd:6 ...
 *     send     bytes went                           send to clientfd:6 ...
 *     eof      the peer sends no more               recv from ..., eof
 *     again    EAGAIN: nothing to do now            recv from ..., EAGAIN
 *     ctl      the interest list changed            epoll_ctl ADD fd:6 ...
 *     close    a connection ends                    close clientfd:6 (c1)
 *     timer    a time-out, or another timer, fires  timer
 *     error    any other errno, by its name         recv from ..., ECONNRESET
 *     connect, shutdown                             what clients do
 *     stop     the program ends all connections     stop
 *     note     a remark                             note ...
 *
 * Of a run of EAGAINs in one thread only the first is printed; how many were
 * left out stands in the JSON of the next event, "again". So stage 03, which
 * asks a million times a second, can be read.
 *
 * Left out on purpose: levels, filters, formats. A trace that can be
 * configured cannot be compared.
 */
#ifndef IOMUX_TRACE_H
#define IOMUX_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Where the trace goes, and whom to tell when it cannot be written. */
struct trace_options {
    const char *program;  /* "06-epoll-lt", for the summary */
    const char *done;     /* what comes of a message: "echoed" */
    bool quiet;           /* no events on standard output */
    int json_fd;          /* JSON Lines go there too; -1: nowhere */
    void (*failed)(void); /* a write failed; called once, from any thread */
};

/*
 * Start tracing. Before it, events are counted and not printed. The strings
 * are the caller's, and are used until trace_end(). For the whole process and
 * for good, SIGXFSZ is ignored, and SIGPIPE has a handler: it ends the process
 * as ever, but for a write of the trace itself, which fails with EPIPE.
 */
void trace_start(const struct trace_options *options);

/* The errno of the first write of the trace that failed, or 0. */
int trace_error(void);

/* The readable bit, for select(2), which has no flags of its own. */
enum { TRACE_IN = 0x001 }; /* POLLIN and EPOLLIN are the same bit */

/* --- who speaks ---------------------------------------------------------- */

/*
 * Name the calling thread: "[server]", or "[worker 2]" with a number. A
 * thread of kind "client", "demo" or "player" is not counted with the server's.
 * kind is copied; 9 letters fit beside any number.
 */
void trace_thread(const char *kind, int number);

/* Name it after the client that it serves: "[thread 1]" for c1. */
void trace_thread_for(int client_fd);

/* --- what a server does -------------------------------------------------- */

/*
 * Each takes the result of the system call above it, -1 and errno included,
 * and leaves errno as it found it. The names are macros only to note the
 * source line, which the JSON trace shows as "src".
 */
#define trace_listen(fd, result)  trace_listen_at(TRACE_HERE, fd, result)
#define trace_wait(call)          trace_wait_at(TRACE_HERE, call)
#define trace_woke(call, num)     trace_woke_at(TRACE_HERE, call, num)
#define trace_ready(fd, events)   trace_ready_at(TRACE_HERE, fd, events)
#define trace_accept(fd)          trace_accept_at(TRACE_HERE, fd)
#define trace_refused(fd, why)    trace_refused_at(TRACE_HERE, fd, why)
#define trace_recv(fd, buffer, n) trace_recv_at(TRACE_HERE, fd, buffer, n)
#define trace_send(fd, asked, n)  trace_send_at(TRACE_HERE, fd, asked, n)
#define trace_ctl(op, fd, events, res)                                         \
    trace_ctl_at(TRACE_HERE, op, fd, events, res)
#define trace_arming(op, fd, events) trace_arming_at(TRACE_HERE, op, fd, events)
#define trace_close(fd)              trace_close_at(TRACE_HERE, fd)
#define trace_timer()                trace_timer_at(TRACE_HERE)
#define trace_note(text)             trace_note_at(TRACE_HERE, text)

/* listen(2) returned result for the socket fd. */
void trace_listen_at(const char *src, int fd, int result);

/* About to make a call that may sleep; call is its name, a literal. */
void trace_wait_at(const char *src, const char *call);

/* select, poll or epoll_wait returned num. */
void trace_woke_at(const char *src, const char *call, int num);

/* One descriptor it told of; events as POLL... or EPOLL... bits (the same). */
void trace_ready_at(const char *src, int fd, uint32_t events);

/*
 * accept4(2) returned fd. Also puts the connection on the list of those that
 * trace_stop() shuts down, and finds its name: a client thread of this course
 * is called alike on both sides (c2 is [client 2]), any other x1, x2, ... in
 * the order of their arrival.
 */
void trace_accept_at(const char *src, int fd);

/* About to close a client just accepted; why: a few words, a literal. */
void trace_refused_at(const char *src, int fd, const char *why);

/*
 * recv(2) returned n, with the bytes in buffer. They are printed escaped and
 * cut, so that no client can forge a line or drive the terminal.
 */
void trace_recv_at(const char *src, int fd, const void *buffer, ssize_t n);

/* send(2), asked for so many bytes, returned n. */
void trace_send_at(const char *src, int fd, size_t asked, ssize_t n);

/* epoll_ctl(2) returned result for op (EPOLL_CTL_ADD, ...) and fd. */
void trace_ctl_at(const char *src, int op, int fd, uint32_t events, int result);

/*
 * About to call epoll_ctl(2), where several threads wait on one epoll. Before,
 * not after: another thread may get the event, and speak of it, at once. If
 * the call fails, trace_failed() says so.
 */
void trace_arming_at(const char *src, int op, int fd, uint32_t events);

/*
 * About to close(2) a connection. Before, not after: the next accept in
 * another thread may get the same number at once.
 */
void trace_close_at(const char *src, int fd);

/* A timer is due, and what it is for is about to be done. */
void trace_timer_at(const char *src);

/* A remark; text is a literal. */
void trace_note_at(const char *src, const char *text);

/*
 * Stage 03 asked everybody once. Prints nothing: counts the scan, and whether
 * it found anything.
 */
void trace_scan(void);

/* --- what a client does -------------------------------------------------- */

/*
 * A server reacts to these at once, perhaps before the client's next line.
 * So they are printed before the system call. trace_recv(), trace_close()
 * and trace_failed() serve clients too.
 */
#define trace_connect(fd)           trace_connect_at(TRACE_HERE, fd)
#define trace_sending(fd, bytes, n) trace_sending_at(TRACE_HERE, fd, bytes, n)
#define trace_shutdown(fd)          trace_shutdown_at(TRACE_HERE, fd)
#define trace_failed(call, fd)      trace_failed_at(TRACE_HERE, call, fd)

/*
 * Bind the client socket fd to the abstract name (unix(7)) by which both
 * sides call it cN. Returns 0, or -1 with errno of bind(2).
 */
int trace_bind_name(int fd, int number);

/* About to connect(2). */
void trace_connect_at(const char *src, int fd);

/* About to send(2) a message of n bytes, of which bytes holds the first. */
void trace_sending_at(const char *src, int fd, const void *bytes, size_t n);

/* About to shutdown(2) the sending side: half-close. Stage 11 does it, too. */
void trace_shutdown_at(const char *src, int fd);

/* A call failed with errno. */
void trace_failed_at(const char *src, const char *call, int fd);

/* --- for the player of scenarios ----------------------------------------- */

/*
 * Begin or end lock-step, from the player's thread: the server's threads speak
 * in one order then. Returns 0, or -1 with errno if it cannot begin: of
 * open(2) of /proc/self/task, or ENOMEM.
 */
int trace_lockstep(bool on);

/*
 * Hold the server: each of its threads stops before its next wait, inside
 * trace_wait() or trace_scan(), until it is released.
 */
void trace_hold(bool hold);

/* How many timers of the server have fired so far. */
unsigned long trace_timers(void);

/* How many events have been printed so far. */
unsigned long trace_events(void);

/* What trace_server_sleeps() has seen since the player's last step. */
struct trace_rest {
    bool begun;
    unsigned long scans;
};

/*
 * True if every thread of the server sleeps in a call that waits, is held, or,
 * as in stage 03, has twice asked everybody for nothing. Begin with a struct
 * that is all zero. From /proc/self/task/TID/stat and .../syscall, proc(5):
 * either alone would lie for a moment, when a thread is being woken.
 */
bool trace_server_sleeps(struct trace_rest *rest);

/* send(2), asked for so many bytes, took only n; a client says so afterwards.
 */
#define trace_short(fd, asked, n) trace_short_at(TRACE_HERE, fd, asked, n)
void trace_short_at(const char *src, int fd, size_t asked, size_t n);

/* --- beginning and end --------------------------------------------------- */

/*
 * Sleep until the server has come to its wait for clients and has none, or
 * has ended, but no longer than limit_ms; it does not say which. Clients that
 * start then find its descriptors numbered; a stop that comes then finds it at
 * rest: so the beginning and the end of a trace are the same in every run.
 */
void trace_await_idle(int limit_ms);

/* Tell trace_await_idle() that the server has ended. */
void trace_server_ended(void);

/*
 * Stop the server, whatever it waits for: say "stop", shut down (shutdown(2))
 * every open connection, then listen_fd. A connection that is accepted later
 * is shut down at once. Each stage then sees the end of each of its clients
 * by the same path as any other end, and needs no code for stopping.
 */
void trace_stop(int listen_fd);

/* True from the moment trace_stop() was called. */
bool trace_stopping(void);

/*
 * Print the summary of what the server did, in the trace and in JSON:
 * connections, messages, bytes, system calls. All threads of the server have
 * ended. sent and echoed are the messages of the clients; -1 when nobody here
 * knows them, then each recv that brought bytes counts as one.
 */
void trace_summary(long sent, long echoed);

/*
 * Keep the last lines of the trace in memory, quiet or not, for trace_last().
 * Before trace_start().
 */
void trace_keep(void);

/*
 * A copy of the lines kept, at most 64, the oldest first; to be freed. From
 * any thread. NULL: no memory.
 */
char *trace_last(void);

/* Print text on standard output, whole and in order with the events. */
void trace_print(const char *text);

/* Print text on standard error; nothing can be done if that fails. */
void trace_complain(const char *text);

/*
 * Returns the name and the meaning of an errno value, such as "ENOENT (No such
 * file or directory)". The text is valid until the thread calls this again.
 */
const char *trace_errno(int error);

/* Give back all memory. No other thread may trace any more. */
void trace_end(void);

/* --- for the macros ------------------------------------------------------ */

#define TRACE_HERE       __FILE__ ":" TRACE_TEXT(__LINE__)
#define TRACE_TEXT(line) TRACE_TEXT_(line)
#define TRACE_TEXT_(x)   #x

#endif
