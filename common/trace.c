/*
 * trace.c - write each event as one line of text and one line of JSON.
 *
 * A line is formatted in one piece and leaves by one write(2). dprintf(3) would
 * make three system calls of it (glibc 2.36), and stdio would keep back lines
 * that a crash then loses.
 *
 * Not a lesson, and therefore here: who speaks, counting, and the list of open
 * connections that stopping needs.
 */
#include "trace.h"
#include "trace_format.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { NAME_SIZE = 24 }; /* "[client 1000000]" */
enum { TASKS_FD = 401 }; /* out of the way of the descriptors of a lesson */
enum { KEPT = 64 };      /* lines, for trace_last() */

/* What the summary adds up over the threads of the server. */
struct trace_counts {
    unsigned long accepted, refused, closed; /* connections */
    unsigned long bytes_in, bytes_out;
    unsigned long chunks;                  /* recv calls that brought bytes */
    unsigned long accept, recv, send, ctl; /* system calls */
    unsigned long waits;                   /* select, poll, epoll_wait: */
    const char *wait_call;                 /* this one; NULL: none */
    unsigned long again;                   /* results that were EAGAIN */
    unsigned long scans, empty_scans;      /* stage 03 */
};

/* What the trace knows of a thread; kept for the next thread when it ends. */
struct thread {
    struct thread *next;
    bool server; /* its counts are the server's */
    bool in_use;
    char name[NAME_SIZE]; /* "[client 2]" */
    pid_t tid;
    struct trace_counts counts;
    const char *waiting;    /* in a wait: the call it announced */
    enum kind last_kind;    /* of its last event ... */
    const char *last_call;  /* ... the call ... */
    int last_error;         /* ... and errno, to leave out repetitions */
    unsigned long left_out; /* since its last line */
    unsigned long busy;     /* events since the last scan that were not AGAIN */
    atomic_ulong scans, empty_scans_in_row;
};

static struct trace_options to = {.quiet = true, .json_fd = -1};
static bool printing; /* a sink is open: text, JSON, or the lines kept */
static bool colour;

/* Guards the sinks: both get the lines of all threads in the same order. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_int first_error;
static atomic_ulong printed, fired;
static bool keeping;
static struct line kept[KEPT]; /* a ring: line i is in kept[i % KEPT] */
static size_t kept_lines;
static DIR *tasks; /* /proc/self/task, while a scenario is played */

static pthread_mutex_t hold_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t released = PTHREAD_COND_INITIALIZER;
static atomic_bool holding;
static unsigned long tickets, turn; /* who is held, who goes on */

static pthread_mutex_t threads_lock = PTHREAD_MUTEX_INITIALIZER;
static struct thread *threads;
static _Thread_local struct thread *self;
static _Thread_local volatile sig_atomic_t writing;

/* --- open connections ---------------------------------------------------- */

/*
 * names[fd] is the name of the connection fd: N for cN, -N for xN, 0 for
 * none. It is also the list of what trace_stop() must shut down.
 */
static pthread_mutex_t names_lock = PTHREAD_MUTEX_INITIALIZER;
static int *names;
static int names_size;
static int strangers;  /* the number of the last x that was named */
static bool named_all; /* and all others were, once: some may still be here */
static atomic_bool stopping;

/*
 * For trace_await_idle(): is the thread that accepts in its wait, and how many
 * connections are there?
 */
static pthread_cond_t idle = PTHREAD_COND_INITIALIZER;
static _Atomic(struct thread *) acceptor; /* the thread; NULL: not known yet */
static atomic_bool waiting_for_clients;
static atomic_int connections;
static atomic_bool in_lockstep; /* a scenario is played */
static bool ended;

static int name_of(int fd)
{
    pthread_mutex_lock(&names_lock);
    const int name = fd >= 0 && fd < names_size ? names[fd] : 0;
    pthread_mutex_unlock(&names_lock);
    return name;
}

/* Make room for names[fd]. The lock is held. False: no memory. */
static bool grow_names(int fd)
{
    int size = names_size > 0 ? names_size : 64;
    while (size <= fd)
        size *= 2;
    if (size > names_size) {
        int *const more = realloc(names, (size_t)size * sizeof(*names));
        if (more == NULL)
            return false;
        memset(more + names_size, 0,
               (size_t)(size - names_size) * sizeof(*names));
        names = more;
        names_size = size;
    }
    return true;
}

