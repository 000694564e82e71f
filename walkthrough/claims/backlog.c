/*
 * backlog.c - Unix-domain sockets
 *
 * Claim: listen(fd, 5) lets five clients queue, the sixth is refused
 * Truth: false. A Unix-domain socket queues one connection more than the
 * backlog, even if the backlog is 0. The next connect is not refused. It
 * blocks, or fails with EAGAIN on a non-blocking socket.
 * Settled by: connect(2), EAGAIN; net/unix/af_unix.c, unix_recvq_full.
 * Try: backlog -1. Then look at /proc/sys/net/core/somaxconn.
 */
#include "claim.h"

/* Connects until it fails with errno. Returns how many connected. */
static int fill(const struct place *place)
{
    int clients = 0;
    while (clients < 100 && connect_to(place) >= 0)
        clients++;
    return clients;
}

int main(void)
{
    const int backlogs[] = {0, 1, 5};
    for (int i = 0; i < 3; i++) {
        struct place place;
        const int listen_fd = listen_somewhere(&place, backlogs[i]);
        const int clients = fill(&place);
        saw(clients == backlogs[i] + 1 && errno == EAGAIN,
            "backlog %d: %d connected, then %s", backlogs[i], clients,
            error_name(errno));

        must(accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC), "accept4");
        const int more = fill(&place);
        saw(more == 1, "backlog %d: one accepted, %d more connected",
            backlogs[i], more);
    }
    return verdict("false",
                   "listen(fd, 5) lets five clients queue, the sixth is "
                   "refused",
                   "backlog 5 queues 6, backlog 0 queues 1; the next connect "
                   "blocks, or fails with EAGAIN");
}
