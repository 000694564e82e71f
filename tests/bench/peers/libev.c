/*
 * libev.c - the echo server on libev.
 *
 * libev gives callbacks and nothing more; a watcher lies in the client's own
 * memory. What a client does not take at once is kept, and its watcher turned
 * from reading to writing until that has gone.
 */
#include "peer.h"

#include <ev.h>
#include <unistd.h>

struct client {
    ev_io watcher; /* first: a pointer to it is one to the client */
    struct rest rest;
};

/* Wait for EV_READ or EV_WRITE, instead of what it waits for now. */
static void wait_for(struct ev_loop *loop, ev_io *watcher, int what)
{
    if (watcher->events & what)
        return;
    ev_io_stop(loop, watcher);
    ev_io_set(watcher, watcher->fd, what);
    ev_io_start(loop, watcher);
}

static void on_ready(struct ev_loop *loop, ev_io *watcher, int what)
{
    struct client *const client = (struct client *)watcher;
    const int fd = watcher->fd;
    if (what & EV_READ ? echo(fd, &client->rest)
                       : send_rest(fd, &client->rest)) {
        wait_for(loop, watcher, client->rest.size > 0 ? EV_WRITE : EV_READ);
        return;
    }
    ev_io_stop(loop, watcher);
    close(fd);
    free(client->rest.bytes);
    free(client);
}

static void on_connection(struct ev_loop *loop, ev_io *watcher, int what)
{
    (void)what;
    const int fd =
        accept4(watcher->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    struct client *const client = calloc(1, sizeof(*client));
    if (client == NULL) {
        close(fd);
        return;
    }
    ev_io_init(&client->watcher, on_ready, fd, EV_READ);
    ev_io_start(loop, &client->watcher);
}

int main(int argc, char **argv)
{
    static ev_io listener;
    const char *const path = path_of(argc, argv);
    struct ev_loop *const loop = ev_default_loop(EVBACKEND_EPOLL);
    if (loop == NULL)
        die("ev_default_loop");
    ev_io_init(&listener, on_connection, listen_at(path), EV_READ);
    ev_io_start(loop, &listener);
    say_ready(path);
    ev_run(loop, 0);
    return 1;
}
