/*
 * listener.c - stale socket files, permissions, and refused connections.
 *
 * Leaves out datagrams and locks: if two servers start at the same moment on
 * the same stale file, one of them may lose its file.
 */
#include "listener.h"
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef SO_PASSRIGHTS /* headers older than the kernel */
#define SO_PASSRIGHTS 83
#endif

enum {
    PAUSE_MS = 10,   /* after an accept that fails for lack of memory */
    IN_USE_MS = 100, /* for which an address in use is tried again */
    RETRY_MS = 5
};

/* --- errors -------------------------------------------------------------- */

/* Describes a failed system call. Returns -1. */
static int call_failed(struct listener_error *error, const char *call,
                       const char *path)
{
    const char *advice = "";
    if (errno == ENOENT)
        advice = "; create its directory first";
    else if (errno == EACCES && strncmp(path, "tcp:", 4) == 0)
        advice = "; choose a port above 1023, which needs no privilege";
    else if ((errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT) &&
             strncmp(path, "tcp:[", 5) == 0)
        advice = "; this machine has no ::1, so use tcp:PORT";
    snprintf(error->text, sizeof(error->text), "cannot listen on %s: %s: %s%s",
             path, call, trace_errno(errno), advice);
    return -1;
}

/* Describes an address that another server uses. Returns -1. */
static int address_in_use(struct listener_error *error, const char *path)
{
    const char *kind = "path";
    if (path[0] == '@')
        kind = "name";
    else if (strncmp(path, "tcp:", 4) == 0)
        kind = "port";
    error->in_use = true;
    snprintf(error->text, sizeof(error->text),
             "a server is already running on %s: stop it, or choose another %s",
             path, kind);
    return -1;
}

/* --- the socket file ----------------------------------------------------- */

/*
 * Removes the socket file at path if it is stale. Finds out with a datagram
 * socket: its connect(2) fails with EPROTOTYPE if a stream socket listens there
 * and with ECONNREFUSED if none does. The listener does not notice. Returns 0,
 * or -1 with *error set.
 */
static int remove_stale(const char *path, const struct address *address,
                        struct listener_error *error)
{
    struct stat file;
    if (lstat(path, &file) < 0)
        return errno == ENOENT ? 0 : call_failed(error, "lstat", path);
    if (!S_ISSOCK(file.st_mode)) {
        snprintf(error->text, sizeof(error->text),
                 "%s exists and is not a socket: choose another path, or "
                 "remove the file",
                 path);
        return -1;
    }
    int probe = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (probe < 0)
        return call_failed(error, "socket", path);
    int result = connect(probe, &address->name.any, address->size);
    int reason = result < 0 ? errno : 0;
    close(probe);
    if (reason == 0 || reason == EPROTOTYPE)
        return address_in_use(error, path);
    errno = reason;
    if (reason != ECONNREFUSED && reason != ENOENT)
        return call_failed(error, "connect", path);
    if (unlink(path) < 0 && errno != ENOENT)
        return call_failed(error, "unlink", path);
    return 0;
}

/* Calls bind(2), and replaces a stale file. Returns 0, or -1 with *error set.
 */
static int try_to_bind(int fd, const char *path, const struct address *address,
                       struct listener_error *error)
{
    if (bind(fd, &address->name.any, address->size) == 0)
        return 0;
    if (errno != EADDRINUSE)
        return call_failed(error, "bind", path);
    if (path[0] == '@' || address_is_tcp(address))
        return address_in_use(error, path);
    if (remove_stale(path, address, error) < 0)
        return -1;
    if (bind(fd, &address->name.any, address->size) == 0)
        return 0;
    if (errno == EADDRINUSE) /* another server was faster */
        return address_in_use(error, path);
    return call_failed(error, "bind", path);
}

/* The same, but tries again while the address is in use. */
static int bind_address(int fd, const char *path, const struct address *address,
                        struct listener_error *error)
{
    int result = try_to_bind(fd, path, address, error);
    for (int ms = 0; ms < IN_USE_MS && error->in_use; ms += RETRY_MS) {
        poll(NULL, 0, RETRY_MS);
        error->in_use = false;
        result = try_to_bind(fd, path, address, error);
    }
    return result;
}

/* Creates the private directory and sets the path in it. Returns 0, or -1 with
 * *error set. */
