/*
 * client.c - the steps of a client.
 *
 * Clients that misbehave on purpose are in tests/hazard.py.
 */
#include "client.h"
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum {
    CHUNK = 4096, /* the size of the server's sends, see scenario.h */
    EXCHANGE_CHUNK = 16384,
    CONNECT_LIMIT_MS = 100 /* between two looks whether to stop */
};

static atomic_bool stopped;
static sem_t stop_semaphore; /* zero until client_stop(), then at least one */

/* --- stopping ------------------------------------------------------------ */

void client_stop(void)
{
    stopped = true;
    sem_post(&stop_semaphore); /* each thread that it wakes posts it again */
}

bool client_stopped(void)
{
    return stopped;
}

void client_pause(int ms)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += ms / 1000;
    end.tv_nsec += ms % 1000 * 1000000L;
    if (end.tv_nsec >= 1000000000L) {
        end.tv_sec++;
        end.tv_nsec -= 1000000000L;
    }
    int result;
    do
        result = sem_clockwait(&stop_semaphore, CLOCK_MONOTONIC, &end);
    while (result < 0 && errno == EINTR);
    if (result == 0)
        sem_post(&stop_semaphore);
}

/* --- connect, send, close ------------------------------------------------ */

/* Notes that a call has failed with errno. */
static void call_failed(struct client *c, const char *call)
{
    c->error = errno;
    c->failed_call = call;
}

/*
 * Calls connect(2). It blocks while the backlog of the server is full, and only
 * a send time-out limits this (unix(7)). So it looks from time to time whether
 * the program is stopping.
 */
static void do_connect(struct client *c, bool nonblocking)
{
    if (c->fd < 0)
        c->fd = address_socket(&c->address, c->lockstep);
    if (c->fd < 0) {
        call_failed(c, "socket");
        return;
    }
    address_bind_client(c->fd, &c->address, c->number);
    trace_connect(c->fd);
    int flags = 0;
    if (nonblocking) {
        flags = fcntl(c->fd, F_GETFL);
        fcntl(c->fd, F_SETFL, flags | O_NONBLOCK);
    }
    struct timeval limit = {.tv_usec = CONNECT_LIMIT_MS * 1000L};
    setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    int result;
    do
        result = address_connect(c->fd, &c->address, nonblocking);
    while (result < 0 && !stopped &&
           (errno == EINTR || (errno == EAGAIN && !nonblocking)));
    if (result < 0)
        call_failed(c, "connect");
    c->connected = result == 0;
    if (nonblocking)
        fcntl(c->fd, F_SETFL, flags);
}

/* Fills buffer with n bytes of the pattern, from position on. */
static void fill_pattern(char *buffer, size_t position, size_t n)
{
    static const char pattern[] = "abcdefghijklmnopqrstuvwxyz0123456789\n";
    for (size_t i = 0; i < n; i++)
        buffer[i] = pattern[(position + i) % (sizeof(pattern) - 1)];
}

static void do_send(struct client *c, const struct step *step, int flags)
{
    char *buffer = malloc(step->size);
    if (buffer == NULL) {
        call_failed(c, "malloc");
        return;
    }
    if (step->bytes != NULL)
        memcpy(buffer, step->bytes, step->size);
    else
        fill_pattern(buffer, c->sent, step->size);
    trace_sending(c->fd, buffer, step->size);
    ssize_t n =
        send(c->fd, buffer, step->size, flags | MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n >= 0)
        c->moved = (size_t)n;
    else if (errno != EAGAIN)
        call_failed(c, "send");
    if (step->bytes == NULL)
        c->sent += c->moved;
    free(buffer);
}

static void do_close(struct client *c)
{
    trace_close(c->fd);
    close(c->fd);
    c->fd = -1;
    c->connected = false;
    c->sent = c->expected = 0;
    c->error = 0;
}

static void do_abort(struct client *c)
{
    int unread = 0;
    if (ioctl(c->fd, FIONREAD, &unread) < 0 || unread == 0) {
        c->ok = false;
        snprintf(c->got, sizeof(c->got),
                 "no unread data, so it would be an ordinary close");
        return;
    }
    do_close(c);
}

/* --- expect -------------------------------------------------------------- */

/*
 * Looks at the bytes that have arrived, and traces them, without taking them
 * from the socket, because that could wake the server before the line.
 */
static ssize_t peek(struct client *c, char *buffer, size_t size)
{
    ssize_t n;
    do
        n = recv(c->fd, buffer, size,
                 MSG_PEEK | (c->lockstep ? MSG_DONTWAIT : 0));
    while (n < 0 && errno == EINTR);
    int error = errno;
    trace_recv(c->fd, buffer, n);
    if (n == 0)
        snprintf(c->got, sizeof(c->got), "end of file");
    else if (n < 0)
        snprintf(c->got, sizeof(c->got), "%s",
                 error == EAGAIN ? "nothing" : strerrorname_np(error));
    errno = error;
    return n;
}