static bool name_is_taken(int name)
{
    for (int fd = 0; fd < names_size; fd++)
        if (names[fd] == name)
            return true;
    return false;
}

/* The abstract name of client number of a process. Returns its length. */
static int name_client(char *name, size_t size, int pid, int number)
{
    return snprintf(name, size, "iomux-%d-c%d", pid, number);
}

/* The number that the peer's own name ends in; 0 if it is not one of ours. */
static int number_of_peer(int fd)
{
    struct sockaddr_un peer = {0};
    socklen_t size = sizeof(peer);
    if (getpeername(fd, (struct sockaddr *)&peer, &size) < 0 ||
        size <= offsetof(struct sockaddr_un, sun_path) ||
        size >= sizeof(peer) || peer.sun_path[0] != '\0')
        return 0;
    ((char *)&peer)[size] = '\0';
    struct ucred owner;
    char name[sizeof(peer.sun_path)];
    int pid = 0, number = 0;
    if (sscanf(peer.sun_path + 1, "iomux-%9d-c%7d", &pid, &number) != 2 ||
        number < 1)
        return 0;
    const int length = name_client(name, sizeof(name), pid, number);
    if ((size_t)length + 1 != size - offsetof(struct sockaddr_un, sun_path) ||
        memcmp(name, peer.sun_path + 1, (size_t)length) != 0)
        return 0; /* something like it */
    size = sizeof(owner);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &owner, &size) < 0 ||
        owner.pid != pid)
        return 0; /* it claims to be another process's client */
    return number;
}

int trace_bind_name(int fd, int number)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int n =
        name_client(address.sun_path + 1, sizeof(address.sun_path) - 1,
                    (int)getpid(), number);
    return bind(
        fd, (struct sockaddr *)&address,
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n));
}

/* The name of the next x; after the last number the first that is free. */
static int name_stranger(void)
{
    do {
        named_all |= strangers == INT_MAX;
        strangers = strangers == INT_MAX ? 1 : strangers + 1;
    } while (named_all && name_is_taken(-strangers));
    return -strangers;
}

static void enlist(int fd)
{
    const int number = printing ? number_of_peer(fd) : 0;
    pthread_mutex_lock(&names_lock);
    const bool room = grow_names(fd);
    if (room) {
        names[fd] =
            number > 0 && !name_is_taken(number) ? number : name_stranger();
        connections++;
    }
    if (!room || stopping)
        shutdown(fd, SHUT_RDWR); /* the stage sees it end, and closes it */
    pthread_mutex_unlock(&names_lock);
}

static void delist(int fd)
{
    pthread_mutex_lock(&names_lock);
    if (fd >= 0 && fd < names_size && names[fd] != 0) {
        names[fd] = 0;
        if (--connections == 0)
            pthread_cond_broadcast(&idle);
    }
    pthread_mutex_unlock(&names_lock);
}

bool trace_stopping(void)
{
    return stopping;
}

/* --- threads ------------------------------------------------------------- */

static pthread_key_t at_exit_key;
static pthread_once_t at_exit_once = PTHREAD_ONCE_INIT;

static void leave(void *thread)
{
    pthread_mutex_lock(&threads_lock);
    ((struct thread *)thread)->in_use = false;
    pthread_mutex_unlock(&threads_lock);
}

static void make_key(void)
{
    pthread_key_create(&at_exit_key, leave);
}

/* What the trace knows of the calling thread. Keeps errno. */
static struct thread *me(void)
{
    const int saved_errno = errno;
    if (self == NULL)
        trace_thread("demo", 0);
    errno = saved_errno;
    return self;
}

static ssize_t write_all(int fd, const char *bytes, size_t size);

/* Tell the JSON trace what a tid is called (a Chrome metadata event). */
static void name_in_json(const struct thread *thread)
{
    char line[LINE_SIZE];
    const int n = snprintf(
        line, sizeof(line),
        "{\"name\":\"thread_name\",\"cat\":\"__metadata\",\"ph\":\"M\","
        "\"ts\":0,\"pid\":%d,\"tid\":%d,\"args\":{\"name\":\"%.*s\"}}\n",
        (int)getpid(), (int)thread->tid, (int)strlen(thread->name) - 2,
        thread->name + 1);
    pthread_mutex_lock(&lock);
    write_all(to.json_fd, line, (size_t)n);
    pthread_mutex_unlock(&lock);
}

