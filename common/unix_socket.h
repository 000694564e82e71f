/*
 * unix_socket.h - a listening or connected Unix-domain stream socket.
 *
 * The rules are unix(7)'s: a path is at most 107 bytes; a name that begins
 * with @ lives in the abstract namespace, not in the file system, and has no
 * permissions; a socket file outlives its server, and must be told apart from
 * one that is in use.
 *
 * Left out: datagrams, credentials, passing descriptors.
 */
#ifndef IOMUX_UNIX_SOCKET_H
#define IOMUX_UNIX_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

/* A listening socket, and what it leaves in the file system. */
struct unix_listener {
    int fd;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 1]; /* or @NAME */
    char directory[108]; /* the private directory made for it, or "" */
    dev_t device;        /* of the socket file, to know it again; */
    ino_t inode;         /* 0: an abstract name, no file */
};

/* Why something could not be done: a sentence for the user. */
struct unix_problem {
    bool in_use; /* a server is already running there */
    char text[400];
};

/*
 * Turn PATH or @NAME into an address. Returns its size for bind(2), or 0 with
 * the problem: empty, or too long.
 */
socklen_t unix_address(const char *path, struct sockaddr_un *address,
                       struct unix_problem *problem);

/*
 * Listen on path, or when it is NULL in a new directory that only its owner
 * can enter. The socket file has mode 0600. A stale socket file is replaced;
 * one that is in use, and a file of any other kind, is left alone. Changes the
 * umask for a moment: call it before there are threads. From Linux 6.16 on no
 * client can pass descriptors. Returns 0, or -1 with the problem and nothing
 * left behind.
 */
int unix_listen(const char *path, struct unix_listener *listener,
                struct unix_problem *problem);

/*
 * Remove the files that unix_listen() made, unless somebody has put others in
 * their place. Does not close the socket. Async-signal-safe.
 */
void unix_remove(const struct unix_listener *listener);

#endif
