/*
 * libuv.c - the echo server on libuv, the loop below Node.js.
 *
 * libuv receives, and hands over the bytes. They go back by uv_try_write(),
 * which costs no memory; only what the socket does not take becomes a request
 * (uv_write), and the client is not read from until that is done. With
 * --write every echo is a request, as in most examples: compare the two.
 */
#include "peer.h"

#include <uv.h>

struct client {
    uv_pipe_t pipe;
    bool ended; /* it sends no more */
};

struct request {
    uv_write_t write;
    char bytes[]; /* what is left to send */
};

static char buffer[65536]; /* one for all: nothing stays in it */
static bool always_write;

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void drop(struct client *client)
{
    if (!uv_is_closing((uv_handle_t *)&client->pipe))
        uv_close((uv_handle_t *)&client->pipe, on_closed);
}

static void on_buffer(uv_handle_t *handle, size_t hint, uv_buf_t *space)
{
    (void)handle, (void)hint;
    *space = uv_buf_init(buffer, sizeof(buffer));
}

static void on_received(uv_stream_t *stream, ssize_t n, const uv_buf_t *data);

static void on_written(uv_write_t *write, int status)
{
    struct client *const client = write->handle->data;
    free(write); /* it is the first in its request */
    if (status < 0 || client->ended)
        drop(client);
    else if (!always_write)
        uv_read_start((uv_stream_t *)&client->pipe, on_buffer, on_received);
}

/* Let libuv send the rest, from memory that lasts so long. */
static void send_later(struct client *client, const char *bytes, size_t size)
{
    struct request *const request = malloc(sizeof(*request) + size);
    if (request == NULL) {
        drop(client);
        return;
    }
    memcpy(request->bytes, bytes, size);
    const uv_buf_t rest = uv_buf_init(request->bytes, (unsigned)size);
    if (!always_write)
        uv_read_stop((uv_stream_t *)&client->pipe);
    if (uv_write(&request->write, (uv_stream_t *)&client->pipe, &rest, 1,
                 on_written) < 0) {
        free(request);
        drop(client);
    }
}

static void on_received(uv_stream_t *stream, ssize_t n, const uv_buf_t *data)
{
    struct client *const client = stream->data;
    if (n < 0) {
        client->ended = true;
        if (stream->write_queue_size == 0)
            drop(client);
        return;
    }
    if (n == 0)
        return; /* EAGAIN */
    const uv_buf_t echo = uv_buf_init(data->base, (unsigned)n);
    const int sent = always_write ? 0 : uv_try_write(stream, &echo, 1);
    if (sent < 0 && sent != UV_EAGAIN)
        drop(client);
    else if (sent < n)
        send_later(client, data->base + (sent > 0 ? sent : 0),
                   (size_t)(n - (sent > 0 ? sent : 0)));
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct client *const client =
        status < 0 ? NULL : calloc(1, sizeof(*client));
    if (client == NULL)
        return;
    uv_pipe_init(listener->loop, &client->pipe, 0);
    client->pipe.data = client;
    if (uv_accept(listener, (uv_stream_t *)&client->pipe) < 0)
        drop(client);
    else
        uv_read_start((uv_stream_t *)&client->pipe, on_buffer, on_received);
}

int main(int argc, char **argv)
{
    uv_pipe_t listener;
    always_write = argc == 3 && strcmp(argv[1], "--write") == 0;
    const char *const path = path_of(argc - always_write, argv + always_write);
    uv_pipe_init(uv_default_loop(), &listener, 0);
    if (uv_pipe_open(&listener, listen_at(path)) < 0 ||
        uv_listen((uv_stream_t *)&listener, SOMAXCONN, on_connection) < 0)
        die("libuv");
    say_ready(path);
    return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
