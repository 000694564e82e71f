/*
 * unix_socket.c - paths, stale socket files, permissions.
 *
 * Nothing here is about multiplexing. What it does teach: bind(2) makes a
 * file, the file stays when its server is killed, and connect(2) with a socket
 * of the wrong type tells a live one from a stale one unnoticed.
 */
#include "unix_socket.h"
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef SO_PASSRIGHTS /* headers older than the kernel */
#define SO_PASSRIGHTS 83
#endif

enum { PATH_LIMIT = sizeof(((struct sockaddr_un *)0)->sun_path) - 1 };

socklen_t unix_address(const char *path, struct sockaddr_un *address,
                       struct unix_problem *problem)
{
    const size_t length = strlen(path);
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (length == 0 || strcmp(path, "@") == 0) {
        snprintf(problem->text, sizeof(problem->text),
                 "the socket's path is empty: give a path such as /tmp/echo, "
                 "or @NAME for the abstract namespace");
        return 0;
    }
    if (length > PATH_LIMIT) {
        snprintf(problem->text, sizeof(problem->text),
                 "the socket's path is %zu bytes long, the limit is %d "
                 "(unix(7)): %.100s...",
                 length, PATH_LIMIT, path);
        return 0;
    }
    memcpy(address->sun_path, path, length);
    if (path[0] == '@') { /* the length counts, and no NUL ends the name */
        address->sun_path[0] = '\0';
        return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    }
    return sizeof(*address);
}

/* The sentence for a failed system call. Returns -1. */
static int fail(struct unix_problem *problem, const char *call,
                const char *path)
{
    const int error = errno;
    problem->in_use = error == EADDRINUSE;
    snprintf(problem->text, sizeof(problem->text),
             "cannot listen on %s: %s: %s (%s)%s", path, call,
             strerrorname_np(error), strerror(error),
             error == ENOENT ? "; its directory has to be there before" : "");
    return -1;
}

/*
 * bind(2) said EADDRINUSE. Is somebody listening? Ask with a datagram socket:
 * EPROTOTYPE says that a stream socket is alive behind the file, ECONNREFUSED
 * that nobody is, and no listener ever hears of the question. Removes a stale
 * file and returns 0; else -1 with the problem.
 */
static int remove_stale(const char *path, const struct sockaddr_un *address,
                        socklen_t size, struct unix_problem *problem)
{
    struct stat file;
    if (lstat(path, &file) < 0)
        return errno == ENOENT ? 0 : fail(problem, "lstat", path);
    if (!S_ISSOCK(file.st_mode)) {
        snprintf(problem->text, sizeof(problem->text),
                 "%s exists and is not a socket: it is left alone; choose "
                 "another path, or remove it yourself",
                 path);
        return -1;
    }
    const int probe = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (probe < 0)
        return fail(problem, "socket", path);
    const int result = connect(probe, (const struct sockaddr *)address, size);
    const int error = result < 0 ? errno : 0;
    close(probe);
    if (error == 0 || error == EPROTOTYPE) {
        problem->in_use = true;
        snprintf(problem->text, sizeof(problem->text),
                 "a server is already running on %s: stop it, or choose "
                 "another path",
                 path);
        return -1;
    }
    errno = error;
    if (error != ECONNREFUSED && error != ENOENT)
        return fail(problem, "connect", path);
    if (unlink(path) < 0 && errno != ENOENT)
        return fail(problem, "unlink", path);
    return 0;
}

/*
 * Two servers that start at once on one stale file must not each remove what
 * they take for stale: one of the two files is alive by then. So they take
 * turns, by a lock on the directory; for a second at most, since whoever may
 * read the directory may hold its lock. Returns the lock's descriptor, or -1.
 */
static int lock_directory(const char *path)
{
    char directory[PATH_LIMIT + 2];
    const char *const slash = strrchr(path, '/');
    if (slash == NULL)
        snprintf(directory, sizeof(directory), ".");
    else
        snprintf(directory, sizeof(directory), "%.*s",
                 slash == path ? 1 : (int)(slash - path), path);
    const int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; fd >= 0 && i < 100; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            break;
        poll(NULL, 0, 10);
    }
    return fd;
}

