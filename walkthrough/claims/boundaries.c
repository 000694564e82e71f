/*
 * boundaries.c - Unix-domain sockets
 *
 * Claim: what was sent with one send is received with one recv
 * Truth: false for SOCK_STREAM, both on a Unix-domain socket and over TCP. It
 * is a stream of bytes: one recv may return the bytes of several sends, and
 * one send may need several calls of recv. A protocol needs an end mark or a
 * length. SOCK_SEQPACKET keeps boundaries.
 * Settled by: unix(7), socket(2), SOCK_STREAM and SOCK_SEQPACKET.
 * Try: SOCK_SEQPACKET, and a buffer that is too small.
 */
#include "claim.h"

int main(void)
{
    int stream[2], packet[2];
    char buffer[20];
    make_pair(stream);
    send(stream[1], "one", 3, 0);
    send(stream[1], "two", 3, 0);
    ssize_t n = recv(stream[0], buffer, sizeof(buffer), 0);
    saw(n == 6, "two sends, one recv: \"%.*s\"", (int)n, buffer);

    send(stream[1], "three", 5, 0);
    n = recv(stream[0], buffer, 2, 0);
    const ssize_t rest = recv(stream[0], buffer + n, 10, 0);
    saw(n == 2 && rest == 3, "one send, two recv: \"%.2s\" and \"%.3s\"",
        buffer, buffer + 2);

    must(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, packet), "SOCK_SEQPACKET");
    send(packet[1], "one", 3, 0);
    send(packet[1], "two", 3, 0);
    n = recv(packet[0], buffer, sizeof(buffer), 0);
    saw(n == 3, "SOCK_SEQPACKET, two sends, one recv: \"%.*s\"", (int)n,
        buffer);
    return verdict("false",
                   "what was sent with one send is received with one recv",
                   "one recv returns two sends, and one send needs two; only "
                   "SOCK_SEQPACKET keeps boundaries");
}
