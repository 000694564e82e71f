/*
 * 02-threads - one thread per client.
 *
 * The main thread of this echo server only accepts. Each client has a thread of
 * its own, which does what stage 01 does: it may block in recv() or send()
 * without delaying other clients. echo() is the same as in stage 01.
 *
 * Adds: pthread_create(3). The scheduler of the kernel now switches between the
 * clients.
 *
 * Limitations: each client costs a thread: a stack, a structure in the kernel,
 * and locks as soon as clients share data. Stage 03 serves many clients with
 * one thread.
 *
 * Try: build/02-threads -q -c 500 -i 1000 and, meanwhile, ps -C 02-threads -o
 * nlwp,vsz,rss. Compare stage 06: there, only the clients have threads.
 */
#include "demo.h"
#include "listener.h"
#include "trace.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* What the threads share. */
struct server {
    pthread_mutex_t lock;  /* guards what follows */
    pthread_cond_t exited; /* signalled when a thread exits */
    int clients;
    pthread_t last; /* the thread that exited last, if has_last */
    bool has_last;
};

/* The argument of a thread, which frees it. */
struct session {
    struct server *server;
    int client_fd;
};

/* Receives once and sends the bytes back. Returns false if the connection must
 * be closed. */
static bool echo(int client_fd)
{
    char buffer[BUFFER_SIZE];

    trace_wait("recv");
    ssize_t n = recv(client_fd, buffer, sizeof(buffer), 0);
    trace_recv(client_fd, buffer, n);
    if (n == 0)
        return false; /* end of file: the client sends no more */
    if (n < 0 && errno == EINTR)
        return true; /* a signal has interrupted the call: try again */
    if (n < 0)
        return false; /* ECONNRESET, for example */

    /* send() may take fewer bytes than it is given. MSG_NOSIGNAL: if the client
     * has left, it fails with EPIPE instead of killing the process. */
    for (ssize_t sent = 0; sent < n;) {
        size_t unsent = (size_t)(n - sent);
        ssize_t m = send(client_fd, buffer + sent, unsent, MSG_NOSIGNAL);
        trace_send(client_fd, unsent, m);
        if (m < 0 && errno != EINTR)
            return false; /* EPIPE: the client has closed the connection */
        if (m > 0)
            sent += m;
    }
    return true;
}

/* The last call of a thread. Its stack is freed only when another thread joins
 * it. The next one that exits does this, so at most one waits to be joined. */
static void thread_exit(struct server *server)
{
    pthread_mutex_lock(&server->lock);
    bool had_last = server->has_last;
    pthread_t previous = server->last;
    server->has_last = true;
    server->last = pthread_self();
    server->clients--;
    pthread_cond_signal(&server->exited);
    pthread_mutex_unlock(&server->lock);
    if (had_last)
        pthread_join(previous, NULL);
}

static void *client_thread(void *argument)
{
    struct session session = *(struct session *)argument;
    free(argument);
    trace_thread_for(session.client_fd);
    while (echo(session.client_fd))
        ;
    trace_close(session.client_fd);
    close(session.client_fd);
    thread_exit(session.server);
    return NULL;
}

/* Starts a thread for a client. Returns false if there is no memory for it. */
static bool start_thread(struct server *server, int client_fd)
{
    pthread_t thread;
    struct session *session = malloc(sizeof(*session));
    if (session == NULL)
        return false;
    *session = (struct session){server, client_fd};

    pthread_mutex_lock(&server->lock);
    server->clients++; /* before the thread can exit */
    pthread_mutex_unlock(&server->lock);
    if (pthread_create(&thread, NULL, client_thread, session) == 0)
        return true;
    pthread_mutex_lock(&server->lock);
    server->clients--;
    pthread_mutex_unlock(&server->lock);
    free(session);
    return false;
}

static int serve(int listen_fd)
{
    struct server server = {.lock = PTHREAD_MUTEX_INITIALIZER,
                            .exited = PTHREAD_COND_INITIALIZER};
    while (!demo_stopping()) {
        trace_wait("accept");
        int client_fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
        trace_accept(client_fd);
        if (client_fd < 0) {
            listener_accept_failed(listen_fd); /* if descriptors have run out */
            continue;
        }
        if (!start_thread(&server, client_fd)) {
            trace_refused(client_fd, "cannot create a thread");
            close(client_fd);
        }
    }

    pthread_mutex_lock(&server.lock);
    while (server.clients > 0)
        pthread_cond_wait(&server.exited, &server.lock);
    pthread_mutex_unlock(&server.lock);
    if (server.has_last)
        pthread_join(server.last, NULL);
    return 0;
}

int main(int argc, char **argv)
{
    return demo_main(argc, argv, serve);
}