void trace_thread(const char *kind, int number)
{
    static _Thread_local struct thread spare; /* when memory is out */
    const bool server = strcmp(kind, "client") != 0 &&
                        strcmp(kind, "demo") != 0 &&
                        strcmp(kind, "player") != 0;

    pthread_once(&at_exit_once, make_key);
    pthread_mutex_lock(&threads_lock);
    struct thread *thread = self != &spare ? self : NULL;
    if (thread == NULL) {
        for (thread = threads; thread != NULL; thread = thread->next)
            if (!thread->in_use && thread->server == server)
                break;
        if (thread == NULL && (thread = calloc(1, sizeof(*thread))) != NULL) {
            thread->next = threads;
            threads = thread;
        }
    }
    if (thread != NULL)
        pthread_setspecific(at_exit_key, thread);
    self = thread != NULL ? thread : &spare;
    self->in_use = true;
    self->server = server;
    self->tid = gettid();
    self->waiting = NULL;
    self->last_call = NULL;
    if (number == 0)
        snprintf(self->name, NAME_SIZE, "[%s]", kind);
    else
        snprintf(self->name, NAME_SIZE, "[%s %s%d]", kind,
                 number < 0 ? "x" : "", abs(number));
    pthread_mutex_unlock(&threads_lock);
    if (to.json_fd >= 0)
        name_in_json(self);
}

/*
 * In lock-step a new thread speaks once the one that started it waits again:
 * which of the two is quicker is nobody's business.
 */
static void let_acceptor_wait(void)
{
    pthread_mutex_lock(&names_lock);
    while (in_lockstep && !waiting_for_clients && !stopping)
        pthread_cond_wait(&idle, &names_lock);
    pthread_mutex_unlock(&names_lock);
}

void trace_thread_for(int client_fd)
{
    let_acceptor_wait();
    trace_thread("thread", name_of(client_fd));
}

/* --- out ----------------------------------------------------------------- */

/*
 * SIGPIPE keeps its meaning for the sockets: a stage that forgets
 * MSG_NOSIGNAL dies of it. Only the trace's own write(2), to a pipe that
 * "| head -1" has left, gets EPIPE instead.
 */
static void on_sigpipe(int signal_number)
{
    if (!writing) {
        signal(signal_number, SIG_DFL);
        raise(signal_number);
    }
}

/* Write it all; remember and report the first failure. Returns -1 on it. */
static ssize_t write_all(int fd, const char *bytes, size_t size)
{
    writing = 1;
    while (size > 0) {
        const ssize_t n = write(fd, bytes, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) { /* others may set O_NONBLOCK on it */
            poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
            continue;
        }
        if (n < 0) {
            int none = 0;
            if (atomic_compare_exchange_strong(&first_error, &none, errno) &&
                to.failed != NULL)
                to.failed();
            break;
        }
        bytes += n;
        size -= (size_t)n;
    }
    writing = 0;
    return size == 0 ? 0 : -1;
}

/* True for an event that only repeats the thread's last one. */
static bool repeats(const struct event *e, const struct thread *thread)
{
    return thread->waiting == NULL && thread->last_call != NULL &&
           thread->last_kind == e->kind &&
           (e->kind == AGAIN ||
            (e->kind == ERROR && thread->last_error == e->error &&
             strcmp(thread->last_call, e->call) == 0));
}

