/*
 * socket.h - a model of a Unix-domain stream socket (net/unix/af_unix.c): the
 * events that poll returns for it, and the calls that wake its wait queue.
 *
 * The calls return what the system calls return, with -EAGAIN instead of -1 and
 * errno. None of them blocks.
 */
#ifndef IOMUX_MODEL_SOCKET_H
#define IOMUX_MODEL_SOCKET_H

#include "eventpoll.h"

#include <stddef.h>
#include <sys/types.h>

enum { MOST_BYTES = 4096 }; /* the largest send is one buffer of the kernel */

/* Bytes in a receive queue, or a connection in the queue of a listener. */
struct skb {
    struct skb *next;
    size_t length; /* bytes that are not read yet */
    size_t charge; /* what the kernel charges the sender for it */
    struct sock *owner;
};

struct sock {
    struct file file;  /* first */
    struct sock *peer; /* or NULL */
    struct skb *queue; /* received, oldest first */
    struct skb *oob;   /* the urgent byte in the queue, or NULL */
    int shutdown;      /* bits of shut_down() */
    int error;         /* an errno that the next read returns, or 0 */
    size_t charged;    /* the unread bytes that it has sent */
    bool dead, listens;
    struct sock *next; /* of all sockets */
};

enum { RCV_SHUTDOWN = 1, SEND_SHUTDOWN = 2, SHUTDOWN_MASK = 3 };

/* Makes two connected sockets. */
void sock_pair(struct sock *pair[2]);

/* Makes a listening socket. At most backlog + 1 connections can wait in it. */
struct sock *sock_listen(void);
enum { BACKLOG = 2 };

/* Makes *client and connects it. */
ssize_t sock_connect(struct sock *listener, struct sock **client);
ssize_t sock_accept(struct sock *listener, struct sock **accepted);

/* size is at most MOST_BYTES. An urgent send is one byte with MSG_OOB. */
ssize_t sock_send(struct sock *sock, size_t size);
ssize_t sock_send_urgent(struct sock *sock, size_t size);

/* Sends MOST_BYTES at a time until an error. Returns the sum, or the error. */
ssize_t sock_fill(struct sock *sock, size_t unused);

ssize_t sock_read(struct sock *sock, size_t size);
ssize_t sock_read_urgent(struct sock *sock, size_t unused);

/* Reads until there is nothing. Returns the sum, or the error. */
ssize_t sock_read_all(struct sock *sock, size_t unused);

ssize_t sock_shutdown(struct sock *sock, size_t mask);

/* Its last descriptor was closed. */
void sock_release(struct sock *sock);

/* Frees all sockets. */
void sock_free_all(void);

/* Whether this kernel has urgent bytes for Unix-domain sockets. */
bool sock_has_urgent(void);

#endif
