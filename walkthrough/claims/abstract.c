/*
 * abstract.c - Unix-domain sockets
 *
 * Claim: an abstract name is a string after a NUL, and needs to be removed
 * Truth: false. It is as many bytes as the length of the address gives, and
 * some of them may be zero bytes. A length that is too large makes another
 * name. The name is not a file, has no permissions, and disappears with the
 * last descriptor of the socket.
 * Settled by: unix(7), Abstract sockets.
 * Try: ss -xl, which prints an @ for the first zero byte.
 */
#include "claim.h"

static struct sockaddr_un address = {.sun_family = AF_UNIX};

/* Returns the length of an address with this many bytes after the NUL. */
static socklen_t length_of(size_t bytes)
{
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + bytes);
}

static const char *try_bind(int fd, size_t bytes)
{
    const int result = bind(fd, (struct sockaddr *)&address, length_of(bytes));
    return error_name(result < 0 ? errno : 0);
}

int main(void)
{
    int fd[4];
    for (int i = 0; i < 4; i++)
        fd[i] = must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
    const int n = snprintf(address.sun_path + 1, 40, "claim-%d", getpid());
    const size_t name = (size_t)n;

    const char *error = try_bind(fd[0], name);
    saw(strcmp(error, "none") == 0, "bind to a name, error: %s", error);
    error = try_bind(fd[1], name);
    saw(strcmp(error, "EADDRINUSE") == 0, "the same name again: %s", error);
    error = try_bind(fd[2], name + 1);
    saw(strcmp(error, "none") == 0,
        "the same and one NUL more, another name, error: %s", error);
    saw(access(address.sun_path + 1, F_OK) < 0, "a file of that name: %s",
        error_name(errno));
    close(fd[0]);
    error = try_bind(fd[3], name);
    saw(strcmp(error, "none") == 0, "closed, then bind again, error: %s",
        error);
    return verdict("false",
                   "an abstract name is a string after a NUL, and needs to be "
                   "removed",
                   "one NUL more is another name; no file; free again after "
                   "close");
}