/* The one door of the trace: every line goes through here. */
static void emit(const char *src, struct event *e)
{
    const int saved_errno = errno;
    struct thread *const thread = me();
    e->who = thread->name;
    e->server = thread->server;
    e->tid = thread->tid;
    e->name = thread->server ? name_of(e->fd) : 0;
    e->src = src;
    e->waiting = thread->waiting;
    e->left_out = thread->left_out;

    if (repeats(e, thread)) {
        thread->left_out++;
    } else {
        struct line line;
        pthread_mutex_lock(&lock);
        if (!to.quiet) {
            format_text(e, colour, &line);
            write_all(STDOUT_FILENO, line.text, line.used);
        }
        if (to.json_fd >= 0) {
            format_json(e, &line);
            write_all(to.json_fd, line.text, line.used);
        }
        if (keeping)
            format_text(e, false, &kept[kept_lines++ % KEPT]);
        printed++;
        pthread_mutex_unlock(&lock);
        thread->waiting = e->kind == WAIT ? e->call : NULL;
        thread->left_out = 0;
    }
    thread->last_kind = e->kind;
    thread->last_call = e->call;
    thread->last_error = e->error;
    errno = saved_errno;
}

int trace_error(void)
{
    return first_error;
}

void trace_keep(void)
{
    keeping = true;
}

char *trace_last(void)
{
    char *const text = malloc(sizeof(kept));
    if (text == NULL)
        return NULL;
    char *end = text;
    *end = '\0';
    pthread_mutex_lock(&lock);
    for (size_t i = kept_lines > KEPT ? kept_lines - KEPT : 0; i < kept_lines;
         i++)
        end = stpcpy(end, kept[i % KEPT].text);
    pthread_mutex_unlock(&lock);
    return text;
}

void trace_start(const struct trace_options *options)
{
    const char *const no_colour = getenv("NO_COLOR"); /* no-color.org */
    const char *const term = getenv("TERM");
    to = *options;
    printing = !to.quiet || to.json_fd >= 0 || keeping;
    colour = isatty(STDOUT_FILENO) &&
             (no_colour == NULL || *no_colour == '\0') &&
             (term == NULL || strcmp(term, "dumb") != 0);
    signal(SIGXFSZ, SIG_IGN); /* "ulimit -f": an error of write(2), as any */
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = on_sigpipe}, NULL);
}

/* --- the events ---------------------------------------------------------- */

/* The kind of event that a failed call is; 0 < error. */
static enum kind failure(int error)
{
    if (error == EAGAIN)
        me()->counts.again++;
    else
        me()->busy++;
    return error == EAGAIN ? AGAIN : ERROR;
}

void trace_listen_at(const char *src, int fd, int result)
{
    if (printing)
        emit(src, &(struct event){.kind = result < 0 ? ERROR : LISTEN,
                                  .call = "listen",
                                  .fd = fd,
                                  .error = result < 0 ? errno : 0});
}

/* The calling thread begins or ends a wait: note it, if it is the acceptor. */
static void server_waits(bool waits)
{
    struct thread *const accepting = acceptor;
    if (waiting_for_clients == waits ||
        (accepting != NULL && accepting != me()))
        return;
    waiting_for_clients = waits;
    if (waits && (connections == 0 || in_lockstep)) {
        pthread_mutex_lock(&names_lock);
        pthread_cond_broadcast(&idle);
        pthread_mutex_unlock(&names_lock);
    }
}

/*
 * Stay here while the player holds the server. Those who are released print
 * their waits in the order in which they came, and only then all go on:
 * otherwise the quickest would speak first. Returns true if it was held; then
 * unpark() must follow.
 */
static bool park(void)
{
    if (!holding || !me()->server)
        return false;
    pthread_mutex_lock(&hold_lock);
    const unsigned long ticket = tickets++;
    while (holding || ticket != turn)
        pthread_cond_wait(&released, &hold_lock);
    pthread_mutex_unlock(&hold_lock);
    return true;
}

static void unpark(void)
{
    pthread_mutex_lock(&hold_lock);
    turn++;
    pthread_cond_broadcast(&released);
    while (turn < tickets)
        pthread_cond_wait(&released, &hold_lock);
    pthread_mutex_unlock(&hold_lock);
}

void trace_wait_at(const char *src, const char *call)
{
    if (holding)
        server_waits(true); /* here, as good as there */
    const bool held = park();
    if (printing)
        emit(src, &(struct event){.kind = WAIT, .call = call, .fd = -1});
    if (held)
        unpark();
    server_waits(true);
}

