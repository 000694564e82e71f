/*
 * client.c - a client that checks every byte of its echo.
 */
#include "client.h"
#include "trace.h"
#include "listener.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 16384, STACK_SIZE = 256 * 1024, CONNECT_TURN_MS = 100 };

/* The barrier, the flag that ends all, and the lock for each client's fd. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool going, stopped;

/* One message: its text again and again, up to its size. */
struct message {
    char text[64];
    size_t length; /* of text */
    size_t size;
};

static struct message compose(const struct client *client, long number)
{
    struct message m = {.size = client->size};
    if (client->protocol != NULL) {
        m.length = client->protocol->request(m.text, sizeof(m.text),
                                             client->number, number);
        m.size = m.length;
        return m;
    }
    m.length =
        (size_t)snprintf(m.text, sizeof(m.text), "hello %ld from client %d",
                         number, client->number);
    if (m.size == 0) {
        m.size = m.length;
    } else if (m.length < sizeof(m.text) - 1) {
        m.text[m.length++] = '\n'; /* repeated, it reads as lines */
    }
    return m;
}

/* Fill buffer with up to n bytes of the message from position on. */
static size_t fill(const struct message *m, size_t position, char *buffer,
                   size_t n)
{
    if (n > m->size - position)
        n = m->size - position;
    for (size_t i = 0; i < n; i++)
        buffer[i] = m->text[(position + i) % m->length];
    return n;
}

static bool is_stopped(void)
{
    pthread_mutex_lock(&lock);
    const bool result = stopped;
    pthread_mutex_unlock(&lock);
    return result;
}

/* Sleep, but no longer than until client_stop(). */
static void pause_ms(int ms)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += ms / 1000;
    end.tv_nsec += ms % 1000 * 1000000L;
    if (end.tv_nsec >= 1000000000L) {
        end.tv_sec++;
        end.tv_nsec -= 1000000000L;
    }
    pthread_mutex_lock(&lock);
    while (!stopped && pthread_cond_clockwait(&changed, &lock, CLOCK_MONOTONIC,
                                              &end) != ETIMEDOUT)
        ;
    pthread_mutex_unlock(&lock);
}

/* Note the failure of a call, unless the end of the program is its cause. */
static bool fail(struct client *client, const char *call, const char *advice)
{
    const int error = errno;
    trace_failed(call, client->fd);
    if (!is_stopped())
        snprintf(client->problem, sizeof(client->problem),
                 "client %d: %s: %s (%s)%s", client->number, call,
                 strerrorname_np(error), strerror(error), advice);
    return false;
}

static bool open_connection(struct client *client)
{
    struct sockaddr_un address;
    struct listener_error problem;
    const socklen_t size = listener_address(client->path, &address, &problem);
    if (size == 0) {
        snprintf(client->problem, sizeof(client->problem), "%.150s",
                 problem.text);
        return false;
    }
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail(client, "socket", "");
    pthread_mutex_lock(&lock);
    client->fd = fd;
    const bool late = stopped; /* client_stop() has not seen this socket */
    pthread_mutex_unlock(&lock);
    if (late)
        return false;
    trace_bind_name(fd, client->number); /* without it, it is only an x */

    /*
     * While the server's backlog is full connect(2) sleeps, and no
     * shutdown(2) wakes it. A send time-out limits its sleep (unix(7)), so
     * that client_stop() is noticed.
     */
    struct timeval turn = {.tv_usec = CONNECT_TURN_MS * 1000L};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &turn, sizeof(turn));
    int result;
    trace_connect(fd);
    do
        result = connect(fd, (struct sockaddr *)&address, size);
    while (result < 0 && (errno == EAGAIN || errno == EINTR) && !is_stopped());
    if (result < 0)
        return fail(client, "connect",
                    errno == ENOENT || errno == ECONNREFUSED
                        ? "; no server is running there: start one with "
                          "--serve"
                        : "");
    return true;
}

/* What has come of one message, both ways. */
struct progress {
    size_t sent, received;
    size_t wanted;     /* to be received; SIZE_MAX: not known yet */
    char answer[1024]; /* its first bytes, if it is no echo */
};

/* Is this the right answer so far? Finds out where it will end. */
static bool check_answer(struct client *client, const char *got, size_t n,
                         struct progress *done, long number)
{
    if (done->wanted == SIZE_MAX) {
        const size_t before = done->received;
        const size_t room = sizeof(done->answer) - before;
        const size_t here = before + (n < room ? n : room);
        memcpy(done->answer + before, got, here - before);
        const ssize_t wanted = client->protocol->reply(done->answer, here);
        if (wanted > 0)
            done->wanted = (size_t)wanted;
        else if (wanted < 0 || here == sizeof(done->answer))
            done->wanted = 0;
    }
    done->received += n;
    if (done->received <= done->wanted)
        return true;
    snprintf(client->problem, sizeof(client->problem),
             "client %d: the answer to request %ld is not the one that was "
             "asked for, or has more bytes than it says",
             client->number, number);
    return false;
}