/* Describes the bytes that have arrived. */
static void note_bytes(struct client *c, const char *bytes, size_t n)
{
    snprintf(c->got, sizeof(c->got), "%zu bytes: ", n);
    escape(bytes, n, c->got + strlen(c->got));
}

/* Takes expected bytes, at most a buffer full. */
static void do_expect(struct client *c, const struct step *step)
{
    char got[CHUNK], wanted[CHUNK];
    size_t size = step->size - c->moved;
    if (size > sizeof(got))
        size = sizeof(got);
    ssize_t n = peek(c, got, size);
    if (n <= 0) {
        c->ok = false;
        return;
    }
    if (step->bytes != NULL)
        memcpy(wanted, step->bytes + c->moved, (size_t)n);
    else
        fill_pattern(wanted, c->expected, (size_t)n);
    if (recv(c->fd, got, (size_t)n, MSG_DONTWAIT) != n ||
        memcmp(got, wanted, (size_t)n) != 0) {
        note_bytes(c, got, (size_t)n);
        c->ok = false;
        return;
    }
    c->moved += (size_t)n;
    if (step->bytes == NULL)
        c->expected += (size_t)n;
}

/* Expects end of file, an error, or nothing. */
static void do_expect_no_bytes(struct client *c, const struct step *step)
{
    char got[CHUNK];
    if (step->verb == STEP_EXPECT_ERROR && c->error != 0) {
        c->ok = c->error == step->error;
        snprintf(c->got, sizeof(c->got), "%s of %s", strerrorname_np(c->error),
                 c->failed_call);
        c->error = 0;
        return;
    }
    ssize_t n = peek(c, got, sizeof(got));
    if (n > 0)
        note_bytes(c, got, (size_t)n);
    if (step->verb == STEP_EXPECT_EOF)
        c->ok = n == 0;
    else if (step->verb == STEP_EXPECT_NOTHING)
        c->ok = n < 0 && errno == EAGAIN;
    else
        c->ok = n < 0 && errno == step->error;
}

/* --- exchange ------------------------------------------------------------ */

/* A message: its text, repeated up to its size. */
struct message {
    long number;
    char text[64];
    size_t length; /* of text */
    size_t size;
};

/* An exchange under way. */
struct exchange {
    size_t sent, received;
    size_t wanted;     /* bytes of the answer, or SIZE_MAX if not known yet */
    char answer[1024]; /* its first bytes, if it is not an echo */
};

static struct message compose(const struct client *c, long number)
{
    struct message m = {.number = number, .size = c->size};
    if (c->protocol != NULL) {
        m.length =
            c->protocol->request(m.text, sizeof(m.text), c->number, number);
        m.size = m.length;
        return m;
    }
    m.length = (size_t)snprintf(m.text, sizeof(m.text),
                                "hello %ld from client %d", number, c->number);
    if (m.size == 0)
        m.size = m.length;
    else if (m.length < sizeof(m.text) - 1)
        m.text[m.length++] = '\n'; /* repeated, it reads as lines */
    return m;
}

/* Fills buffer with up to n bytes of the message, from position on. Returns how
 * many. */
static size_t fill_message(const struct message *m, size_t position,
                           char *buffer, size_t n)
{
    if (n > m->size - position)
        n = m->size - position;
    for (size_t i = 0; i < n; i++)
        buffer[i] = m->text[(position + i) % m->length];
    return n;
}

/* Checks n bytes of an answer that is not an echo. Finds out where it ends. */
static bool check_answer(struct client *c, const struct message *m,
                         struct exchange *e, const char *got, size_t n)
{
    if (e->wanted == SIZE_MAX) {
        size_t room = sizeof(e->answer) - e->received;
        size_t here = e->received + (n < room ? n : room);
        memcpy(e->answer + e->received, got, here - e->received);
        ssize_t wanted = c->protocol->reply(e->answer, here);
        if (wanted > 0)
            e->wanted = (size_t)wanted;
        else if (wanted < 0 || here == sizeof(e->answer))
            e->wanted = 0;
    }
    e->received += n;
    if (e->received <= e->wanted)
        return true;
    snprintf(c->problem, sizeof(c->problem),
             "client %d: the answer to request %ld is wrong, or longer than it "
             "announces",
             c->number, m->number);
    return false;
}

