/*
 * peercred.c - Unix-domain sockets
 *
 * Claim: SO_PEERCRED identifies the process that sent these bytes
 * Truth: false. It identifies the process that called connect, as it was at
 * that moment (or listen, on the client's side). Another process may have got
 * the descriptor since, and the first may have ended. SCM_CREDENTIALS
 * identifies the sender of each message.
 * Settled by: unix(7), SO_PEERCRED and SCM_CREDENTIALS.
 * Try: let the client ask for the server's identity.
 */
#include "claim.h"

static struct place place;

/* Connects, lets a child send, and ends. */
static int connect_and_leave(int unused)
{
    (void)unused;
    const int fd = connect_to(&place);
    if (fd < 0)
        return 1;
    if (fork() == 0) {
        const pid_t pid = getpid();
        _exit(send(fd, &pid, sizeof(pid), 0) == sizeof(pid) ? 0 : 1);
    }
    return 0;
}

int main(void)
{
    struct ucred peer = {0};
    socklen_t size = sizeof(peer);
    pid_t sender = 0;
    const int listen_fd = listen_somewhere(&place, 5);
    const pid_t connecter = start_child(connect_and_leave, 0);
    const int status = end_of(connecter);
    saw(status == 0, "a process connects and ends, its child sends");

    const int fd = must(accept(listen_fd, NULL, NULL), "accept");
    const ssize_t n = recv(fd, &sender, sizeof(sender), 0);
    saw(n == sizeof(sender) && sender != connecter, "the bytes come from %s",
        sender == connecter ? "the process that has connected"
                            : "another process");
    must(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size), "SO_PEERCRED");
    saw(peer.pid == connecter && peer.uid == getuid(), "SO_PEERCRED names %s",
        peer.pid == connecter ? "the one that has connected, and is gone"
                              : "another");
    return verdict("false",
                   "SO_PEERCRED identifies the process that sent these bytes",
                   "it identifies the process that called connect, which has "
                   "ended, not the sender");
}