static int make_directory(struct listener *listener,
                          struct listener_error *error)
{
    const char *tmp = getenv("TMPDIR");
    int n =
        snprintf(listener->directory, sizeof(listener->directory),
                 "%s/iomux-XXXXXX", tmp != NULL && *tmp != '\0' ? tmp : "/tmp");
    if (n < 0 || (size_t)n + strlen("/echo") > ADDRESS_PATH_LIMIT) {
        listener->directory[0] = '\0';
        snprintf(error->text, sizeof(error->text),
                 "TMPDIR is too long for the path of a socket (%d bytes, "
                 "unix(7)): set a shorter one, or use --socket",
                 ADDRESS_PATH_LIMIT);
        return -1;
    }
    if (mkdtemp(listener->directory) == NULL) {
        call_failed(error, "mkdtemp", listener->directory);
        listener->directory[0] = '\0';
        return -1;
    }
    snprintf(listener->path, sizeof(listener->path), "%.*s/echo", n,
             listener->directory);
    return 0;
}

/* --- the listening socket ------------------------------------------------ */

/*
 * Refuses descriptors that clients pass (SCM_RIGHTS, unix(7)). No stage
 * receives them, but they do harm. A client that passes its own end through the
 * connection and exits keeps the connection open. A TCP socket with SO_LINGER
 * blocks the thread that discards it. Accepted connections inherit the option.
 * Before Linux 6.16 there is no way to refuse.
 */
static void refuse_descriptors(int listen_fd)
{
    setsockopt(listen_fd, SOL_SOCKET, SO_PASSRIGHTS, &(int){0}, sizeof(int));
}

/* Binds the socket to a path and notes the file. Returns 0, or -1 with *error
 * set. */
static int bind_file(struct listener *listener, const struct address *address,
                     struct listener_error *error)
{
    struct stat file;
    /* The mode is set before bind(2), so the file never has another one. */
    if (fchmod(listener->fd, 0600) < 0)
        return call_failed(error, "fchmod", listener->path);
    if (bind_address(listener->fd, listener->path, address, error) < 0)
        return -1;
    if (lstat(listener->path, &file) < 0) {
        call_failed(error, "lstat", listener->path);
        unlink(listener->path);
        return -1;
    }
    listener->device = file.st_dev;
    listener->inode = file.st_ino;
    return 0;
}

/* Binds the socket to a TCP port. Returns 0, or -1 with *error set. */
static int bind_port(struct listener *listener, struct address *address,
                     struct listener_error *error)
{
    const char *path = listener->path;
    /* Connections of an earlier server, in TIME_WAIT, still have the port. */
    setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind_address(listener->fd, path, address, error) < 0)
        return -1;
    if (getsockname(listener->fd, &address->name.any, &address->size) < 0)
        return call_failed(error, "getsockname", path);
    address_print(address, listener->path);
    return 0;
}

static int open_socket(struct listener *listener, bool lockstep,
                       struct listener_error *error)
{
    const char *path = listener->path;
    struct address address;
    if (!address_parse(path, &address, error->text))
        return -1;
    listener->fd = address_socket(&address, lockstep);
    if (listener->fd < 0)
        return call_failed(error, "socket", path);
    refuse_descriptors(listener->fd);
    int bound;
    if (address_is_tcp(&address))
        bound = bind_port(listener, &address, error);
    else if (path[0] == '@')
        bound = bind_address(listener->fd, path, &address, error);
    else
        bound = bind_file(listener, &address, error);
    if (bound < 0)
        return -1;
    int result = listen(listener->fd, SOMAXCONN);
    trace_listen(listener->fd, result);
    if (result == 0)
        return 0;
    /* With SO_REUSEADDR, two servers can bind a port, and the first listens. */
    if (errno == EADDRINUSE && address_is_tcp(&address))
        return address_in_use(error, path);
    return call_failed(error, "listen", path);
}

int listener_open(const char *path, bool lockstep, struct listener *listener,
                  struct listener_error *error)
{
    *listener = (struct listener){.fd = -1};
    *error = (struct listener_error){.in_use = false};
    /* The user's umask must not add or remove rights of the owner. */
    mode_t umask_before = umask(077);
    int result = 0;
    if (path == NULL)
        result = make_directory(listener, error);
    else
        snprintf(listener->path, sizeof(listener->path), "%s", path);
    if (result == 0)
        result = open_socket(listener, lockstep, error);
    umask(umask_before);
    if (result == 0)
        return 0;
    listener_remove(listener);
    if (listener->fd >= 0)
        close(listener->fd);
    listener->fd = -1;
    return -1;
}

