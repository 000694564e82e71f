/*
 * stale.c - Unix-domain sockets
 *
 * Claim: when the server ends, its socket file goes with it
 * Truth: false. The file stays. The next bind to it fails with EADDRINUSE,
 * although no server is running, and connect fails with ECONNREFUSED, as it
 * does before listen. Without the file it fails with ENOENT. So remove the
 * file, but not one that is in use.
 * Settled by: unix(7), NOTES; bind(2), connect(2).
 * Try: kill -9 a stage that serves, and start it again. What does it check?
 */
#include "claim.h"

#include <sys/stat.h>

static struct sockaddr_un address = {.sun_family = AF_UNIX};

static const char *try_bind(int fd)
{
    const int result = bind(fd, (struct sockaddr *)&address, sizeof(address));
    return error_name(result < 0 ? errno : 0);
}

static const char *try_connect(void)
{
    const int fd = must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
    const int result =
        connect(fd, (struct sockaddr *)&address, sizeof(address));
    const char *error = error_name(result < 0 ? errno : 0);
    close(fd);
    return error;
}

int main(void)
{
    char directory[] = "/tmp/claim.XXXXXX";
    const int first_fd = must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
    const int next_fd = must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
    if (mkdtemp(directory) == NULL)
        not_tried("no directory can be made in /tmp");
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", directory);

    const char *error = try_connect();
    saw(strcmp(error, "ENOENT") == 0, "no file yet, connect: %s", error);
    error = try_bind(first_fd);
    saw(strcmp(error, "none") == 0, "bind, error: %s", error);
    error = try_connect();
    saw(strcmp(error, "ECONNREFUSED") == 0, "before listen, connect: %s",
        error);
    close(first_fd);
    error = try_connect();
    saw(strcmp(error, "ECONNREFUSED") == 0, "closed, connect: %s", error);
    error = try_bind(next_fd);
    saw(strcmp(error, "EADDRINUSE") == 0, "closed, bind: %s", error);
    unlink(address.sun_path);
    error = try_bind(next_fd);
    saw(strcmp(error, "none") == 0, "file removed, bind, error: %s", error);
    unlink(address.sun_path);
    rmdir(directory);
    return verdict("false",
                   "when the server ends, its socket file goes with it",
                   "it stays: connect is ECONNREFUSED, bind EADDRINUSE, until "
                   "it is removed");
}
