/*
 * states.c - asks the kernel what it holds of the server's descriptors.
 *
 * The interest list is in /proc/self/fdinfo/EPOLL_FD (proc(5)). SIOCINQ
 * (unix(7), tcp(7)) returns how many bytes wait. poll(2) without a time-out
 * returns what is ready. None of them consumes anything.
 *
 * poll(2) of an epoll instance reports whether its ready list is empty. It also
 * drops the descriptors that are no longer ready from the list, and these may
 * then be reported in another order. Level-triggered, the list holds exactly
 * the descriptors that are ready and registered for this, so the instance is
 * polled only if one is edge-triggered.
 */
#include "states.h"
#include "connections.h"
#include "lockstep.h"
#include "trace.h"
#include "trace_format.h"
#include "trace_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    INFO_FD = 98,       /* leaves the low numbers to the server */
    FIRST_FD = 3,       /* behind the standard descriptors */
    INFO_SIZE = 1 << 17 /* of the text of an interest list */
};

/* Guards the variables from here to leaves. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int listener = -1;
static int epoll_fd = -1; /* or -1 if the server has none */
static int info_fd = -1;  /* its file in /proc */
static char info[INFO_SIZE];
static char *last;                /* the state that was printed last, or NULL */
static struct line last_timeouts; /* and the time-outs in it */
static struct line timeouts;      /* those of the threads that sleep now */

static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool asks, leaves; /* the thread must take a state, or end */
static pthread_t thread;
static bool started;

/* --- what the kernel holds ----------------------------------------------- */

/* Returns true if fd is an epoll instance. */
static bool is_epoll(int fd)
{
    static const char wanted[] = "anon_inode:[eventpoll]";
    char path[64], target[sizeof(wanted)];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(path, target, sizeof(target));
    return n == sizeof(wanted) - 1 && memcmp(target, wanted, (size_t)n) == 0;
}

/* Finds the epoll instance, and opens its file once, because later there may be
 * no descriptor left. A stage creates its instance right after the listener. */
static void find_epoll(void)
{
    if (info_fd >= 0)
        return;
    for (int fd = FIRST_FD; fd < FIRST_FD + 8 && epoll_fd < 0; fd++)
        if (is_epoll(fd))
            epoll_fd = fd;
    if (epoll_fd < 0)
        return;
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", epoll_fd);
    int low = open(path, O_RDONLY | O_CLOEXEC);
    info_fd = low < 0 ? -1 : fcntl(low, F_DUPFD_CLOEXEC, INFO_FD);
    if (low >= 0)
        close(low);
}

/* Reads the interest list into info. */
static void read_interest(void)
{
    size_t used = 0;
    ssize_t n = 1;
    while (info_fd >= 0 && n > 0 && used < INFO_SIZE - 1) {
        n = pread(info_fd, info + used, INFO_SIZE - 1 - used, (off_t)used);
        used += n > 0 ? (size_t)n : 0;
    }
    info[used] = '\0';
}

/* Returns true if fd is on the interest list, and the events that it is
 * registered for. The kernel adds ERR and HUP to all, so they are left out. */
