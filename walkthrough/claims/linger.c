/*
 * linger.c - Unix-domain sockets
 *
 * Claim: a recv with MSG_DONTWAIT never blocks
 * Truth: false. A recv closes the descriptors that were passed with the bytes
 * if the program does not receive them. The last close of a TCP socket with
 * SO_LINGER blocks until the unsent bytes are taken, or as long as the sender
 * has set. The thread that calls recv is the one that closes.
 * Settled by: socket(7), SO_LINGER; unix(7), SCM_RIGHTS; net/ipv4/tcp.c,
 * __tcp_close(), which sk_stream_wait_close() lets sleep.
 * Try: let the loop around send end after one call. What can close wait for?
 */
#include "claim.h"

static int pair[2];
static atomic_int tid, received;

static void *receive(void *nothing)
{
    char buffer[100];
    tid = gettid();
    received = (int)recv(pair[0], buffer, sizeof(buffer), MSG_DONTWAIT);
    return nothing;
}

int main(void)
{
    static const char bytes[65536];
    const struct linger hour = {.l_onoff = 1, .l_linger = 3600};
    int tcp[2];
    pthread_t thread;
    make_tcp_pair(tcp);
    while (send(tcp[1], bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
        ; /* its peer does not read, so the last of them stay here */
    must(setsockopt(tcp[1], SOL_SOCKET, SO_LINGER, &hour, sizeof(hour)),
         "SO_LINGER");

    make_pair(pair);
    must(send_with_descriptor(pair[1], "hi", tcp[1]), "sendmsg");
    close(tcp[1]);
    errno = pthread_create(&thread, NULL, receive, NULL);
    must(errno == 0 ? 0 : -1, "pthread_create");
    while (tid == 0)
        sched_yield();
    while (received == 0 && !asleep(tid))
        sched_yield();
    saw(received == 0, "a TCP socket with unsent bytes, passed: recv %s",
        received == 0 ? "with MSG_DONTWAIT blocks" : "does not block");
    close(tcp[0]); /* these bytes are never taken */
    pthread_join(thread, NULL);
    saw(received == 2, "its peer closes: recv returns %d", received);
    return verdict("false", "a recv with MSG_DONTWAIT never blocks",
                   "it blocks in the close of a passed TCP socket that "
                   "lingers, until the peer of that socket closes");
}
