/*
 * nagle.c - TCP
 *
 * Claim: a byte that send has taken is sent at once
 * Truth: depends. Nagle's algorithm holds a small segment back while an earlier
 * one is not acknowledged, and the peer delays its acknowledgement to send it
 * together with an answer. Each waits for the other. TCP_NODELAY ends this.
 * Settled by: tcp(7), TCP_NODELAY; RFC 9293, 3.7.4; RFC 1122, 4.2.3.2.
 * Try: one send of two bytes instead of two sends. Or try TCP_CORK.
 */
#include "claim.h"

#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>

/* Some questions and answers. After them, the peer delays acknowledgements. */
static void talk(const int pair[2])
{
    char byte;
    for (int i = 0; i < 3; i++) {
        send(pair[0], "q", 1, 0);
        recv(pair[1], &byte, 1, 0);
        send(pair[1], "a", 1, 0);
        recv(pair[0], &byte, 1, 0);
    }
}

/* Sends two bytes with two calls, ten times. Returns in how many of them the
 * second byte stays in the socket of the sender. */
static int count_held(int no_delay)
{
    int held = 0;
    for (int i = 0; i < 10; i++) {
        int pair[2], unsent = 0;
        make_tcp_pair(pair);
        must(setsockopt(pair[0], IPPROTO_TCP, TCP_NODELAY, &no_delay,
                        sizeof(no_delay)),
             "TCP_NODELAY");
        talk(pair);
        send(pair[0], "o", 1, 0);
        send(pair[0], "k", 1, 0);
        must(ioctl(pair[0], SIOCOUTQNSD, &unsent), "SIOCOUTQNSD");
        held += unsent == 1;
        close(pair[0]);
        close(pair[1]);
    }
    return held;
}

int main(void)
{
    int held = count_held(0);
    saw(held > 0, "two sends of one byte: the second byte is %s",
        held > 0 ? "held back" : "sent");
    held = count_held(1);
    saw(held == 0, "with TCP_NODELAY: the second byte is %s",
        held > 0 ? "held back" : "sent");
    return verdict(
        "depends", "a byte that send has taken is sent at once",
        "the second of two small sends waits for an acknowledgement, "
        "unless TCP_NODELAY is set");
}
