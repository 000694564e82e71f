/*
 * quarter.c - Unix-domain sockets
 *
 * Claim: OUT means that there is room, and no OUT that there is none
 * Truth: false on a Unix-domain socket. OUT is reported while at most a
 * quarter of the send buffer is in use. So it disappears long before send
 * fails with EAGAIN, and returns only when the peer has read all but a
 * quarter.
 * Settled by: net/unix/af_unix.c, unix_writable; socket(7), SO_SNDBUF.
 * Try: sends of one byte. What does the kernel count for each?
 */
#include "claim.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

static int pair[2];

static bool is_out(void)
{
    struct pollfd entry = {.fd = pair[0], .events = POLLOUT};
    return poll(&entry, 1, 0) == 1;
}

/* Returns whether OUT is reported exactly if at most a quarter is in use. */
static bool obeys(int size)
{
    int in_use;
    must(ioctl(pair[0], SIOCOUTQ, &in_use), "SIOCOUTQ");
    return is_out() == (4 * (in_use + 1) <= size);
}

int main(void)
{
    char kilobyte[1024] = {0};
    int size, sent = 0, sent_with_out = 0, differ = 0, got = 0;
    socklen_t length = sizeof(size);
    make_pair(pair);
    must(getsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, &length),
         "SO_SNDBUF");

    while (send(pair[0], kilobyte, sizeof(kilobyte), MSG_DONTWAIT) > 0) {
        sent++;
        sent_with_out += is_out();
        differ += !obeys(size);
    }
    saw(errno == EAGAIN, "sends of 1 KiB until %s", error_name(errno));
    saw(2 * sent_with_out < sent, "OUT is gone after %s",
        2 * sent_with_out < sent ? "less than half of them" : "more than half");
    while (!is_out() && recv(pair[1], kilobyte, sizeof(kilobyte), 0) > 0) {
        got++;
        differ += !obeys(size);
    }
    saw(2 * got > sent, "the peer reads until OUT is back: %s",
        2 * got > sent ? "more than half of them" : "less than half");
    saw(differ == 0, "the rule of the quarter fails %d times", differ);
    return verdict(
        "false", "OUT means that there is room, and no OUT that there is none",
        "OUT disappears when more than a quarter of the send buffer is in use, "
        "long before EAGAIN, and returns when a quarter or less is in use");
}
