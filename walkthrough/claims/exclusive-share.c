/*
 * exclusive-share.c - who is woken
 *
 * Claim: EPOLLEXCLUSIVE distributes connections evenly
 * Truth: false. It prevents the thundering herd, but one server gets the load.
 * The kernel wakes the first thread in the queue that blocks, and never moves
 * it to the end. If this server is back in its wait before the next
 * connection, it gets that one too.
 * Settled by: fs/eventpoll.c, ep_ptable_queue_proc(), add_wait_queue_exclusive;
 * kernel/sched/wait.c, __wake_up_common().
 * Try: a burst of connections, so that the first server is still busy.
 */
#include "claim.h"

#define SERVERS     4
#define CONNECTIONS 40

/* A server has its own epoll instance. It accepts until it must stop. */
struct server {
    pthread_t thread;
    int epoll_fd, listen_fd;
    _Atomic pid_t tid;
    atomic_int accepted;
};

static void *run_server(void *argument)
{
    struct server *server = argument;
    struct epoll_event event;
    server->tid = (pid_t)syscall(SYS_gettid);
    for (;;) {
        epoll_wait(server->epoll_fd, &event, 1, -1);
        if (event.data.fd != server->listen_fd)
            return NULL;
        int fd = accept4(server->listen_fd, NULL, NULL, 0);
        if (fd < 0)
            continue; /* another server has accepted this connection */
        server->accepted++;
        close(fd);
    }
}

int main(void)
{
    static struct server servers[SERVERS];
    struct place place;
    int stop[2], connected = 0;
    int listen_fd = listen_somewhere(&place, CONNECTIONS);
    fcntl(listen_fd, F_SETFL, fcntl(listen_fd, F_GETFL) | O_NONBLOCK);
    make_pair(stop);
    for (int i = 0; i < SERVERS; i++) {
        struct server *server = &servers[i];
        server->listen_fd = listen_fd;
        server->epoll_fd = new_epoll();
        watch(server->epoll_fd, listen_fd, EPOLLIN | EPOLLEXCLUSIVE);
        watch(server->epoll_fd, stop[0], EPOLLIN);
        errno = pthread_create(&server->thread, NULL, run_server, server);
        must(errno == 0 ? 0 : -1, "pthread_create");
        while (server->tid == 0)
            sched_yield();
        wait_asleep(server->tid);
    }
    for (int i = 0; i < CONNECTIONS; i++) {
        connected += connect_to(&place) >= 0;
        for (int j = 0; j < SERVERS; j++)
            wait_asleep(servers[j].tid);
    }
    send(stop[1], "x", 1, 0);
    for (int i = 0; i < SERVERS; i++)
        pthread_join(servers[i].thread, NULL);
    saw(connected == CONNECTIONS, "%d connections, one after another",
        connected);
    saw(servers[0].accepted == CONNECTIONS,
        "with EPOLLEXCLUSIVE the four servers accept %d, %d, %d, %d",
        servers[0].accepted, servers[1].accepted, servers[2].accepted,
        servers[3].accepted);
    return verdict("false", "EPOLLEXCLUSIVE distributes connections evenly",
                   "40 connections one after another, four servers: the first "
                   "accepts 40, the others 0");
}
