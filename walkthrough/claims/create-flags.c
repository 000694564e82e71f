/*
 * create-flags.c - epoll's interface
 *
 * Claim: epoll_create1 takes the flags of open, such as O_NONBLOCK
 * Truth: false. Its only flag is EPOLL_CLOEXEC. The descriptor is for reading
 * and writing, but read and write fail, because an epoll instance has only
 * events. O_NONBLOCK can be set later, and changes nothing: a time-out of 0 is
 * what makes epoll_wait return at once.
 * Settled by: epoll_create1(2), EINVAL.
 * Try: epoll_wait with a time-out of -1 after O_NONBLOCK.
 */
#include "claim.h"

int main(void)
{
    char byte;
    int fd = epoll_create1(O_NONBLOCK);
    saw(fd < 0 && errno == EINVAL, "O_NONBLOCK: %s",
        error_name(fd < 0 ? errno : 0));
    fd = epoll_create1(1);
    saw(fd < 0 && errno == EINVAL, "1: %s", error_name(fd < 0 ? errno : 0));
    fd = must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    saw(fcntl(fd, F_GETFD) == FD_CLOEXEC, "EPOLL_CLOEXEC: closed by exec");
    int plain = must(epoll_create1(0), "epoll_create1");
    saw(fcntl(plain, F_GETFD) == 0, "0: not closed by exec");

    int flags = fcntl(fd, F_GETFL);
    saw((flags & O_ACCMODE) == O_RDWR, "opened for reading and writing");
    ssize_t n = read(fd, &byte, 1);
    saw(n < 0 && errno == EINVAL, "read: %s", error_name(n < 0 ? errno : 0));
    n = write(fd, "x", 1);
    saw(n < 0 && errno == EINVAL, "write: %s", error_name(n < 0 ? errno : 0));
    return verdict("false",
                   "epoll_create1 takes the flags of open, such as O_NONBLOCK",
                   "O_NONBLOCK and 1 are EINVAL, EPOLL_CLOEXEC is the only "
                   "flag; read and write are EINVAL");
}
