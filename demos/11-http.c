/*
 * 11-http - a real protocol on the reactor: files for curl and for browsers.
 *
 * Adds: a request comes in pieces, or many come in one, and a reply may be
 * larger than any buffer. So each connection has a state, and the state says
 * what is waited for, and for how long. Those who stop many a server are
 * ordinary here: who sends its head byte by byte, who does not read, who
 * floods, who leaves. A turn is one recv, one request, one send and one
 * sendfile, so that nobody starves, and EPOLLOUT is asked for only while there
 * is a rest: of a reply, or of requests that came together. How a request reads
 * and a reply is written is no lesson: http_request.c, http_reply.c.
 *
 * Cannot: use more than one CPU; read a file without waiting for the disk.
 *
 * Try: build/11-http --serve -s /tmp/http --root . and, in another terminal,
 * curl --unix-socket /tmp/http http://localhost/README.md, and /trace.
 */
#include "demo.h"
#include "http_client.h"
#include "http_reply.h"
#include "http_request.h"
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

enum { FILE_TURN = 65536 }; /* bytes of a file that one turn sends */

static const char *root;      /* the document root; NULL: there is none */
static long header_ms = 5000; /* how long a request may take to come */
static long idle_ms = 15000;  /* how long a client may ask, or read, little */

struct server {
    struct reactor *reactor;
    int listen_fd, root_fd, clients;
    bool full;                   /* accept4 had no room: accept nobody ... */
    struct reactor_timer *retry; /* ... until this one says so */
};

/* What a connection waits for. */
enum state {
    IDLE,  /* the first byte of a request */
    HEAD,  /* the rest of its head */
    BODY,  /* its body, which is dropped; the reply is there already */
    REPLY, /* room to send */
    LINGER /* the client's end; what it still sends is dropped */
};

struct client {
    struct server *server;
    int fd;
    enum state state;
    uint32_t events;             /* what epoll is asked for */
    struct reactor_timer *limit; /* the time-out of the state */
    struct http_reply reply;
    size_t sent; /* bytes of the reply's text */
    bool last;   /* no other request after this reply */
    size_t body; /* bytes to come that are to be dropped */
    size_t have; /* bytes that have come, not yet used */
    char in[HTTP_HEAD_MAX];
};

/*
 * A new state, with its own time-out. Whoever stays in a head is not given
 * more time; whoever takes some of its reply is. EPOLLOUT comes once three
 * quarters of the socket are free: a few bytes now and then are not enough.
 */
static void enter(struct client *client, enum state state)
{
    const long ms = state == IDLE || state == REPLY ? idle_ms : header_ms;
    if (state != client->state || state == REPLY)
        reactor_timer_again(client->server->reactor, client->limit, (int)ms);
    client->state = state;
}

/* Make the reply to a request. Returns false without memory. */
static bool answer(struct client *client, const struct http_request *request)
{
    static const char welcome[] =
        "This is stage 11 of iomux. /trace shows what the server does;\n"
        "start it with --root DIR, and it serves the files of DIR.\n";
    struct http_reply *const reply = &client->reply;
    const int root_fd = client->server->root_fd;
    client->last = !request->keep_alive;
    client->sent = 0;
    if (request->status != 0)
        return http_reply_error(reply, request, request->status);
    if (strcmp(request->path, "/trace") == 0) {
        char *const text = trace_last();
        const bool good =
            text != NULL && http_reply_text(reply, request, "11-http", text);
        free(text);
        return good;
    }
    if (root_fd >= 0)
        return http_reply_file(reply, request, root_fd);
    if (strcmp(request->path, "/") == 0)
        return http_reply_text(reply, request, "iomux", welcome);
    return http_reply_error(reply, request, 404);
}

/* Forget the first bytes of those that have come. */
static void use(struct client *client, size_t n)
{
    client->have -= n;
    memmove(client->in, client->in + n, client->have);
}

/*
 * Look at what has come, and enter the state that follows: of many requests
 * the first is taken, and the rest wait until it is answered. Returns false
 * without memory.
 */
static bool look(struct client *client)
{
    if (client->reply.text == NULL) {
        struct http_request request;
        const size_t n = http_read_request(client->in, client->have, &request);
        if (n == 0) {
            enter(client, client->have > 0 ? HEAD : IDLE);
            return true;
        }
        use(client, n);
        client->body = request.body;
        if (!answer(client, &request))
            return false;
    }
    const size_t here =
        client->body < client->have ? client->body : client->have;
    use(client, here);
    client->body -= here;
    enter(client, client->body > 0 ? BODY : REPLY);
    return true;
}

/* There may be room again. */
static void listen_again(struct reactor *reactor, void *data)
{
    struct server *const server = data;
    server->full = reactor_modify(reactor, server->listen_fd, EPOLLIN) < 0;
}

/* Send a part of the reply. Returns false when the client is done with. */
static bool send_some(struct client *client)
{
    struct http_reply *const reply = &client->reply;
    const size_t text = reply->size - client->sent;
    if (text > 0) {
        const ssize_t n = send(client->fd, reply->text + client->sent, text,
                               MSG_DONTWAIT | MSG_NOSIGNAL);
        trace_send(client->fd, text, n);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        client->sent += (size_t)n;
    }
    if (client->sent == reply->size && reply->left > 0) {
        const size_t part = reply->left < FILE_TURN ? reply->left : FILE_TURN;
        const ssize_t n =
            sendfile(client->fd, reply->file, &reply->offset, part);
        trace_send(client->fd, part, n);
        if (n <= 0) /* 0: the file has become shorter than was promised */
            return n < 0 && (errno == EAGAIN || errno == EINTR);
        reply->left -= (size_t)n;
    }
    enter(client, REPLY);
    if (client->sent < reply->size || reply->left > 0)
        return true;
    if (reply->file >= 0 && client->server->full) /* a descriptor, soon */
        listen_again(client->server->reactor, client->server);
    http_reply_free(reply);
    if (!client->last)
        return look(client);
    /* A close with bytes unread would reset the connection, and the reply
     * with it: say that it ends, and wait for the client's end. */
    trace_shutdown(client->fd);
    shutdown(client->fd, SHUT_WR);
    enter(client, LINGER);
    return true;
}