void trace_woke_at(const char *src, const char *call, int num)
{
    struct thread *const thread = me();
    server_waits(false);
    thread->counts.waits++;
    thread->counts.wait_call = call;
    const enum kind kind = num < 0 ? failure(errno) : WOKE;
    if (printing)
        emit(src, &(struct event){.kind = kind,
                                  .call = call,
                                  .fd = -1,
                                  .error = num < 0 ? errno : 0,
                                  .num = num});
}

void trace_ready_at(const char *src, int fd, uint32_t events)
{
    if (printing)
        emit(src,
             &(struct event){
                 .kind = READY, .call = "ready", .fd = fd, .events = events});
}

void trace_accept_at(const char *src, int fd)
{
    const int saved_errno = errno;
    struct thread *const thread = me();
    struct event event = {.kind = ACCEPT, .call = "accept", .fd = fd};

    thread->counts.accept++;
    acceptor = thread;
    if (fd < 0) {
        event.kind = failure(errno);
        event.error = errno;
    } else {
        thread->counts.accepted++;
        thread->busy++;
        server_waits(false);
        enlist(fd);
    }
    if (printing)
        emit(src, &event);
    errno = saved_errno;
}

void trace_refused_at(const char *src, int fd, const char *why)
{
    me()->counts.refused++;
    if (printing)
        emit(src,
             &(struct event){
                 .kind = REFUSED, .call = "refuse", .fd = fd, .remark = why});
    delist(fd);
}

void trace_recv_at(const char *src, int fd, const void *buffer, ssize_t n)
{
    struct thread *const thread = me();
    enum kind kind = RECV;

    thread->counts.recv++;
    if (thread->server)
        server_waits(false);
    if (n < 0) {
        kind = failure(errno);
    } else if (n == 0) {
        kind = END_OF_FILE;
        thread->busy++;
    } else {
        thread->counts.chunks++;
        thread->counts.bytes_in += (size_t)n;
        thread->busy++;
    }
    if (!printing)
        return;
    char text[ESCAPED_SIZE];
    emit(src, &(struct event){
                  .kind = kind,
                  .call = "recv",
                  .fd = fd,
                  .error = n < 0 ? errno : 0,
                  .bytes = n,
                  .msg = n > 0 ? escape(buffer, (size_t)n, text) : NULL,
              });
}

void trace_send_at(const char *src, int fd, size_t asked, ssize_t n)
{
    struct thread *const thread = me();
    enum kind kind = SEND;

    thread->counts.send++;
    if (n < 0)
        kind = failure(errno);
    else
        thread->counts.bytes_out += (size_t)n;
    if (printing)
        emit(src, &(struct event){.kind = kind,
                                  .call = "send",
                                  .fd = fd,
                                  .error = n < 0 ? errno : 0,
                                  .bytes = n,
                                  .asked = n < 0 ? 0 : asked});
}

void trace_ctl_at(const char *src, int op, int fd, uint32_t events, int result)
{
    static const char *const ops[] = {[EPOLL_CTL_ADD] = "ADD",
                                      [EPOLL_CTL_DEL] = "DEL",
                                      [EPOLL_CTL_MOD] = "MOD"};
    me()->counts.ctl++;
    if (printing)
        emit(src, &(struct event){.kind = CTL,
                                  .call = "epoll_ctl",
                                  .fd = fd,
                                  .error = result < 0 ? errno : 0,
                                  .op = ops[op],
                                  .events = events});
}

void trace_arming_at(const char *src, int op, int fd, uint32_t events)
{
    trace_ctl_at(src, op, fd, events, 0);
}

void trace_close_at(const char *src, int fd)
{
    struct thread *const thread = me();
    thread->counts.closed++;
    if (printing)
        emit(src, &(struct event){.kind = CLOSE, .call = "close", .fd = fd});
    if (thread->server)
        delist(fd);
}

void trace_timer_at(const char *src)
{
    if (printing)
        emit(src, &(struct event){.kind = TIMER, .call = "timer", .fd = -1});
    fired++;
}

void trace_note_at(const char *src, const char *text)
{
    if (printing)
        emit(src, &(struct event){
                      .kind = NOTE, .call = "note", .fd = -1, .remark = text});
}

