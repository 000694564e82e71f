/*
 * 11-http - an HTTP server on the reactor, for curl and browsers.
 *
 * A request may arrive in many pieces, many requests may arrive in one piece,
 * and a reply may be larger than any buffer.
 *
 * Adds: each connection has a state, which decides what the connection waits
 * for and for how long. A turn receives once, answers one request and sends
 * once, so no client can delay the others by more than a turn. It returns the
 * next state. After a stop, requests that have begun get a reply (--drain).
 *
 * Limitations: one thread. sendfile() blocks while the disk reads. The headers
 * http_request.h and http_reply.h name the parts of HTTP that are left out.
 *
 * Try: build/11-http --serve -s /tmp/http --root . and, in another terminal,
 * curl --unix-socket /tmp/http http://localhost/README.md, and then /trace.
 */
#include "demo.h"
#include "http_client.h"
#include "http_reply.h"
#include "http_request.h"
#include "listener.h"
#include "reactor.h"
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FILE_PART = 65536 }; /* bytes of a file that one turn sends at most */

static const char *root;      /* directory with the files, or NULL */
static long header_ms = 5000; /* time-out of HEAD, BODY and LINGER */
static long idle_ms = 15000;  /* time-out of IDLE and REPLY */
static long drain_ms = 2000;  /* from a stop to the end of all connections */

struct server {
    int root_fd; /* of root, or -1 */
    int clients;
    bool draining; /* after a stop: each reply is the last of its connection */
};

/* What a connection waits for. */
enum state {
    IDLE,   /* the first byte of a request */
    HEAD,   /* the remaining bytes of a head */
    BODY,   /* the remaining bytes of a body, which are discarded */
    REPLY,  /* room in the socket for the reply */
    LINGER, /* end of file, after the last reply */
    CLOSE   /* nothing: the connection must be closed */
};

struct client {
    struct server *server;
    int fd;
    enum state state;
    uint32_t events;             /* registered with the reactor */
    struct reactor_timer *timer; /* time-out of the state */
    struct http_request request; /* the current one */
    struct http_reply reply;     /* to the request */
    size_t size;                 /* of the input, in bytes */
    char input[HTTP_HEAD_MAX];   /* received but not yet used */
};

/* Removes n bytes from the input, or all if there are fewer. Returns how many
 * it has removed. */
static size_t consume(struct client *client, size_t n)
{
    if (n > client->size)
        n = client->size;
    client->size -= n;
    memmove(client->input, client->input + n, client->size);
    return n;
}

/* Discards the part of the body that has arrived. */
static enum state discard_body(struct client *client)
{
    client->request.body -= consume(client, client->request.body);
    return client->request.body > 0 ? BODY : REPLY;
}

/* Parses one request and builds the reply. Other requests that have arrived
 * stay in the input until this reply is sent. */
static enum state parse_input(struct client *client)
{
    struct http_request *request = &client->request;
    size_t n = http_read_request(client->input, client->size, request);
    if (n == 0)
        return request->begun ? HEAD : IDLE;
    consume(client, n);
    if (client->server->draining)
        request->keep_alive = false; /* adds "Connection: close" */
    if (!http_make_reply(&client->reply, request, client->server->root_fd))
        return CLOSE; /* no memory */
    return discard_body(client);
}

/* Receives once. Returns false if the connection must be closed. */
static bool receive(struct client *client)
{
    char *end = client->input + client->size;
    size_t room = sizeof(client->input) - client->size;
    ssize_t n = recv(client->fd, end, room, MSG_DONTWAIT);
    trace_recv(client->fd, end, n);
    if (n == 0)
        return false; /* end of file: the client sends no more */
    if (n < 0)
        return errno == EAGAIN || errno == EINTR; /* or ECONNRESET */
    client->size += (size_t)n;
    return true;
}

/* Sends once from memory and once from the file. After the last part it parses
 * the input again, because no event reports a request that has arrived. */
static enum state send_reply(struct client *client)
{
    struct http_reply *reply = &client->reply;
    if (reply->sent < reply->size) {
        size_t unsent = reply->size - reply->sent;
        ssize_t n = send(client->fd, reply->text + reply->sent, unsent,
                         MSG_DONTWAIT | MSG_NOSIGNAL);
        trace_send(client->fd, unsent, n);
        if (n < 0) /* EPIPE: the client has closed the connection */
            return errno == EAGAIN || errno == EINTR ? REPLY : CLOSE;
        reply->sent += (size_t)n;
    }
    if (reply->sent == reply->size && reply->left > 0) {
        size_t part = reply->left < FILE_PART ? reply->left : FILE_PART;
        /* Does not block, because accept4() has set SOCK_NONBLOCK. */
        ssize_t n = sendfile(client->fd, reply->file, &reply->offset, part);
        trace_send(client->fd, part, n);
        if (n == 0)
            return CLOSE; /* the file has become shorter */
        if (n < 0)
            return errno == EAGAIN || errno == EINTR ? REPLY : CLOSE;
        reply->left -= (size_t)n;
    }
    if (reply->sent < reply->size || reply->left > 0)
        return REPLY;

    http_reply_free(reply);
    if (client->request.keep_alive && !client->server->draining)
        return parse_input(client);
    /* close() with unread bytes would reset the connection, and the client
     * could lose the reply. So end this side only, and wait for the other. */
    trace_shutdown(client->fd);
    shutdown(client->fd, SHUT_WR);
    return LINGER;
}

/* Does what the state has waited for. Returns the next state. */
static enum state take_turn(struct client *client)
{
    if (client->state == LINGER)
        consume(client, client->size); /* no reply follows */
    if (client->state != REPLY && !receive(client))
        return CLOSE;