static bool find_interest(int fd, uint32_t *events)
{
    for (const char *line = info; line != NULL;) {
        int found;
        unsigned flags;
        if (sscanf(line, "tfd: %d events: %x", &found, &flags) == 2 &&
            found == fd) {
            *events = flags & ~(uint32_t)(EPOLLERR | EPOLLHUP);
            return true;
        }
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
    return false;
}

/* Returns the events that poll(2) reports of fd. */
static uint32_t poll_now(int fd, int events)
{
    struct pollfd p = {.fd = fd, .events = (short)events};
    return poll(&p, 1, 0) > 0 ? (uint32_t)(unsigned short)p.revents : 0;
}

/* What the rows of a state add up to. */
struct sum {
    bool edges;   /* a descriptor is registered with EPOLLET */
    bool reports; /* epoll_wait(2) would report one, if level-triggered */
};

/* --- a line -------------------------------------------------------------- */

/* Appends a row [FD,BYTES,"REGISTERED","READY"], unless the server has no such
 * fd. */
static void put_descriptor(FILE *out, int fd, struct sum *sum)
{
    struct line row = {0};
    uint32_t registered = 0;
    bool known = find_interest(fd, &registered);
    if (!known && fd != listener && trace_hooks.name(fd) == 0)
        return;
    int bytes = 0;
    append(&row, "[%d,", fd);
    if (fd == listener || ioctl(fd, SIOCINQ, &bytes) < 0)
        append(&row, "null,\"");
    else
        append(&row, "%d,\"", bytes);
    if (known)
        append_flags(&row, registered);
    append(&row, "\",\"");
    uint32_t ready = poll_now(fd, POLLIN | POLLPRI | POLLOUT | POLLRDHUP);
    if (ready != 0)
        append_flags(&row, ready);
    append(&row, "\"]");
    fprintf(out, "%s%s", ftell(out) > 0 ? "," : "", row.text);
    bool armed = known && (registered & ~(uint32_t)EPOLLONESHOT) != 0;
    sum->edges |= (registered & EPOLLET) != 0;
    sum->reports |= armed && (ready & (registered | EPOLLERR | EPOLLHUP)) != 0;
}

/* Returns true if the next epoll_wait(2) would not block. */
static bool has_reports(const struct sum *sum)
{
    if (!sum->edges)
        return sum->reports;
    return (poll_now(epoll_fd, POLLIN) & POLLIN) != 0;
}

/* Returns the state as fields of JSON, which the caller frees, or NULL. */
static char *describe(void)
{
    char *rows = NULL, *text = NULL;
    size_t size = 0;
    struct sum sum = {0};
    FILE *out = open_memstream(&rows, &size);
    if (out == NULL)
        return NULL;
    find_epoll();
    read_interest();
    int end = connections_end();
    /* The reactor opens its eventfd and signalfds right after its instance. */
    for (int fd = FIRST_FD; fd < end || fd <= listener || fd <= epoll_fd + 8;
         fd++)
        put_descriptor(out, fd, &sum);
    if (fclose(out) != 0) {
        free(rows);
        return NULL;
    }
    int length = epoll_fd < 0
                     ? asprintf(&text, "\"fds\":[%s]", rows)
                     : asprintf(&text, "\"epoll\":%d,\"ready\":%d,\"fds\":[%s]",
                                epoll_fd, has_reports(&sum), rows);
    free(rows);
    return length < 0 ? NULL : text;
}

/* Writes a state, with the time-outs if there are any. */
static void write_state(const char *state, const struct line *waits)
{
    char *fields;
    if (waits == NULL || waits->used == 0) {
        sink_state(state);
    } else if (asprintf(&fields, "\"timeout_ms\":{%s},%s", waits->text,
                        state) >= 0) {
        sink_state(fields);
        free(fields);
    }
}

/* Takes a state, and writes it if it or the time-outs have changed. waits is
 * NULL if nothing is known of the time-outs. The lock is held. */
static void take_with(const struct line *waits)
{
    char *state = listener >= 0 ? describe() : NULL;
    bool other_waits =
        waits != NULL && strcmp(waits->text, last_timeouts.text) != 0;
    if (state == NULL ||
        (last != NULL && strcmp(state, last) == 0 && !other_waits)) {
        free(state);
        return;
    }
    write_state(state, waits);
    free(last);
    last = state;
    last_timeouts = waits != NULL ? *waits : (struct line){0};
}

/* Takes a state after a line of the server. Other threads may be waking up just
 * now, so it has no time-outs. */
static void take(void)
{
    int saved_errno = errno;
    pthread_mutex_lock(&lock);
    take_with(NULL);
    pthread_mutex_unlock(&lock);
    errno = saved_errno;
}

/* --- the thread for the player ------------------------------------------- */

static void *take_states(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&lock);
    while (!leaves) {
        if (!asks) {
            pthread_cond_wait(&changed, &lock);
            continue;
        }
        take_with(&timeouts);
        asks = false;
        pthread_cond_broadcast(&changed);
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

void states_request(void)
{
    struct line waits = {0};
    lockstep_timeouts(&waits);
    pthread_mutex_lock(&lock);
    timeouts = waits;
    asks = started;
    pthread_cond_broadcast(&changed);
    while (asks)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

int states_start(int listen_fd)
{
    listener = listen_fd;
    int error = pthread_create(&thread, NULL, take_states, NULL);
    started = error == 0;
    return error;
}

void states_end(void)
{
    if (!started)
        return;
    pthread_mutex_lock(&lock);
    leaves = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    pthread_join(thread, NULL);
    started = false;
    listener = -1;
    if (info_fd >= 0)
        close(info_fd);
    free(last);
    last = NULL;
}

void states_observe(void)
{
    trace_hooks.printed = take;
}
