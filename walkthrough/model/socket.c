/*
 * socket.c - the model of a Unix-domain stream socket.
 *
 * A socket is writable while at most a quarter of its send buffer is in use. In
 * use is not the number of bytes, but what the kernel charges for them, which
 * is measured once with a real socket (SIOCOUTQ).
 *
 * Leaves out: datagrams, descriptors in messages, and sockets without a peer.
 */
#include "socket.h"

#include "play.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* The keys of the wake-ups. */
static const uint32_t DATA_READY =
    EPOLLIN | EPOLLPRI | EPOLLRDNORM | EPOLLRDBAND;
static const uint32_t WRITE_SPACE = EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;

static struct sock *all; /* every socket that was made */

/* --- what the kernel charges --------------------------------------------- */

/* Returns the charge of a send of size bytes. */
static size_t charge_of(size_t size)
{
    static const char bytes[MOST_BYTES];
    static size_t charges[MOST_BYTES + 1];
    int pair[2], charge = 0;
    if (charges[size] != 0)
        return charges[size];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        die("socketpair: %s", strerrorname_np(errno));
    if (send(pair[0], bytes, size, MSG_DONTWAIT) < 0 ||
        ioctl(pair[0], SIOCOUTQ, &charge) < 0)
        die("cannot measure a send: %s", strerrorname_np(errno));
    close(pair[0]);
    close(pair[1]);
    charges[size] = (size_t)charge;
    return charges[size];
}

/* Returns the size of a send buffer. */
static size_t send_buffer(void)
{
    static int size;
    socklen_t length = sizeof(size);
    if (size > 0)
        return (size_t)size;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &length) < 0)
        die("SO_SNDBUF: %s", strerrorname_np(errno));
    close(fd);
    return (size_t)size;
}

bool sock_has_urgent(void)
{
    static int answer = -1;
    int pair[2];
    if (answer >= 0)
        return answer > 0;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        die("socketpair: %s", strerrorname_np(errno));
    answer = send(pair[0], "", 1, MSG_OOB | MSG_DONTWAIT) == 1;
    close(pair[0]);
    close(pair[1]);
    return answer > 0;
}

/* --- poll ---------------------------------------------------------------- */

/* The quarter rule. held is what the kernel counts beside the charges. */
static bool unix_writable(const struct sock *sock, size_t held)
{
    return !sock->listens && (sock->charged + held) * 4 <= send_buffer();
}

static uint32_t unix_poll(struct file *file)
{
    const struct sock *sock = (const struct sock *)file;
    uint32_t events = 0;
    if (sock->error != 0)
        events |= EPOLLERR;
    if (sock->shutdown == SHUTDOWN_MASK)
        events |= EPOLLHUP;
    if (sock->shutdown & RCV_SHUTDOWN)
        events |= EPOLLRDHUP | EPOLLIN | EPOLLRDNORM;
    if (sock->queue != NULL)
        events |= EPOLLIN | EPOLLRDNORM;
    if (sock->oob != NULL)
        events |= EPOLLPRI;
    if (unix_writable(sock, 1))
        events |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
    return events;
}

/* sk_state_change() has no key, and wakes exclusive entries too. */
static void state_change(struct sock *sock)
{
    model_wake(&sock->file, 0, 0);
}

/* --- buffers ------------------------------------------------------------- */

static struct sock *new_sock(void)
{
    struct sock *sock = calloc(1, sizeof(*sock));
    if (sock == NULL)
        die("no memory");
    sock->file.poll = unix_poll;
    sock->next = all;
    all = sock;
    return sock;
}

static struct skb *append(struct sock *sock, struct sock *owner, size_t length)
{
    struct skb *skb = calloc(1, sizeof(*skb)), **end = &sock->queue;
    if (skb == NULL)
        die("no memory");
    while (*end != NULL)
        end = &(*end)->next;
    *end = skb;
    *skb = (struct skb){.length = length, .owner = owner};
    return skb;
}

/* Removes a buffer. If its sender is writable now, it is woken (sock_wfree),
 * and one unit of the charge is still held at that moment. */
static void consume_skb(struct sock *sock, struct skb *skb)
{
    struct skb **place = &sock->queue;
    while (*place != skb)
        place = &(*place)->next;
    *place = skb->next;
    struct sock *owner = skb->owner;
    owner->charged -= skb->charge;
    free(skb);
    if (unix_writable(owner, 2))
        model_wake(&owner->file, WRITE_SPACE, 1);
}

/* --- send ---------------------------------------------------------------- */

static ssize_t send_skb(struct sock *sock, size_t size, bool urgent)
{
    struct sock *peer = sock->peer;
    if (peer == NULL)
        return -ENOTCONN;
    if (sock->shutdown & SEND_SHUTDOWN)
        return -EPIPE;
    if (sock->charged >= send_buffer())
        return -EAGAIN;
    if (peer->dead || (peer->shutdown & RCV_SHUTDOWN) != 0)
        return -EPIPE;
    struct skb *skb = append(peer, sock, size);
    skb->charge = charge_of(size);
    sock->charged += skb->charge;
    if (urgent)
        peer->oob = skb;
    model_wake(&peer->file, DATA_READY, 1);
    return (ssize_t)size;
}

ssize_t sock_send(struct sock *sock, size_t size)
{
    return send_skb(sock, size, false);
}

ssize_t sock_send_urgent(struct sock *sock, size_t size)
{
    return send_skb(sock, size, true);
}

ssize_t sock_fill(struct sock *sock, size_t unused)
{
    (void)unused;
    ssize_t sum = 0, n = sock_send(sock, MOST_BYTES);
    while (n > 0) {
        sum += n;
        n = sock_send(sock, MOST_BYTES);
    }
    return sum > 0 ? sum : n;
}