/* Checks n bytes of an echo. */
static bool check_echo(struct client *c, const struct message *m,
                       struct exchange *e, const char *got, size_t n)
{
    char wanted[EXCHANGE_CHUNK];
    size_t expected = fill_message(m, e->received, wanted, n);
    for (size_t i = 0; i < expected; i++) {
        if (got[i] == wanted[i])
            continue;
        snprintf(c->problem, sizeof(c->problem),
                 "client %d: byte %zu of message %ld came back as 0x%02x "
                 "instead of 0x%02x",
                 c->number, e->received + i, m->number, (unsigned char)got[i],
                 (unsigned char)wanted[i]);
        return false;
    }
    e->received += expected;
    if (expected == n)
        return true;
    snprintf(c->problem, sizeof(c->problem),
             "client %d: the echo of message %ld is longer than its %zu bytes",
             c->number, m->number, m->size);
    return false;
}

/* Receives a part of the answer and checks it. Returns false if the exchange
 * has failed. */
static bool receive(struct client *c, const struct message *m,
                    struct exchange *e)
{
    char got[EXCHANGE_CHUNK];
    ssize_t n = recv(c->fd, got, sizeof(got), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    trace_recv(c->fd, got, n);
    if (n < 0) {
        call_failed(c, "recv");
        return false;
    }
    if (n == 0) {
        snprintf(
            c->problem, sizeof(c->problem),
            "client %d: only %zu bytes of message %ld, which has %zu, came "
            "back before the server closed",
            c->number, e->received, m->number, m->size);
        return false;
    }
    if (c->protocol != NULL)
        return check_answer(c, m, e, got, (size_t)n);
    return check_echo(c, m, e, got, (size_t)n);
}

/* Sends a part of the message. Returns false if the exchange has failed. */
static bool send_part(struct client *c, const struct message *m,
                      struct exchange *e)
{
    char buffer[EXCHANGE_CHUNK];
    size_t size = fill_message(m, e->sent, buffer, sizeof(buffer));
    ssize_t n = send(c->fd, buffer, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        call_failed(c, "send");
        return false;
    }
    if (n > 0)
        e->sent += (size_t)n;
    if (e->sent == m->size)
        c->messages++;
    return true;
}

/*
 * Sends a message and reads its answer at the same time, so that a message may
 * be larger than all buffers on its way.
 */
static void do_exchange(struct client *c, long number)
{
    struct message m = compose(c, number);
    struct exchange e = {.wanted = c->protocol != NULL ? SIZE_MAX : m.size};
    char text[EXCHANGE_CHUNK];
    fill_message(&m, 0, text, sizeof(text));
    trace_sending(c->fd, text, m.size);
    c->ok = true;
    while (c->ok && e.received < e.wanted) {
        if (e.sent < m.size)
            c->ok = send_part(c, &m, &e);
        struct pollfd wait = {.fd = c->fd, .events = POLLIN};
        if (e.sent < m.size)
            wait.events |= POLLOUT;
        if (c->ok && poll(&wait, 1, -1) > 0 && (wait.revents & ~POLLOUT) != 0)
            c->ok = receive(c, &m, &e);
    }
    if (c->ok)
        c->answers++;
}

/* --- all steps ----------------------------------------------------------- */

void client_step(struct client *c, const struct step *step)
{
    c->got[0] = '\0';
    switch (step->verb) {
    case STEP_CONNECT:
    case STEP_CONNECT_NONBLOCKING:
        do_connect(c, step->verb == STEP_CONNECT_NONBLOCKING);
        break;
    case STEP_SEND:
        do_send(c, step, 0);
        break;
    case STEP_SEND_OOB:
        do_send(c, step, MSG_OOB);
        break;
    case STEP_EXPECT:
        do_expect(c, step);
        break;
    case STEP_EXPECT_EOF:
    case STEP_EXPECT_ERROR:
    case STEP_EXPECT_NOTHING:
        do_expect_no_bytes(c, step);
        break;
    case STEP_SHUTDOWN:
        trace_shutdown(c->fd);
        shutdown(c->fd, SHUT_WR);
        break;
    case STEP_CLOSE:
        do_close(c);
        break;
    case STEP_ABORT:
        do_abort(c);
        break;
    case STEP_EXCHANGE:
        do_exchange(c, (long)step->size);
        break;
    default:
        break;
    }
}

bool client_has_report(const struct client *c, const struct step *step)
{
    bool sends = step->verb == STEP_SEND || step->verb == STEP_SEND_OOB;
    return c->error != 0 || (sends && c->moved < step->size);
}

void client_report(struct client *c, const struct step *step)
{
    if (c->error != 0) {
        errno = c->error;
        trace_failed(c->failed_call, c->fd);
    } else if (client_has_report(c, step)) {
        trace_short(c->fd, step->size, c->moved);
    }
}