    enum state next = client->state;
    switch (client->state) {
    case IDLE:
    case HEAD:
        next = parse_input(client);
        break;
    case BODY:
        next = discard_body(client);
        break;
    default: /* REPLY and LINGER do not use the input */
        break;
    }
    if (next != REPLY)
        return next;
    client->state = REPLY; /* so that an IDLE after it has its full time */
    return send_reply(client);
}

static void close_client(struct reactor *reactor, struct client *client)
{
    reactor_timer_cancel(reactor, client->timer);
    reactor_remove(reactor, client->fd);
    trace_close(client->fd);
    close(client->fd);
    http_reply_free(&client->reply);
    client->server->clients--;
    if (client->server->draining && client->server->clients == 0)
        reactor_stop(reactor);
    free(client);
}

/* Ends a turn: sets the state, its time-out and its events. The time-out goes
 * on while the state stays the same, so a client gains nothing by sending its
 * head byte by byte. In REPLY it restarts, because the client has read. */
static void set_state(struct reactor *reactor, struct client *client,
                      enum state state)
{
    if (client->server->draining && state == IDLE)
        state = CLOSE;
    uint32_t events = state == REPLY ? EPOLLOUT : EPOLLIN;
    long ms = state == IDLE || state == REPLY ? idle_ms : header_ms;
    if (state != client->state || state == REPLY)
        reactor_timer_again(reactor, client->timer, (int)ms);
    client->state = state;
    if (state == CLOSE || (events != client->events &&
                           reactor_modify(reactor, client->fd, events) < 0)) {
        close_client(reactor, client);
        return;
    }
    client->events = events;
}

static void on_client(struct reactor *reactor, int fd, uint32_t events,
                      void *data)
{
    struct client *client = data;
    (void)fd, (void)events; /* the state decides */
    set_state(reactor, client, take_turn(client));
}

/* The time-out has expired. A client that has begun a request gets 408. */
static void on_timeout(struct reactor *reactor, void *data)
{
    struct client *client = data;
    struct http_request *request = &client->request;
    enum state next = CLOSE;
    if (client->state == HEAD || client->state == BODY) {
        http_reply_free(&client->reply);
        request->status = 408;
        request->keep_alive = false;
        if (http_make_reply(&client->reply, request, -1))
            next = send_reply(client);
    }
    set_state(reactor, client, next);
}

/* Accepts one connection and watches it. Returns false if no other one can be
 * accepted or refused now. */
static bool accept_client(struct reactor *reactor, int listen_fd,
                          struct server *server)
{
    int client_fd =
        accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    trace_accept(client_fd);
    if (client_fd < 0) {
        /* Without a descriptor, this refuses one client. Others may wait. */
        bool may_wait = listener_accept_failed(listen_fd);
        return may_wait && errno == EMFILE;
    }
    struct client *client = calloc(1, sizeof(*client));
    if (client == NULL ||
        reactor_add(reactor, client_fd, EPOLLIN, on_client, client) < 0) {
        trace_refused(client_fd, "epoll cannot watch it");
        close(client_fd);
        free(client);
        return true;
    }
    client->fd = client_fd;
    client->events = EPOLLIN;
    client->server = server;
    client->reply.file = -1;
    server->clients++;
    client->timer =
        reactor_timer_start(reactor, (int)idle_ms, 0, on_timeout, client);
    if (client->timer == NULL)
        close_client(reactor, client); /* no memory for the timer */
    return true;
}

static void on_accept(struct reactor *reactor, int listen_fd, uint32_t events,
                      void *data)
{
    struct server *server = data;
    bool stopping = demo_stopping(), more = true;
    (void)events;
    /* The next report may come only after a callback for each client. */
    for (int left = 1 + server->clients / MAX_EVENTS; more && left > 0; left--)
        more = accept_client(reactor, listen_fd, server);
    if (!stopping || more)
        return;

    /* Each client gets a turn, which answers a request that has arrived. Then
     * set_state() closes the idle ones. */
    server->draining = true;
    reactor_remove(reactor, listen_fd); /* shut down, it would stay ready */
    reactor_walk(reactor);
    if (server->clients == 0)
        reactor_stop(reactor);
}

static int serve(int listen_fd)
{
    struct server server = {.root_fd = -1};
    int result = -1;
    demo_drain(drain_ms);
    signal(SIGPIPE, SIG_IGN); /* sendfile(2) has no MSG_NOSIGNAL */
    if (root != NULL)
        server.root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root != NULL && server.root_fd < 0)
        return -1;
    struct reactor *reactor = reactor_create();
    if (reactor != NULL && listener_set_nonblocking(listen_fd) == 0 &&
        reactor_add(reactor, listen_fd, EPOLLIN, on_accept, &server) == 0)
        result = reactor_run(reactor);
    reactor_destroy(reactor);
    if (server.root_fd >= 0)
        close(server.root_fd);
    return result;
}

int main(int argc, char **argv)
{
    enum { HOUR = 3600000 }; /* in milliseconds */
    /* clang-format off */
    static const struct demo_option options[] = {
        {.name = "root", .argument = "DIR", .help = "serve the files of DIR",
         .text = &root, .directory = true},
        {.name = "header-timeout", .argument = "MS",
         .help = "time for a client to send a request",
         .min = 1, .max = HOUR, .number = &header_ms},
        {.name = "idle-timeout", .argument = "MS",
         .help = "time between requests, or to read",
         .min = 1, .max = HOUR, .number = &idle_ms},
        {.name = "drain", .argument = "MS",
         .help = "time for the last replies after a stop",
         .max = HOUR, .number = &drain_ms}};
    /* clang-format on */
    trace_keep();
    demo_protocol(&http_client);
    return demo_main_with(argc, argv, serve, options,
                          sizeof(options) / sizeof(options[0]));
}
