/*
 * io_uring.c - the echo server without readiness: completions.
 *
 * Nobody asks whether a socket is ready. One accept and one recv a client are
 * handed to the kernel once and report again and again (multishot); data comes
 * in a buffer that the kernel picks from a ring of them, goes back from the
 * same buffer, and the buffer returns to the ring. One system call hands over
 * all that is to do, and brings all that is done.
 *
 * Left out: a client that sends much and reads nothing ends up with all the
 * buffers. A server for the world would cancel its recv.
 */
#include "peer.h"

#include <liburing.h>
#include <unistd.h>

enum { BUFFERS = 1024, QUEUE = 4096, GROUP = 1 };
enum { RECV, SEND }; /* the lowest bit of the user data */

struct client {
    int fd, first, last; /* buffers to send; -1: none. The first is under way */
    bool ended, hungry;  /* sends no more; got no buffer */
    struct client *next; /* hungry, too */
};

static struct io_uring ring;
static struct io_uring_buf_ring *free_buffers;
static char (*buffers)[BUFFER_SIZE];
static struct {
    int next;
    unsigned size, sent;
} held[BUFFERS]; /* what a buffer holds, and the client's next one */
static struct client *hungry;

/* A request; the queue is handed over first if it is full. */
static struct io_uring_sqe *request(void)
{
    struct io_uring_sqe *sqe;
    while ((sqe = io_uring_get_sqe(&ring)) == NULL)
        io_uring_submit(&ring);
    return sqe;
}

static void ask_accept(int listen_fd)
{
    struct io_uring_sqe *const sqe = request();
    io_uring_prep_multishot_accept(sqe, listen_fd, NULL, NULL, SOCK_CLOEXEC);
    sqe->user_data = 0;
}

static void ask_recv(struct client *client)
{
    struct io_uring_sqe *const sqe = request();
    io_uring_prep_recv_multishot(sqe, client->fd, NULL, 0, 0);
    sqe->user_data = (uintptr_t)client | RECV;
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = GROUP;
}

static void ask_send(struct client *client)
{
    const int i = client->first;
    struct io_uring_sqe *const sqe = request();
    io_uring_prep_send(sqe, client->fd, buffers[i] + held[i].sent,
                       held[i].size - held[i].sent, MSG_NOSIGNAL);
    sqe->user_data = (uintptr_t)client | SEND;
}

/* Give a buffer to the kernel, and to one of those who got none. */
static void release(int i)
{
    io_uring_buf_ring_add(free_buffers, buffers[i], BUFFER_SIZE,
                          (unsigned short)i, io_uring_buf_ring_mask(BUFFERS),
                          0);
    io_uring_buf_ring_advance(free_buffers, 1);
    if (hungry != NULL) {
        struct client *const client = hungry;
        hungry = client->next;
        ask_recv(client);
    }
}

static void received(struct client *client, int n, unsigned flags)
{
    if (n == -ENOBUFS) {
        client->next = hungry;
        hungry = client;
        return;
    }
    if (n <= 0) {
        client->ended = true;
        return;
    }
    const int i = (int)(flags >> IORING_CQE_BUFFER_SHIFT);
    held[i].size = (unsigned)n;
    held[i].sent = 0;
    held[i].next = -1;
    if (client->first < 0) {
        client->first = i;
        ask_send(client);
    } else {
        held[client->last].next = i;
    }
    client->last = i;
    if (!(flags & IORING_CQE_F_MORE))
        ask_recv(client);
}

static void sent(struct client *client, int n)
{
    const int i = client->first;
    held[i].sent += n > 0 ? (unsigned)n : 0;
    if (n < 0) {
        shutdown(client->fd, SHUT_RDWR); /* its recv will end, too */
        held[i].sent = held[i].size;
    }
    if (held[i].sent == held[i].size) {
        client->first = held[i].next;
        release(i);
    }
    if (client->first >= 0)
        ask_send(client);
}

static void accepted(int fd)
{
    struct client *const client = calloc(1, sizeof(*client));
    if (client == NULL) {
        close(fd);
        return;
    }
    *client = (struct client){.fd = fd, .first = -1};
    ask_recv(client);
}

static void set_up(void)
{
    struct io_uring_params modest = {.flags = IORING_SETUP_CLAMP};
    struct io_uring_params best = {.flags = IORING_SETUP_SINGLE_ISSUER |
                                            IORING_SETUP_DEFER_TASKRUN};
    int error = io_uring_queue_init_params(QUEUE, &ring, &best);
    if (error == -EINVAL) /* before Linux 6.1 */
        error = io_uring_queue_init_params(QUEUE, &ring, &modest);
    void *memory = NULL;
    if (posix_memalign(&memory, 4096, BUFFERS * sizeof(struct io_uring_buf)) !=
        0)
        die("no memory for the buffers");
    free_buffers = memory;
    buffers = calloc(BUFFERS, sizeof(*buffers));
    struct io_uring_buf_reg where = {
        .ring_addr = (uintptr_t)memory, .ring_entries = BUFFERS, .bgid = GROUP};
    if (error == 0 && buffers != NULL)
        error = io_uring_register_buf_ring(&ring, &where, 0);
    errno = -error;
    if (error < 0 || buffers == NULL)
        die("io_uring, as of Linux 6.0");
    io_uring_buf_ring_init(free_buffers);
    memset(buffers, 1, BUFFERS * sizeof(*buffers)); /* fault them in now */
    for (int i = 0; i < BUFFERS; i++)
        release(i);
}

int main(int argc, char **argv)
{
    const char *const path = path_of(argc, argv);
    const int listen_fd = listen_at(path);
    set_up();
    ask_accept(listen_fd);
    say_ready(path);
    for (;;) {
        struct io_uring_cqe *cqe;
        unsigned head, count = 0;
        io_uring_submit_and_wait(&ring, 1);
        io_uring_for_each_cqe(&ring, head, cqe)
        {
            count++;
            struct client *const client =
                (struct client *)(uintptr_t)(cqe->user_data & ~(__u64)SEND);
            if (client == NULL) {
                if (cqe->res >= 0)
                    accepted(cqe->res);
                if (!(cqe->flags & IORING_CQE_F_MORE))
                    ask_accept(listen_fd);
                continue;
            }
            if (cqe->user_data & SEND)
                sent(client, cqe->res);
            else
                received(client, cqe->res, cqe->flags);
            if (client->ended && client->first < 0) {
                close(client->fd);
                free(client);
            }
        }
        io_uring_cq_advance(&ring, count);
    }
}
