/*
 * nonblock-shared.c - Unix-domain sockets
 *
 * Claim: O_NONBLOCK concerns only the descriptor for which it is set
 * Truth: false. It is a flag of the open file description. Descriptors made by
 * dup or fork refer to the same description, so they are non-blocking too.
 * MSG_DONTWAIT concerns one call.
 * Settled by: fcntl(2), F_SETFL; open(2), "Open file descriptions"; recv(2).
 * Try: set O_NONBLOCK for standard input, and look at your shell's.
 */
#include "claim.h"

/* The child has its descriptor from fork. */
static int set_nonblocking(int fd)
{
    return fcntl(fd, F_SETFL, O_NONBLOCK);
}

int main(void)
{
    int pair[2], other[2];
    char byte;
    make_pair(pair);
    int duplicate = must(dup(pair[0]), "dup");
    int status = end_of(start_child(set_nonblocking, pair[0]));
    saw(status == 0, "a child sets O_NONBLOCK");
    ssize_t n = recv(pair[0], &byte, 1, 0);
    saw(n < 0 && errno == EAGAIN, "recv in the parent: %s",
        error_name(n < 0 ? errno : 0));
    n = recv(duplicate, &byte, 1, 0);
    saw(n < 0 && errno == EAGAIN, "recv from a duplicate: %s",
        error_name(n < 0 ? errno : 0));

    make_pair(other);
    n = recv(other[0], &byte, 1, MSG_DONTWAIT);
    saw(n < 0 && errno == EAGAIN, "MSG_DONTWAIT, another socket: %s",
        error_name(n < 0 ? errno : 0));
    int flags = must(fcntl(other[0], F_GETFL), "F_GETFL");
    saw((flags & O_NONBLOCK) == 0, "that socket has no O_NONBLOCK afterwards");
    return verdict(
        "false", "O_NONBLOCK concerns only the descriptor for which it is set",
        "a child sets it: parent and duplicate get EAGAIN; MSG_DONTWAIT does "
        "not set it");
}
