/*
 * small-sends.c - Unix-domain sockets
 *
 * Claim: a socket accepts as many bytes as SO_SNDBUF
 * Truth: false. The kernel also counts its own structures for each send. Of
 * single bytes, a socket accepts less than a hundredth of this number.
 * Settled by: socket(7), SO_SNDBUF; net/unix/af_unix.c, unix_stream_sendmsg,
 * and sock_alloc_send_pskb in net/core/sock.c, which does the charging.
 * Try: count how many sends of one byte succeed, and divide.
 */
#include "claim.h"

/* Sends pieces of a size until EAGAIN. Returns the number of bytes. */
static long fill(size_t piece)
{
    static const char bytes[4096];
    int pair[2];
    long sum = 0;
    make_pair(pair);
    for (;;) {
        const ssize_t n = send(pair[0], bytes, piece, MSG_DONTWAIT);
        if (n < 0)
            break;
        sum += n;
    }
    if (errno != EAGAIN)
        saw(false, "send: %s, not EAGAIN", error_name(errno));
    return sum;
}

int main(void)
{
    int pair[2], limit = 0;
    socklen_t size = sizeof(limit);
    make_pair(pair);
    must(getsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &limit, &size),
         "getsockopt");
    const long ones = fill(1), pages = fill(4096);
    saw(ones < limit / 100,
        "sends of 1 byte until EAGAIN: less than 1/100 of SO_SNDBUF");
    saw(pages > limit / 4 && pages < limit,
        "sends of 4 KiB until EAGAIN: more than 1/4, less than all");
    saw(ones > 0 && pages > 100 * ones,
        "in larger pieces more than 100 times as many bytes go in");
    return verdict("false", "a socket accepts as many bytes as SO_SNDBUF",
                   "of single bytes less than 1/100 of it, of 4 KiB pieces "
                   "more than 1/4, never all");
}