void trace_scan(void)
{
    server_waits(true);
    struct thread *const thread = me();
    /* It never waits; what comes nearest is the end of a busy scan. */
    if (thread->busy > 0 && park())
        unpark();
    thread->counts.scans++;
    thread->counts.empty_scans += thread->busy == 0;
    thread->empty_scans_in_row =
        thread->busy == 0 ? thread->empty_scans_in_row + 1 : 0;
    thread->scans = thread->counts.scans;
    thread->busy = 0;
}

void trace_connect_at(const char *src, int fd)
{
    if (printing)
        emit(src,
             &(struct event){.kind = CONNECT, .call = "connect", .fd = fd});
}

void trace_sending_at(const char *src, int fd, const void *bytes, size_t n)
{
    char text[ESCAPED_SIZE];
    if (printing)
        emit(src, &(struct event){.kind = SEND,
                                  .call = "send",
                                  .fd = fd,
                                  .bytes = (ssize_t)n,
                                  .asked = n,
                                  .msg = escape(bytes, n, text)});
}

void trace_shutdown_at(const char *src, int fd)
{
    if (printing)
        emit(src,
             &(struct event){.kind = SHUTDOWN, .call = "shutdown", .fd = fd});
}

void trace_short_at(const char *src, int fd, size_t asked, size_t n)
{
    if (printing)
        emit(src, &(struct event){.kind = AGAIN,
                                  .call = "send",
                                  .fd = fd,
                                  .error = EAGAIN,
                                  .bytes = (ssize_t)n,
                                  .asked = asked});
}

void trace_failed_at(const char *src, const char *call, int fd)
{
    const enum kind kind = failure(errno);
    if (printing)
        emit(src, &(struct event){
                      .kind = kind, .call = call, .fd = fd, .error = errno});
}

/* --- for the player of scenarios ----------------------------------------- */

/* Open it for all the while: later there may be no descriptor left. */
static DIR *open_tasks(void)
{
    const int low = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (low < 0)
        return NULL;
    const int high = fcntl(low, F_DUPFD_CLOEXEC, TASKS_FD);
    const int fd = high >= 0 ? high : low;
    if (high >= 0)
        close(low);
    DIR *const directory = fdopendir(fd);
    if (directory == NULL) {
        const int error = errno;
        close(fd);
        errno = error;
    }
    return directory;
}

int trace_lockstep(bool on)
{
    if (on && (tasks = open_tasks()) == NULL)
        return -1;
    if (!on && tasks != NULL) {
        closedir(tasks);
        tasks = NULL;
    }
    pthread_mutex_lock(&names_lock);
    in_lockstep = on;
    pthread_cond_broadcast(&idle);
    pthread_mutex_unlock(&names_lock);
    return 0;
}

void trace_hold(bool hold)
{
    pthread_mutex_lock(&hold_lock);
    holding = hold;
    pthread_cond_broadcast(&released);
    pthread_mutex_unlock(&hold_lock);
}

unsigned long trace_timers(void)
{
    return fired;
}

unsigned long trace_events(void)
{
    return printed;
}

/*
 * The calls in which a server waits; a blocking send is one, too, and futex is
 * behind a condition and a hold. Who sleeps in futex for a lock will be woken
 * by a thread that does not sleep: so it counts, too, if all threads sleep.
 */
static bool is_wait(long call)
{
    static const long calls[] =
        {
#ifdef SYS_poll /* newer machines have only the other of each pair */
            SYS_poll,    SYS_select,         SYS_epoll_wait,
#endif
            SYS_ppoll,   SYS_pselect6,       SYS_epoll_pwait,
            SYS_accept4, SYS_recvfrom,       SYS_sendto,
            SYS_futex,   SYS_restart_syscall /* poll, after SIGCONT */};
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        if (calls[i] == call)
            return true;
    return false;
}

/* Read a small file of /proc. Returns its text, or "" if there is none. */
static const char *read_proc(pid_t tid, const char *name, char *text,
                             size_t size)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/task/%d/%s", (int)tid, name);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t n = fd >= 0 ? read(fd, text, size - 1) : -1;
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

/*
 * Does a thread sleep in a call that waits? ThreadSanitizer has a thread that
 * nobody has named, and that does nothing but sleep.
 */
