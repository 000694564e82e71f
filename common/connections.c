/*
 * connections.c - a table of the server's connections, which a signal handler
 * can read.
 */
#include "connections.h"
#include "address.h"
#include "trace.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    TABLE_SIZE = 1 << 20, /* static memory costs nothing until it is touched */
    IDLE_LIMIT_S = 1
};

/*
 * names[fd] is N for cN, -N for xN, or 0 if fd is not registered.
 *
 * A thread that registers a connection writes names[fd] and then reads
 * shut_down. A thread that shuts all down writes shut_down and then reads
 * names. All of these are sequentially consistent, so at least one of the two
 * threads shuts the connection down.
 */
static atomic_int names[TABLE_SIZE];
static atomic_int table_end; /* all registered descriptors are below it */
static atomic_int connections;
static atomic_bool shut_down; /* connections_shut_down() was called */
static atomic_bool stopping;
static atomic_bool announced; /* one caller of connections_stop() has done it */

static enum connection_names ask_names; /* set before other threads exist */
static int external_clients;            /* used by the thread that accepts */
static bool external_numbers_repeat;    /* the numbers have reached INT_MAX */

/* Guards server_waited and server_ended. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Signalled when one of them becomes true, and when the server becomes idle. */
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool server_waited; /* it has begun its first wait */
static bool server_ended;

/* True while the thread that accepts waits. Written by that thread alone, or by
 * any server thread before the first accept. */
static atomic_bool acceptor_waits;
static _Thread_local char this_thread; /* its address identifies a thread */
static _Atomic(char *) acceptor; /* the thread that accepted last, or NULL */

/* --- names --------------------------------------------------------------- */

static int connection_name(int fd)
{
    return fd >= 0 && fd < TABLE_SIZE ? names[fd] : 0;
}

static bool name_is_taken(int name)
{
    for (int fd = 0; fd < table_end; fd++)
        if (names[fd] == name)
            return true;
    return false;
}

/* Returns the next name for a client of another program. */
static int next_external_name(void)
{
    do {
        if (external_clients == INT_MAX) {
            external_clients = 0;
            external_numbers_repeat = true;
        }
        external_clients++;
    } while (external_numbers_repeat && name_is_taken(-external_clients));
    return -external_clients;
}

/* --- opening and closing ------------------------------------------------- */

static void raise_table_end(int fd)
{
    int end = table_end;
    while (end <= fd && !atomic_compare_exchange_weak(&table_end, &end, fd + 1))
        ;
}

void connection_opened(int fd)
{
    int name = 0;
    if (ask_names != NO_NAMES)
        name = address_client_number(fd, ask_names == OWN_NAMES);
    if (name == 0 || name_is_taken(name))
        name = next_external_name();
    acceptor = &this_thread;
    acceptor_waits = false;
    if (fd < TABLE_SIZE) {
        raise_table_end(fd);
        names[fd] = name;
        connections++;
    }
    if (shut_down || fd >= TABLE_SIZE)
        shutdown(fd, SHUT_RDWR); /* the stage sees end of file and closes it */
}

/* Notes a wait of the server without clients, and wakes the threads that wait
 * for one. */
static void server_is_idle(void)
{
    pthread_mutex_lock(&lock);
    server_waited = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

void connection_closing(int fd)
{
    if (connection_name(fd) == 0)
        return;
    names[fd] = 0;
    if (acceptor == &this_thread)
        acceptor_waits = false;
    if (--connections == 0 && acceptor_waits)
        server_is_idle();
}

static void on_wait(bool begins)
{
    if (acceptor != NULL && acceptor != &this_thread)
        return;
    acceptor_waits = begins;
    if (begins && connections == 0)
        server_is_idle();
}

/* Stage 03 never waits. For it, the end of a scan is the start of a wait. */
static void on_scan(bool busy)
{
    (void)busy;
    if (!acceptor_waits)
        on_wait(true);
}

void connections_observe(enum connection_names with_names, bool idle)
{
    ask_names = with_names;
    trace_hooks.opened = connection_opened;
    trace_hooks.closing = connection_closing;
    trace_hooks.name = connection_name;
    if (idle) {
        trace_hooks.wait = on_wait;
        trace_hooks.scan = on_scan;
    }
}

int connections_end(void)
{
    return table_end;
}

int connections_count(void)
{
    return connections;
}

void connections_close(void)
{
    for (int fd = 0; fd < table_end; fd++)
        if (names[fd] != 0) {
            names[fd] = 0;
            close(fd);
        }
}

/* --- stopping ------------------------------------------------------------ */

bool connections_stopping(void)
{
    return stopping;
}

void connections_stop(int listen_fd)
{
    if (!atomic_exchange(&announced, true))
        trace_announce_stop();
    stopping = true;
    if (listen_fd >= 0)
        shutdown(listen_fd, SHUT_RDWR);
}

void connections_shut_down(void)
{
    shut_down = true;
    for (int fd = 0; fd < table_end; fd++)
        if (names[fd] != 0)
            shutdown(fd, SHUT_RDWR);
}

void connections_server_ended(void)
{
    pthread_mutex_lock(&lock);
    server_ended = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

bool connections_ended(void)
{
    return connections_await_end(0);
}

static struct timespec time_after(int seconds)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    time.tv_sec += seconds;
    return time;
}

/* Waits for a change until the time end. The lock is held. Returns false if
 * the time is over. */
static bool wait_for_change(const struct timespec *end)
{
    return pthread_cond_clockwait(&changed, &lock, CLOCK_MONOTONIC, end) == 0;
}

bool connections_await_end(int limit_s)
{
    struct timespec end = time_after(limit_s);
    pthread_mutex_lock(&lock);
    while (!server_ended && wait_for_change(&end))
        ;
    bool result = server_ended;
    pthread_mutex_unlock(&lock);
    return result;
}

void connections_await_start(void)
{
    struct timespec end = time_after(IDLE_LIMIT_S);
    pthread_mutex_lock(&lock);
    while (!server_ended && !server_waited && wait_for_change(&end))
        ;
    pthread_mutex_unlock(&lock);
}

void connections_await_idle(void)
{
    struct timespec end = time_after(IDLE_LIMIT_S);
    pthread_mutex_lock(&lock);
    while (!server_ended && (!acceptor_waits || connections > 0) &&
           wait_for_change(&end))
        ;
    pthread_mutex_unlock(&lock);
}