/* --- read ---------------------------------------------------------------- */

/* Returns the buffer to read from, or NULL. A read stops before the urgent byte
 * if it has bytes, and skips the byte if it has none. */
static struct skb *manage_oob(struct sock *sock, bool copied)
{
    struct skb *skb = sock->queue;
    if (skb == NULL || (skb->length > 0 && skb != sock->oob))
        return skb;
    if (skb->length == 0) { /* an urgent byte that was read already */
        if (copied && (sock->oob == NULL || skb == sock->oob))
            return NULL;
        consume_skb(sock, skb);
        skb = sock->queue;
    }
    if (skb == NULL || skb != sock->oob)
        return skb;
    if (copied)
        return NULL;
    sock->oob = NULL;
    consume_skb(sock, skb);
    return sock->queue;
}

static ssize_t nothing_to_read(struct sock *sock)
{
    int error = sock->error;
    sock->error = 0;
    if (error != 0)
        return -error;
    return sock->shutdown & RCV_SHUTDOWN ? 0 : -EAGAIN;
}

ssize_t sock_read(struct sock *sock, size_t size)
{
    ssize_t copied = 0;
    if (sock->listens)
        return -EINVAL;
    while (size > 0) {
        struct skb *skb = manage_oob(sock, copied > 0);
        while (skb != NULL && skb->length == 0)
            skb = skb->next;
        if (skb == NULL)
            return copied > 0 ? copied : nothing_to_read(sock);
        size_t n = size < skb->length ? size : skb->length;
        skb->length -= n;
        copied += (ssize_t)n;
        size -= n;
        if (skb->length == 0)
            consume_skb(sock, skb);
    }
    return copied;
}

ssize_t sock_read_urgent(struct sock *sock, size_t unused)
{
    struct skb *before = sock->queue;
    (void)unused;
    if (sock->listens || sock->oob == NULL)
        return -EINVAL;
    while (before != sock->oob && before->next != sock->oob)
        before = before->next;
    sock->oob->length = 0; /* the empty buffer stays and marks the place */
    if (before != sock->oob && before->length == 0)
        consume_skb(sock, before);
    sock->oob = NULL;
    return 1;
}

ssize_t sock_read_all(struct sock *sock, size_t unused)
{
    (void)unused;
    ssize_t sum = 0, n = sock_read(sock, MOST_BYTES);
    while (n > 0) {
        sum += n;
        n = sock_read(sock, MOST_BYTES);
    }
    return sum > 0 ? sum : n;
}

/* --- open and close ------------------------------------------------------ */

void sock_pair(struct sock *pair[2])
{
    pair[0] = new_sock();
    pair[1] = new_sock();
    pair[0]->peer = pair[1];
    pair[1]->peer = pair[0];
}

struct sock *sock_listen(void)
{
    struct sock *sock = new_sock();
    sock->listens = true;
    return sock;
}

ssize_t sock_connect(struct sock *listener, struct sock **client)
{
    struct sock *pair[2];
    int waiting = 0;
    for (const struct skb *skb = listener->queue; skb != NULL; skb = skb->next)
        waiting++;
    if (!listener->listens || listener->dead ||
        (listener->shutdown & RCV_SHUTDOWN) != 0)
        return -ECONNREFUSED;
    if (waiting > BACKLOG)
        return -EAGAIN;
    sock_pair(pair);
    *client = pair[0];
    append(listener, pair[1], 0);
    model_wake(&listener->file, DATA_READY, 1);
    return 0;
}

ssize_t sock_accept(struct sock *listener, struct sock **accepted)
{
    struct skb *skb = listener->queue;
    if (!listener->listens)
        return -EINVAL;
    if (skb == NULL)
        return listener->shutdown & RCV_SHUTDOWN ? -EINVAL : -EAGAIN;
    *accepted = skb->owner;
    consume_skb(listener, skb);
    return 0;
}

ssize_t sock_shutdown(struct sock *sock, size_t mask)
{
    struct sock *peer = sock->peer;
    sock->shutdown |= (int)mask;
    state_change(sock);
    if (peer == NULL || peer->dead)
        return 0;
    if (mask & RCV_SHUTDOWN)
        peer->shutdown |= SEND_SHUTDOWN;
    if (mask & SEND_SHUTDOWN)
        peer->shutdown |= RCV_SHUTDOWN;
    state_change(peer);
    return 0;
}

/* An embryo was never accepted. */
static void unix_release_sock(struct sock *sock, bool embryo)
{
    struct sock *peer = sock->peer;
    const struct skb *unread = sock->queue;
    sock->dead = true;
    sock->oob = NULL;
    if (unread != NULL && unread->length == 0 && !sock->listens)
        unread = unread->next; /* an urgent byte that was read */
    if (peer != NULL && !peer->dead) {
        peer->shutdown = SHUTDOWN_MASK;
        if (unread != NULL || embryo)
            peer->error = ECONNRESET;
        state_change(peer);
    }
    while (sock->queue != NULL) {
        if (sock->listens)
            unix_release_sock(sock->queue->owner, true);
        consume_skb(sock, sock->queue);
    }
}

void sock_release(struct sock *sock)
{
    unix_release_sock(sock, false);
}

void sock_free_all(void)
{
    while (all != NULL) {
        struct sock *sock = all;
        all = sock->next;
        while (sock->queue != NULL) {
            struct skb *skb = sock->queue;
            sock->queue = skb->next;
            free(skb);
        }
        free(sock);
    }
}