bool listener_is_public(const struct listener *listener)
{
    return listener->inode == 0;
}

void listener_remove(const struct listener *listener)
{
    struct stat file;
    if (listener->inode != 0 && lstat(listener->path, &file) == 0 &&
        file.st_dev == listener->device && file.st_ino == listener->inode)
        unlink(listener->path);
    if (listener->directory[0] != '\0')
        rmdir(listener->directory);
}

int listener_set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0)
        return -1;
    return fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -1 : 0;
}

/* --- the reserve descriptor ---------------------------------------------- */

static int reserve_fd = -1; /* used by one thread at a time */

/* /dev/null needs no memory of its own and is never busy. */
static bool take_reserve(void)
{
    reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return reserve_fd >= 0;
}

void listener_open_reserve(void)
{
    if (take_reserve() && dup3(reserve_fd, STDIN_FILENO, O_CLOEXEC) >= 0)
        close(reserve_fd);
    reserve_fd = STDIN_FILENO;
}

/* Returns true if listen_fd has a connection to accept or is shut down. Waits
 * for that, at most timeout_ms milliseconds, or without limit if it is -1. */
static bool is_ready(int listen_fd, int timeout_ms)
{
    struct pollfd listener = {.fd = listen_fd, .events = POLLIN};
    int ready = poll(&listener, 1, timeout_ms);
    /* EINVAL: RLIMIT_NOFILE is 0. The caller's next call fails, too. */
    return ready > 0 || (ready < 0 && errno == EINVAL);
}

static bool is_blocking(int fd)
{
    return (fcntl(fd, F_GETFL) & O_NONBLOCK) == 0;
}

/*
 * Accepts one connection with the descriptor that the reserve occupies, and
 * closes it. Returns 0, or the errno of the call that failed.
 */
static int refuse_connection(int listen_fd)
{
    if (reserve_fd < 0 && !take_reserve())
        return errno;
    close(reserve_fd);
    reserve_fd = -1;
    int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    int error = fd < 0 ? errno : 0;
    trace_accept(fd);
    if (fd >= 0) {
        trace_refused(fd, "no descriptor left");
        close(fd);
    }
    take_reserve();
    return error;
}

/*
 * Handles EMFILE and ENFILE. accept4(2) takes a descriptor before it looks at
 * the backlog, so it fails with these errors even if no connection waits.
 * Returns true if one may still wait.
 */
static bool no_descriptor(int listen_fd)
{
    if (is_ready(listen_fd, 0)) {
        int error = refuse_connection(listen_fd);
        if (error == EAGAIN || error == EINVAL)
            return false; /* its client has left, or the program stops */
        if (error != 0)
            poll(NULL, 0, PAUSE_MS);
        return true;
    }
    if (!is_blocking(listen_fd))
        return false;
    /* By the time a client connects, there may be a descriptor again. */
    is_ready(listen_fd, -1);
    return true;
}

bool listener_accept_failed(int listen_fd)
{
    int accept_errno = errno;
    bool may_wait = true;
    switch (accept_errno) {
    case EINTR:
    case ECONNABORTED:
        break;
    case EAGAIN:
    case EINVAL: /* the socket is shut down, because the program stops */
        may_wait = false;
        break;
    case EMFILE:
    case ENFILE:
        may_wait = no_descriptor(listen_fd);
        break;
    default:
        poll(NULL, 0, PAUSE_MS);
    }
    errno = accept_errno;
    return may_wait;
}

void listener_request_failed(void)
{
    int request_errno = errno;
    switch (request_errno) {
    case EINTR:
    case ECONNABORTED:
    case EINVAL:    /* the socket is shut down, because the program stops */
    case ECANCELED: /* the same, if the kernel may create no thread */
        break;
    case EMFILE:
    case ENFILE:
        if (reserve_fd >= 0) {
            close(reserve_fd);
            reserve_fd = -1;
            break;
        }
        poll(NULL, 0, PAUSE_MS); /* another process has taken it */
        break;
    default:
        poll(NULL, 0, PAUSE_MS);
    }
    errno = request_errno;
}

bool listener_keep(int *fd)
{
    if (*fd < 0 || reserve_fd >= 0)
        return true;
    int moved = fcntl(*fd, F_DUPFD_CLOEXEC, 1);
    if (moved < 0)
        return false;
    close(*fd);
    take_reserve();
    *fd = moved;
    return true;
}
