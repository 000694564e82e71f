/*
 * 02-threads - a thread for each client.
 *
 * Adds: the main thread only accepts. Each client gets a thread, and that
 * thread does what stage 01 did: it may sleep in recv or send as long as it
 * likes, nobody else waits for it. echo() is stage 01's, letter by letter.
 *
 * Cannot: be had for nothing. Each client costs a thread: a stack, a place in
 * the scheduler, and locks as soon as clients share anything. Stage 03 looks
 * for a way to serve many with one thread.
 *
 * Try: build/02-threads -q -c 500 -i 1000, and meanwhile ps -C 02-threads -o
 * nlwp,vsz,rss. The same with stage 06: half of the threads are the clients'.
 */
#include "demo.h"
#include "trace.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* What the threads share. */
struct server {
    pthread_mutex_t lock;
    pthread_cond_t left; /* a client has left */
    int clients;
    pthread_t last; /* the thread that left last, if any has; not yet joined */
    bool any_left;
};

/* What one thread gets. */
struct session {
    struct server *server;
    int client_fd;
};

/* Echo what a client has sent. Returns false when the client is done with. */
static bool echo(int client_fd)
{
    char buffer[BUFFER_SIZE];
    trace_wait("recv");
    const ssize_t n = recv(client_fd, buffer, sizeof(buffer), 0);
    trace_recv(client_fd, buffer, n);
    if (n <= 0)
        return n < 0 && errno == EINTR;

    for (ssize_t sent = 0; sent < n;) {
        const size_t rest = (size_t)(n - sent);
        const ssize_t m = send(client_fd, buffer + sent, rest, MSG_NOSIGNAL);
        trace_send(client_fd, rest, m);
        if (m < 0 && errno != EINTR)
            return false;
        sent += m > 0 ? m : 0;
    }
    return true;
}

/*
 * The last thing a thread does. Somebody must join it, or its stack is never
 * freed: the thread that leaves next does, so that at most one is waiting.
 */
static void leave(struct server *server)
{
    pthread_mutex_lock(&server->lock);
    const bool any_left = server->any_left;
    const pthread_t before = server->last;
    server->any_left = true;
    server->last = pthread_self();
    server->clients--;
    pthread_cond_signal(&server->left);
    pthread_mutex_unlock(&server->lock);
    if (any_left)
        pthread_join(before, NULL);
}

/* The life of a client's thread. */
static void *attend(void *argument)
{
    const struct session session = *(struct session *)argument;
    free(argument);
    trace_thread_for(session.client_fd);
    while (echo(session.client_fd))
        ;
    trace_close(session.client_fd);
    close(session.client_fd);
    leave(session.server);
    return NULL;
}

/* Start a thread for a client. Without memory for it, only this client goes. */
static void hire(struct server *server, int client_fd)
{
    pthread_t thread;
    struct session *const session = malloc(sizeof(*session));
    if (session != NULL) {
        *session = (struct session){server, client_fd};
        pthread_mutex_lock(&server->lock);
        server->clients++;
        pthread_mutex_unlock(&server->lock);
        if (pthread_create(&thread, NULL, attend, session) == 0)
            return;
        pthread_mutex_lock(&server->lock);
        server->clients--;
        pthread_mutex_unlock(&server->lock);
        free(session);
    }
    trace_refused(client_fd, "no thread to be had");
    close(client_fd);
}

/* Sleep until there are fewer than so many clients. */
static void wait_until_below(struct server *server, int limit)
{
    pthread_mutex_lock(&server->lock);
    while (server->clients >= limit)
        pthread_cond_wait(&server->left, &server->lock);
    pthread_mutex_unlock(&server->lock);
}

static int serve(int listen_fd)
{
    struct server server = {.lock = PTHREAD_MUTEX_INITIALIZER,
                            .left = PTHREAD_COND_INITIALIZER};
    while (!demo_stopping()) {
        pthread_mutex_lock(&server.lock);
        const int clients = server.clients;
        pthread_mutex_unlock(&server.lock);

        trace_wait("accept");
        const int client_fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
        trace_accept(client_fd);
        if (client_fd >= 0)
            hire(&server, client_fd);
        else if (errno == EMFILE && clients > 0)
            wait_until_below(&server, clients);
        else if (demo_no_room(errno))
            usleep(DEMO_RETRY_MS * 1000);
    }
    wait_until_below(&server, 1);
    if (server.any_left)
        pthread_join(server.last, NULL);
    return 0;
}

int main(int argc, char **argv)
{
    return demo_main(argc, argv, serve);
}