/* Receive, and drop it or look at it. Returns false when it is done with. */
static bool receive(struct client *client)
{
    if (client->state == LINGER)
        client->have = 0;
    char *const end = client->in + client->have;
    const ssize_t n =
        recv(client->fd, end, sizeof(client->in) - client->have, MSG_DONTWAIT);
    trace_recv(client->fd, end, n);
    if (n <= 0)
        return n < 0 && (errno == EAGAIN || errno == EINTR);
    client->have += (size_t)n;
    return client->state == LINGER || look(client);
}

/* After a turn: wait for what the state waits for, or let the client go. */
static void settle(struct client *client, bool alive)
{
    struct server *const server = client->server;
    const uint32_t events = client->state == REPLY ? EPOLLOUT : EPOLLIN;
    if (alive && (events == client->events ||
                  reactor_modify(server->reactor, client->fd, events) == 0)) {
        client->events = events;
        return;
    }
    reactor_timer_cancel(server->reactor, client->limit);
    reactor_remove(server->reactor, client->fd);
    trace_close(client->fd);
    close(client->fd);
    http_reply_free(&client->reply);
    free(client);
    server->clients--;
    if (server->full)
        listen_again(server->reactor, server);
}

/* A turn: receive unless a reply is due; then send, if one is. */
static void on_client(struct reactor *reactor, int fd, uint32_t events,
                      void *data)
{
    (void)reactor, (void)fd, (void)events; /* the state decides */
    struct client *const client = data;
    settle(client, (client->state == REPLY || receive(client)) &&
                       (client->state != REPLY || send_some(client)));
}

/* The time of its state is up. Who has begun a request is told so. */
static void on_limit(struct reactor *reactor, void *data)
{
    (void)reactor;
    struct client *const client = data;
    const struct http_request late = {.status = 408};
    const bool begun = client->state == HEAD || client->state == BODY;
    http_reply_free(&client->reply);
    const bool told = begun && answer(client, &late);
    if (told)
        enter(client, REPLY);
    settle(client, told && send_some(client));
}

/* Make a client of a connection, or close it. Returns how many it made. */
static int admit(struct server *server, int client_fd)
{
    struct client *const client = calloc(1, sizeof(*client));
    if (client != NULL) {
        client->server = server;
        client->fd = client_fd;
        client->events = EPOLLIN;
        client->reply.file = -1;
        client->limit = reactor_timer_start(server->reactor, (int)idle_ms, 0,
                                            on_limit, client);
        if (client->limit != NULL &&
            reactor_add(server->reactor, client_fd, EPOLLIN, on_client,
                        client) == 0)
            return 1;
        reactor_timer_cancel(server->reactor, client->limit);
    }
    trace_refused(client_fd, client ? "it cannot be watched" : "no memory");
    close(client_fd);
    free(client);
    return 0;
}

static void on_accept(struct reactor *reactor, int listen_fd, uint32_t events,
                      void *data)
{
    (void)events;
    struct server *const server = data;
    /* sendfile(2) has no MSG_DONTWAIT: the socket itself must not wait. */
    const int client_fd =
        accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    trace_accept(client_fd);
    if (client_fd >= 0) {
        server->clients += admit(server, client_fd);
    } else if (demo_no_room(errno)) {
        if (errno != EMFILE || server->clients == 0)
            reactor_timer_again(reactor, server->retry, DEMO_RETRY_MS);
        server->full = reactor_modify(reactor, listen_fd, 0) == 0;
    }
    if (demo_stopping() && server->clients == 0)
        reactor_stop(reactor); /* a listener shut down is ready until then */
}

static int serve(int listen_fd)
{
    struct server server = {.listen_fd = listen_fd, .root_fd = -1};
    signal(SIGPIPE, SIG_IGN); /* sendfile(2) has no MSG_NOSIGNAL either */
    if (root != NULL &&
        (server.root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
        return -1;
    server.reactor = reactor_create();
    int result = -1;
    if (server.reactor != NULL && fcntl(listen_fd, F_SETFL, O_NONBLOCK) == 0) {
        server.retry =
            reactor_timer_start(server.reactor, -1, 0, listen_again, &server);
        if (server.retry != NULL &&
            reactor_add(server.reactor, listen_fd, EPOLLIN, on_accept,
                        &server) == 0)
            result = reactor_run(server.reactor);
    }
    reactor_destroy(server.reactor);
    if (server.root_fd >= 0)
        close(server.root_fd);
    return result;
}

int main(int argc, char **argv)
{
    enum { HOUR = 3600000 };
    static const struct demo_option options[] = {
        {"root", '\0', "DIR", "serve the files of DIR", 0, 0, NULL, &root,
         true},
        {"header-timeout", '\0', "MS", "a request must have come by then", 1,
         HOUR, &header_ms, NULL, false},
        {"idle-timeout", '\0', "MS", "a client must ask or read much by then",
         1, HOUR, &idle_ms, NULL, false}};
    trace_keep();
    demo_protocol(&http_client);
    return demo_main_with(argc, argv, serve, options,
                          sizeof(options) / sizeof(options[0]));
}
