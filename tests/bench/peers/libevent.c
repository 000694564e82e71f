/*
 * libevent.c - the echo server on libevent 2, with plain events.
 *
 * An event is a descriptor, what to wait for, and a callback; the callback
 * makes the system calls. What a client does not take at once is kept, and its
 * event turned from reading to writing until that has gone.
 */
#include "peer.h"

#include <event2/event.h>
#include <unistd.h>

struct client {
    struct event *event;
    struct rest rest;
};

static void on_ready(evutil_socket_t fd, short what, void *argument);

static void drop(struct client *client)
{
    close(event_get_fd(client->event));
    event_free(client->event);
    free(client->rest.bytes);
    free(client);
}

/* Wait for EV_READ or EV_WRITE, instead of what it waits for now. */
static void wait_for(struct client *client, short what)
{
    if (event_get_events(client->event) & what)
        return;
    event_del(client->event);
    event_assign(client->event, event_get_base(client->event),
                 event_get_fd(client->event), what | EV_PERSIST, on_ready,
                 client);
    event_add(client->event, NULL);
}

static void on_ready(evutil_socket_t fd, short what, void *argument)
{
    struct client *const client = argument;
    if (!(what & EV_READ ? echo(fd, &client->rest)
                         : send_rest(fd, &client->rest)))
        drop(client);
    else
        wait_for(client, client->rest.size > 0 ? EV_WRITE : EV_READ);
}

static void on_connection(evutil_socket_t listen_fd, short what, void *argument)
{
    struct event_base *const base = argument;
    (void)what;
    const int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    struct client *const client = calloc(1, sizeof(*client));
    if (client != NULL)
        client->event =
            event_new(base, fd, EV_READ | EV_PERSIST, on_ready, client);
    if (client == NULL || client->event == NULL) {
        free(client);
        close(fd);
        return;
    }
    event_add(client->event, NULL);
}

int main(int argc, char **argv)
{
    const char *const path = path_of(argc, argv);
    struct event_base *const base = event_base_new();
    if (base == NULL)
        die("event_base_new");
    struct event *const listener = event_new(
        base, listen_at(path), EV_READ | EV_PERSIST, on_connection, base);
    event_add(listener, NULL);
    say_ready(path);
    event_base_dispatch(base);
    return 1;
}
