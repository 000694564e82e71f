/*
 * send-interrupted.c - Unix-domain sockets
 *
 * Claim: a send that blocks returns only when all bytes are sent
 * Truth: false. A signal with a handler interrupts it. If it has copied some
 * bytes by then, it returns their number. If it has copied none, it fails with
 * EINTR.
 * Settled by: signal(7), "Interruption of system calls"; net/unix/af_unix.c,
 * unix_stream_sendmsg().
 * Try: SA_RESTART. Which of the two results does it change?
 */
#include "claim.h"

#define SIZE (1 << 20)

static char bytes[SIZE];

static void handler(int number)
{
    (void)number;
}

/* Sends a signal to the parent each time it blocks: twice. */
static int interrupt_twice(int go_fd)
{
    char byte;
    for (int i = 0; i < 2; i++) {
        wait_asleep(getppid());
        kill(getppid(), SIGUSR1);
        if (recv(go_fd, &byte, 1, 0) != 1)
            return 1;
    }
    return 0;
}

int main(void)
{
    int pair[2], go[2];
    struct sigaction action = {.sa_handler = handler}; /* no SA_RESTART */
    make_pair(pair);
    make_pair(go);
    must(sigaction(SIGUSR1, &action, NULL), "sigaction");
    pid_t child = start_child(interrupt_twice, go[1]);

    ssize_t n = send(pair[0], bytes, SIZE, MSG_NOSIGNAL);
    saw(n > 0 &&
                n<SIZE, "send of 1 MiB blocks, a signal arrives: it %s", n> 0 &&
                n < SIZE
            ? "returns a smaller number"
        : n < 0 ? "fails"
                : "returns 1 MiB");
    while (send(pair[0], bytes, SIZE, MSG_DONTWAIT) > 0)
        ; /* until the socket is full */
    send(go[0], "", 1, 0);
    n = send(pair[0], bytes, SIZE, MSG_NOSIGNAL);
    saw(n < 0 && errno == EINTR, "send to a full socket, a signal arrives: %s",
        error_name(n < 0 ? errno : 0));
    send(go[0], "", 1, 0);
    saw(end_of(child) == 0, "each signal was sent while send blocked");
    return verdict("false",
                   "a send that blocks returns only when all bytes are sent",
                   "after a signal it returns the number of bytes it has "
                   "copied, or EINTR if there are none");
}