static bool sleeps(pid_t tid, bool named)
{
    char text[512];
    const char *const name_end =
        strrchr(read_proc(tid, "stat", text, sizeof(text)), ')');
    if (text[0] == '\0')
        return true; /* it has ended */
    if (name_end == NULL || strncmp(name_end, ") S", 3) != 0)
        return false;
    char *end;
    const long call =
        strtol(read_proc(tid, "syscall", text, sizeof(text)), &end, 10);
    return end != text && (is_wait(call) || (!named && call == SYS_nanosleep));
}

/* The thread that is called tid, or NULL. The lock is held. */
static struct thread *find_thread(pid_t tid)
{
    for (struct thread *t = threads; t != NULL; t = t->next)
        if (t->in_use && t->tid == tid)
            return t;
    return NULL;
}

bool trace_server_sleeps(struct trace_rest *rest)
{
    bool all = tasks != NULL;
    const struct dirent *entry;
    if (tasks != NULL)
        rewinddir(tasks);
    while (all && (entry = readdir(tasks)) != NULL) {
        const pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (tid == 0)
            continue;
        pthread_mutex_lock(&threads_lock);
        /* A thread that has not named itself yet has just been started. */
        struct thread *const t = find_thread(tid);
        const bool other = t != NULL && !t->server;
        const unsigned long scans = t != NULL ? t->scans : 0;
        const bool in_vain = t != NULL && t->empty_scans_in_row >= 2;
        pthread_mutex_unlock(&threads_lock);
        if (other)
            continue;
        if (scans > 0 && !rest->begun)
            *rest = (struct trace_rest){.begun = true, .scans = scans};
        const bool scanned = scans >= rest->scans + 2 && in_vain;
        all = (scans > 0 && scanned) || sleeps(tid, t != NULL);
    }
    return all;
}

/* --- beginning and end --------------------------------------------------- */

void trace_server_ended(void)
{
    pthread_mutex_lock(&names_lock);
    ended = true;
    pthread_cond_broadcast(&idle);
    pthread_mutex_unlock(&names_lock);
}

void trace_await_idle(int limit_ms)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += limit_ms / 1000;
    end.tv_nsec += limit_ms % 1000 * 1000000L;
    if (end.tv_nsec >= 1000000000L) {
        end.tv_sec++;
        end.tv_nsec -= 1000000000L;
    }
    pthread_mutex_lock(&names_lock);
    while (!ended && (!waiting_for_clients || connections > 0))
        if (pthread_cond_clockwait(&idle, &names_lock, CLOCK_MONOTONIC, &end) ==
            ETIMEDOUT)
            break;
    pthread_mutex_unlock(&names_lock);
}

void trace_stop(int listen_fd)
{
    trace_hold(false);
    if (printing)
        emit(TRACE_HERE,
             &(struct event){.kind = STOP, .call = "stop", .fd = -1});
    pthread_mutex_lock(&names_lock);
    stopping = true;
    pthread_cond_broadcast(&idle);
    for (int fd = 0; fd < names_size; fd++)
        if (names[fd] != 0)
            shutdown(fd, SHUT_RDWR);
    pthread_mutex_unlock(&names_lock);
    if (listen_fd >= 0)
        shutdown(listen_fd, SHUT_RDWR);
}

/* The sum over all threads of the server; they have ended. */
static struct trace_counts total(void)
{
    struct trace_counts sum = {0};
    pthread_mutex_lock(&threads_lock);
    for (const struct thread *t = threads; t != NULL; t = t->next) {
        if (!t->server)
            continue;
        sum.accepted += t->counts.accepted;
        sum.refused += t->counts.refused;
        sum.closed += t->counts.closed;
        sum.bytes_in += t->counts.bytes_in;
        sum.bytes_out += t->counts.bytes_out;
        sum.chunks += t->counts.chunks;
        sum.accept += t->counts.accept;
        sum.recv += t->counts.recv;
        sum.send += t->counts.send;
        sum.ctl += t->counts.ctl;
        sum.waits += t->counts.waits;
        sum.again += t->counts.again;
        sum.scans += t->counts.scans;
        sum.empty_scans += t->counts.empty_scans;
        if (t->counts.wait_call != NULL)
            sum.wait_call = t->counts.wait_call;
    }
    pthread_mutex_unlock(&threads_lock);
    return sum;
}