/* Receive and compare. False: the end. */
static bool receive(struct client *client, const struct message *m,
                    struct progress *done, long number)
{
    char got[CHUNK], wanted[CHUNK];
    const ssize_t n = recv(client->fd, got, sizeof(got), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    trace_recv(client->fd, got, n);
    if (n < 0)
        return fail(client, "recv", "");
    if (n == 0) {
        if (!is_stopped())
            snprintf(client->problem, sizeof(client->problem),
                     "client %d: of message %ld, %zu bytes, only %zu came "
                     "back before the server closed",
                     client->number, number, m->size, done->received);
        return false;
    }
    if (client->protocol != NULL)
        return check_answer(client, got, (size_t)n, done, number);
    const size_t expected = fill(m, done->received, wanted, (size_t)n);
    for (size_t i = 0; i < expected; i++) {
        if (got[i] == wanted[i])
            continue;
        snprintf(client->problem, sizeof(client->problem),
                 "client %d: byte %zu of message %ld came back as 0x%02x, "
                 "sent was 0x%02x",
                 client->number, done->received + i, number,
                 (unsigned char)got[i], (unsigned char)wanted[i]);
        return false;
    }
    if (expected < (size_t)n) {
        snprintf(client->problem, sizeof(client->problem),
                 "client %d: more came back of message %ld than its %zu bytes",
                 client->number, number, m->size);
        return false;
    }
    done->received += (size_t)n;
    return true;
}

/* Send one message and read its answer, both at once. False: the end. */
static bool exchange(struct client *client, long number)
{
    const struct message m = compose(client, number);
    struct progress done = {.wanted =
                                client->protocol != NULL ? SIZE_MAX : m.size};
    char buffer[CHUNK];

    fill(&m, 0, buffer, sizeof(buffer));
    trace_sending(client->fd, buffer, m.size);
    while (done.received < done.wanted) {
        if (done.sent < m.size) {
            const size_t size = fill(&m, done.sent, buffer, sizeof(buffer));
            const ssize_t n =
                send(client->fd, buffer, size, MSG_DONTWAIT | MSG_NOSIGNAL);
            if (n >= 0)
                done.sent += (size_t)n;
            else if (errno != EAGAIN && errno != EINTR)
                return fail(client, "send", "");
            if (done.sent == m.size)
                client->sent++;
        }
        struct pollfd wait = {.fd = client->fd, .events = POLLIN};
        if (done.sent < m.size)
            wait.events |= POLLOUT;
        if (poll(&wait, 1, -1) < 0)
            continue; /* EINTR */
        if ((wait.revents & ~POLLOUT) != 0 &&
            !receive(client, &m, &done, number))
            return false;
    }
    client->echoed++;
    return true;
}

/* Half-close, and see that nothing comes but the end. */
static void finish(struct client *client)
{
    char byte;
    trace_shutdown(client->fd);
    shutdown(client->fd, SHUT_WR);
    ssize_t n;
    do
        n = recv(client->fd, &byte, 1, 0);
    while (n < 0 && errno == EINTR);
    trace_recv(client->fd, &byte, n);
    if (n < 0)
        fail(client, "recv", "");
    else if (n > 0)
        snprintf(client->problem, sizeof(client->problem),
                 "client %d: more came back than was sent", client->number);
}

static void *run(void *argument)
{
    struct client *const client = argument;
    trace_thread("client", client->number);
    pthread_mutex_lock(&lock);
    while (!going && !stopped)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    if (client->delay_ms > 0)
        pause_ms(client->delay_ms);

    if (!is_stopped() && open_connection(client)) {
        bool good = true;
        for (int i = 1; good && i <= client->messages && !is_stopped(); i++) {
            if (i > 1)
                pause_ms(client->interval_ms);
            good = exchange(client, i);
        }
        if (good)
            finish(client);
    }
    pthread_mutex_lock(&lock);
    const int fd = client->fd;
    client->fd = -1;
    pthread_mutex_unlock(&lock);
    if (fd >= 0) {
        trace_close(fd);
        close(fd);
    }
    client->done();
    return NULL;
}

int client_start(struct client *client)
{
    pthread_attr_t attributes;
    client->fd = -1;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    const int error = pthread_create(&client->thread, &attributes, run, client);
    pthread_attr_destroy(&attributes);
    return error;
}

void client_go(void)
{
    pthread_mutex_lock(&lock);
    going = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

void client_join(struct client *client)
{
    pthread_join(client->thread, NULL);
}

void client_expect_end(void)
{
    pthread_mutex_lock(&lock);
    stopped = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

void client_stop(struct client *clients, int count)
{
    pthread_mutex_lock(&lock);
    for (int i = 0; i < count; i++)
        if (clients[i].fd >= 0)
            shutdown(clients[i].fd, SHUT_RDWR);
    pthread_mutex_unlock(&lock);
}
