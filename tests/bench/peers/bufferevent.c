/*
 * bufferevent.c - the echo server on libevent 2, with its buffers.
 *
 * A bufferevent receives and sends by itself; the callback moves what came
 * from one buffer to the other, without copying. The shortest of the peers.
 * High water marks keep a client that does not read from filling the memory.
 */
#include "peer.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

enum { HIGH = 65536 }; /* bytes that wait to be sent */

/* A client is done with once what it sent has gone back to it. */
static void finish(struct bufferevent *client, void *argument)
{
    (void)argument;
    bufferevent_free(client);
}

static void on_sent(struct bufferevent *client, void *argument)
{
    (void)argument;
    bufferevent_enable(client, EV_READ); /* all has gone: read again */
}

static void on_received(struct bufferevent *client, void *argument)
{
    struct evbuffer *const out = bufferevent_get_output(client);
    (void)argument;
    evbuffer_add_buffer(out, bufferevent_get_input(client));
    if (evbuffer_get_length(out) > HIGH)
        bufferevent_disable(client, EV_READ);
}

static void on_event(struct bufferevent *client, short what, void *argument)
{
    const bool rest = evbuffer_get_length(bufferevent_get_output(client)) > 0;
    if ((what & BEV_EVENT_EOF) && rest)
        bufferevent_setcb(client, NULL, finish, on_event, argument);
    else
        bufferevent_free(client);
}

static void on_connection(struct evconnlistener *listener, evutil_socket_t fd,
                          struct sockaddr *address, int size, void *argument)
{
    struct event_base *const base = argument;
    (void)listener, (void)address, (void)size;
    struct bufferevent *const client =
        bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
    if (client == NULL) {
        evutil_closesocket(fd);
        return;
    }
    bufferevent_setcb(client, on_received, on_sent, on_event, NULL);
    bufferevent_enable(client, EV_READ | EV_WRITE);
}

int main(int argc, char **argv)
{
    const char *const path = path_of(argc, argv);
    struct event_base *const base = event_base_new();
    if (base == NULL ||
        evconnlistener_new(base, on_connection, base,
                           LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0,
                           listen_at(path)) == NULL)
        die("libevent");
    say_ready(path);
    event_base_dispatch(base);
    return 1;
}
