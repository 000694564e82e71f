/*
 * send-whole.c - TCP
 *
 * Claim: send takes the bytes of a small message whole, or not at all
 * Truth: depends. A Unix-domain socket takes 4,096 bytes as one piece of
 * memory, so there is room for all of them or for none. TCP takes as many bytes
 * as there is room for, so send returns less at any byte.
 * Settled by: net/unix/af_unix.c, unix_stream_sendmsg(); net/ipv4/tcp.c,
 * tcp_sendmsg_locked(). send(2) promises neither.
 * Try: messages of 100,000 bytes on the Unix-domain socket.
 */
#include "claim.h"

#define MESSAGES 10000

/* Sends messages while the peer reads less than is sent. Returns how many of
 * them were cut. */
static int count_cut(const int pair[2])
{
    static char bytes[10007];
    int cut = 0;
    for (int i = 0; i < MESSAGES; i++) {
        ssize_t n = send(pair[0], bytes, 4096, MSG_DONTWAIT);
        cut += n > 0 && n < 4096;
        if (n < 0)
            recv(pair[1], bytes, sizeof(bytes), MSG_DONTWAIT);
    }
    return cut;
}

int main(void)
{
    int local[2], tcp[2];
    make_pair(local);
    make_tcp_pair(tcp);
    int cut = count_cut(local);
    saw(cut == 0, "Unix-domain: %d messages of 4096 bytes are cut", cut);
    cut = count_cut(tcp);
    saw(cut > 0, "TCP: %s of them are cut", cut > 0 ? "some" : "none");
    return verdict("depends",
                   "send takes the bytes of a small message whole, or not at "
                   "all",
                   "4096 bytes: a Unix-domain socket takes all or none, TCP "
                   "a part of them, too");
}