/* bind(2), past a stale file. Returns 0, or -1 with the problem. */
static int bind_path(int fd, const char *path,
                     const struct sockaddr_un *address, socklen_t size,
                     struct unix_problem *problem)
{
    const struct sockaddr *const name = (const struct sockaddr *)address;
    if (bind(fd, name, size) == 0)
        return 0;
    if (errno != EADDRINUSE)
        return fail(problem, "bind", path);
    if (path[0] == '@') {
        problem->in_use = true;
        snprintf(problem->text, sizeof(problem->text),
                 "a server is already running on %s: stop it, or choose "
                 "another name",
                 path);
        return -1;
    }
    if (remove_stale(path, address, size, problem) < 0)
        return -1;
    return bind(fd, name, size) == 0 ? 0 : fail(problem, "bind", path);
}

/* Make the private directory and the path in it. */
static int make_path(struct unix_listener *listener,
                     struct unix_problem *problem)
{
    const char *const tmp = getenv("TMPDIR");
    const int n =
        snprintf(listener->directory, sizeof(listener->directory),
                 "%s/iomux-XXXXXX", tmp != NULL && *tmp != '\0' ? tmp : "/tmp");
    if (n < 0 || (size_t)n + strlen("/echo") > PATH_LIMIT) {
        listener->directory[0] = '\0';
        snprintf(problem->text, sizeof(problem->text),
                 "TMPDIR is too long for the path of a socket (%d bytes, "
                 "unix(7)): set a shorter one, or give --socket",
                 PATH_LIMIT);
        return -1;
    }
    if (mkdtemp(listener->directory) == NULL) {
        const int result = fail(problem, "mkdtemp", listener->directory);
        listener->directory[0] = '\0';
        return result;
    }
    snprintf(listener->path, sizeof(listener->path), "%.*s/echo", n,
             listener->directory);
    return 0;
}

/*
 * Let no client pass descriptors (SCM_RIGHTS, unix(7)). Nobody here takes them,
 * and yet they do harm: a client that passes its own end through the connection
 * and exits never ends, and a TCP socket whose close(2) lingers (SO_LINGER)
 * makes the thread sleep that drops it. The connections that are accepted have
 * it from here. Before Linux 6.16 there is no way to refuse.
 */
static void refuse_descriptors(int listen_fd)
{
    setsockopt(listen_fd, SOL_SOCKET, SO_PASSRIGHTS, &(int){0}, sizeof(int));
}

/* The socket, bound and listening. Returns 0, or -1 with the problem. */
static int open_listener(struct unix_listener *listener,
                         struct unix_problem *problem)
{
    const char *const path = listener->path;
    struct sockaddr_un address;
    struct stat file;
    const socklen_t size = unix_address(path, &address, problem);
    if (size == 0)
        return -1;
    listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener->fd < 0)
        return fail(problem, "socket", path);
    refuse_descriptors(listener->fd);
    if (path[0] == '@') {
        if (bind_path(listener->fd, path, &address, size, problem) < 0)
            return -1;
    } else {
        /* The mode before bind(2): the file is never any other. */
        if (fchmod(listener->fd, 0600) < 0)
            return fail(problem, "fchmod", path);
        const int turn = lock_directory(path);
        const int bound =
            bind_path(listener->fd, path, &address, size, problem);
        if (turn >= 0)
            close(turn);
        if (bound < 0)
            return -1;
        if (lstat(path, &file) < 0) {
            fail(problem, "lstat", path);
            unlink(path);
            return -1;
        }
        listener->device = file.st_dev;
        listener->inode = file.st_ino;
    }
    const int result = listen(listener->fd, SOMAXCONN);
    trace_listen(listener->fd, result);
    return result == 0 ? 0 : fail(problem, "listen", path);
}

int unix_listen(const char *path, struct unix_listener *listener,
                struct unix_problem *problem)
{
    *listener = (struct unix_listener){.fd = -1};
    *problem = (struct unix_problem){.in_use = false};
    /* Whatever the user's umask is: for the owner all, for others nothing. */
    const mode_t umask_before = umask(077);
    int result = 0;
    if (path == NULL)
        result = make_path(listener, problem);
    else
        snprintf(listener->path, sizeof(listener->path), "%s", path);
    if (result == 0)
        result = open_listener(listener, problem);
    umask(umask_before);
    if (result == 0)
        return 0;
    unix_remove(listener);
    if (listener->fd >= 0)
        close(listener->fd);
    return -1;
}

void unix_remove(const struct unix_listener *listener)
{
    struct stat file;
    if (listener->inode != 0 && lstat(listener->path, &file) == 0 &&
        file.st_dev == listener->device && file.st_ino == listener->inode)
        unlink(listener->path);
    if (listener->directory[0] != '\0')
        rmdir(listener->directory);
}
