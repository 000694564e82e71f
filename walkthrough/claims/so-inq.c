/*
 * so-inq.c - level and edge
 *
 * Claim: only EAGAIN shows that a socket has been emptied
 * Truth: false, from Linux 6.17 on. With the option SO_INQ each recvmsg
 * returns how many bytes are left at most, including those behind a passed
 * descriptor. If the number is 0, later bytes give a new edge, so the recv
 * that would fail with EAGAIN can be saved. But the number needs room behind
 * the descriptors that a peer may pass, and the program must close those. An
 * end of file is not a byte, so test the event for RDHUP.
 * Settled by: net/unix/af_unix.c, unix_stream_read_generic(), scm->inq.
 * Try: make room for one of the two. What does recvmsg omit? Then send a byte
 * with MSG_OOB. It is counted, so the number is never 0 again.
 */
#include "claim.h"

#ifndef SO_INQ /* headers older than the kernel */
#define SO_INQ  84
#define SCM_INQ SO_INQ
#endif

/* Receives at most 100 bytes. Sets how many are left. Returns how many. */
static ssize_t receive(int fd, int *left)
{
    char buffer[100];
    union {
        struct cmsghdr header;
        char room[2 * CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec bytes = {.iov_base = buffer, .iov_len = sizeof(buffer)};
    struct msghdr message = {.msg_iov = &bytes,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    const ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT);
    *left = -1;
    for (struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&message); c != NULL;
         c = CMSG_NXTHDR(&message, c)) {
        int number;
        memcpy(&number, CMSG_DATA(c), sizeof(number));
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_INQ)
            *left = number;
        else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
            close(number); /* there was room for it, so it is ours */
    }
    return n;
}

int main(void)
{
    int pair[2], left;
    make_pair(pair);
    const int epoll_fd = new_epoll();
    watch(epoll_fd, pair[0], EPOLLIN | EPOLLET);
    if (setsockopt(pair[0], SOL_SOCKET, SO_INQ, &(int){1}, sizeof(int)) < 0)
        not_tried("Unix-domain sockets have SO_INQ from Linux 6.17 on");

    send(pair[1], "aa", 2, 0);
    send_with_descriptor(pair[1], "bb", epoll_fd);
    send(pair[1], "cc", 2, 0);
    const uint32_t first = ask(epoll_fd);
    ssize_t n = receive(pair[0], &left);
    saw(first == EPOLLIN && n == 4 && left == 2,
        "aa, bb with a descriptor, cc: %s; recvmsg of 100 bytes returns %zd, "
        "%d are left",
        event_names(first), n, left);
    n = receive(pair[0], &left);
    saw(n == 2 && left == 0, "  once again: %zd, %d are left, and we stop", n,
        left);

    send(pair[1], "dd", 2, 0);
    const uint32_t next = ask(epoll_fd);
    n = receive(pair[0], &left);
    saw(next == EPOLLIN && n == 2 && left == 0,
        "more comes: %s; recvmsg returns %zd, %d are left", event_names(next),
        n, left);
    return verdict("false", "only EAGAIN shows that a socket has been emptied",
                   "with SO_INQ recvmsg returns how many bytes are left; after "
                   "0 the next byte gives an edge");
}
