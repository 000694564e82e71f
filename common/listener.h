/*
 * listener.h - the listening socket: its address, its file, and the reserve
 * descriptor.
 *
 * A socket file has permissions, and it outlives its server, so this module
 * must distinguish an old file from one that is in use. An abstract name and a
 * TCP port have neither files nor permissions.
 */
#ifndef IOMUX_LISTENER_H
#define IOMUX_LISTENER_H

#include "address.h"

#include <stdbool.h>
#include <sys/types.h>

/* A listening socket and what it leaves in the file system. */
struct listener {
    int fd;                       /* or -1 */
    char path[ADDRESS_TEXT_SIZE]; /* or @NAME, or tcp:PORT */
    char directory[108]; /* private directory that holds the socket, or "" */
    dev_t device;        /* device and inode identify the socket file */
    ino_t inode;         /* 0 if there is no file, as for an abstract name */
};

/* Why a call failed. */
struct listener_error {
    bool in_use;                     /* another server uses this address */
    char text[ADDRESS_PROBLEM_SIZE]; /* a sentence for the user */
};

/*
 * Listens on path, or in a new private directory if path is NULL. The socket
 * file has mode 0600. A stale socket file is replaced. A file of another kind,
 * or one that is in use, is left as it is. From Linux 6.16 on, clients cannot
 * pass descriptors to the server. If the path is tcp:0, listener->path has the
 * port that the kernel has chosen. lockstep: see address_socket().
 *
 * If the address is in use, tries again for 100 ms, because the kernel may
 * close the sockets of a killed process a little later.
 *
 * Changes the umask for a moment, so it must be called before threads exist.
 * Returns 0, or -1 with *error set, in which case nothing is left behind.
 */
int listener_open(const char *path, bool lockstep, struct listener *listener,
                  struct listener_error *error);

/* Returns true if any user of this machine may connect. */
bool listener_is_public(const struct listener *listener);

/*
 * Removes the files that listener_open() created, unless they have been
 * replaced since. Does not close the socket. Async-signal-safe.
 */
void listener_remove(const struct listener *listener);

/* Sets O_NONBLOCK and keeps the other flags. Returns 0, or -1 with errno of
 * fcntl(2). */
int listener_set_nonblocking(int fd);

/*
 * Opens the reserve descriptor: /dev/null as descriptor 0. It is needed when
 * accept4(2) fails with EMFILE (see listener_accept_failed()). It is 0 because
 * RLIMIT_NOFILE limits descriptor numbers, and 0 is below every limit. Must be
 * called before threads exist, and after the last read of standard input.
 */
void listener_open_reserve(void);

/*
 * Handles a failed accept4(2). errno must still be that of the call.
 *
 * EMFILE and ENFILE: accept4(2) cannot accept a connection that may be waiting.
 * It would keep the listening socket ready, and the loop would spin. This
 * function closes the reserve descriptor, accepts one connection with the
 * number that is now free, closes it, and opens the reserve again. The client
 * gets end of file at once. (libuv does the same in uv__emfile_trick().) If no
 * connection waits and listen_fd is in blocking mode, this function blocks
 * until a connection arrives or the socket is shut down.
 *
 * ENOBUFS, ENOMEM and all other lasting errors: pauses for 10 ms, so that the
 * loop cannot spin.
 *
 * Returns true if a connection may still wait in the backlog, and false if the
 * backlog is empty or the socket is shut down. Only one thread at a time may
 * call it. Leaves errno unchanged.
 */
bool listener_accept_failed(int listen_fd);

/*
 * Handles an accept request of io_uring that has failed with errno. Without a
 * descriptor, such a request fails at once, even if no connection waits. This
 * function then lends the reserve, so that the next request has a descriptor
 * and can wait for a connection. Other errors: see listener_accept_failed().
 */
void listener_request_failed(void);

/*
 * Must be called with the result of an accept request of io_uring, *fd. If the
 * reserve is lent, the connection has its number. This function then moves the
 * connection to another descriptor and takes the reserve back. Returns false if
 * there is no other descriptor. The caller must then refuse the connection.
 */
bool listener_keep(int *fd);

#endif
