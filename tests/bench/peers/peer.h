/*
 * peer.h - what the peers share and no comparison is about: a listening socket,
 * and, for those whose library leaves it to them, receiving and sending.
 *
 * A peer is the same echo server as the stages of demos/, written as users of
 * a library write it, and measured beside them by scripts/bench. Its last
 * argument is the path of its socket; it says "ready: PATH" once it listens. It
 * ends by a signal; there is nothing to tidy up but the socket's name.
 */
#ifndef IOMUX_PEER_H
#define IOMUX_PEER_H

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { BUFFER_SIZE = 4096, MAX_EVENTS = 64 }; /* as in the stages */

/* End the program: it cannot work here. What a client does never leads here. */
static inline void die(const char *what)
{
    fprintf(stderr, "peer: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* Say that clients may come. */
static inline void say_ready(const char *path)
{
    printf("ready: %s\n", path);
    fflush(stdout);
}

/* The path that the command line names. */
static inline const char *path_of(int argc, char **argv)
{
    if (argc != 2 || argv[1][0] == '-' ||
        strlen(argv[1]) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
        fprintf(stderr, "usage: %s PATH (of the socket, at most 107 bytes)\n",
                program_invocation_name);
        exit(2);
    }
    signal(SIGPIPE, SIG_IGN); /* not every library knows MSG_NOSIGNAL */
    return argv[1];
}

/* A socket that listens at path and does not block. */
static inline int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int fd =
        socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    memcpy(address.sun_path, path, strlen(path));
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(fd, SOMAXCONN) < 0)
        die(path);
    return fd;
}

/* What a client has sent and not yet got back. */
struct rest {
    char *bytes; /* NULL: nothing */
    size_t size;
};

/* Send size bytes and keep what does not go. False: the client is gone. */
static inline bool send_or_keep(int fd, struct rest *rest, const char *bytes,
                                size_t size)
{
    const ssize_t n = send(fd, bytes, size, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        return false;
    const size_t left = size - (n > 0 ? (size_t)n : 0);
    if (left == 0 && rest->size == 0)
        return true; /* as nearly always */
    char *const kept = left > 0 ? malloc(left) : NULL;
    if (left > 0 && kept == NULL)
        return false;
    if (left > 0)
        memcpy(kept, bytes + (size - left), left);
    free(rest->bytes);
    *rest = (struct rest){.bytes = kept, .size = left};
    return true;
}

/* The client can be read from: echo. False: it is done with. */
static inline bool echo(int fd, struct rest *rest)
{
    char buffer[BUFFER_SIZE];
    const ssize_t n = recv(fd, buffer, sizeof(buffer), 0);
    if (n <= 0)
        return n < 0 && (errno == EAGAIN || errno == EINTR);
    return send_or_keep(fd, rest, buffer, (size_t)n);
}

/* The client has room again. False: it is done with. */
static inline bool send_rest(int fd, struct rest *rest)
{
    return send_or_keep(fd, rest, rest->bytes, rest->size);
}

#endif