const char *trace_errno(int error)
{
    static _Thread_local char text[128];
    const char *name = strerrorname_np(error);
    snprintf(text, sizeof(text), "%s (%s)", name != NULL ? name : "unknown",
             strerror(error));
    return text;
}

void trace_complain(const char *text)
{
    writing = 1; /* so that SIGPIPE is no end */
    if (write(STDERR_FILENO, text, strlen(text)) < 0) {
        /* nobody is left to tell */
    }
    writing = 0;
}

void trace_print(const char *text)
{
    pthread_mutex_lock(&lock);
    write_all(STDOUT_FILENO, text, strlen(text));
    pthread_mutex_unlock(&lock);
}

void trace_summary(long sent, long echoed)
{
    const struct trace_counts c = total();
    const unsigned long closed = c.closed + c.refused;
    const unsigned long calls =
        c.accept + c.recv + c.send + c.waits + c.ctl + closed;
    const unsigned long units = sent >= 0 ? (unsigned long)sent : c.chunks;
    const double per_message = units > 0 ? (double)calls / (double)units : 0;
    const char *const wait = c.wait_call != NULL ? c.wait_call : "wait";
    struct line text = {.used = 0}, json = {.used = 0};

    append(&text, "\nsummary of %s\n", to.program);
    append(&text, "  clients      %lu accepted, %lu refused, %lu closed\n",
           c.accepted, c.refused, closed);
    if (echoed >= 0)
        append(&text, "  messages     %ld sent, %ld %s\n", sent, echoed,
               to.done);
    else if (sent >= 0)
        append(&text, "  messages     %ld sent\n", sent);
    else
        append(&text, "  messages     %lu (recv calls that brought bytes)\n",
               units);
    append(&text, "  bytes        %lu in, %lu out\n", c.bytes_in, c.bytes_out);
    append(&text, "  calls        ");
    if (c.waits > 0)
        append(&text, "%s %lu, ", wait, c.waits);
    append(&text, "accept %lu, recv %lu, send %lu, close %lu", c.accept, c.recv,
           c.send, closed);
    if (c.ctl > 0)
        append(&text, ", epoll_ctl %lu", c.ctl);
    append(&text, "\n  EAGAIN       %lu of these calls\n", c.again);
    if (c.scans > 0)
        append(&text, "  scans        %lu, of which %lu found nothing\n",
               c.scans, c.empty_scans);
    if (units > 0)
        append(&text, "  per message  %.1f calls\n", per_message);

    append(&json,
           "{\"name\":\"summary\",\"cat\":\"summary\",\"ph\":\"i\",\"s\":\"p\","
           "\"ts\":%lld,\"pid\":%d,\"tid\":%d,\"args\":{\"program\":\"%s\","
           "\"accepted\":%lu,\"refused\":%lu,\"closed\":%lu,\"messages\":%lu,"
           "\"bytes_in\":%lu,\"bytes_out\":%lu,\"%s\":%lu,\"accept\":%lu,"
           "\"recv\":%lu,\"send\":%lu,\"close\":%lu,\"epoll_ctl\":%lu,"
           "\"again\":%lu,\"scans\":%lu,\"empty_scans\":%lu,"
           "\"calls_per_message\":%.2f}}\n",
           now_us(), (int)getpid(), (int)gettid(), to.program, c.accepted,
           c.refused, closed, units, c.bytes_in, c.bytes_out, wait, c.waits,
           c.accept, c.recv, c.send, closed, c.ctl, c.again, c.scans,
           c.empty_scans, per_message);

    pthread_mutex_lock(&lock);
    write_all(STDOUT_FILENO, text.text, text.used);
    if (to.json_fd >= 0)
        write_all(to.json_fd, json.text, json.used);
    pthread_mutex_unlock(&lock);
}

void trace_end(void)
{
    pthread_mutex_lock(&threads_lock);
    while (threads != NULL) {
        struct thread *const next = threads->next;
        free(threads);
        threads = next;
    }
    pthread_mutex_unlock(&threads_lock);
    if (self != NULL)
        pthread_setspecific(at_exit_key, NULL);
    self = NULL;
    free(names);
    names = NULL;
    names_size = 0;
    to = (struct trace_options){.quiet = true, .json_fd = -1};
    printing = false;
}
