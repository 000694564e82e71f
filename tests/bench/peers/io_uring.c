/*
 * io_uring.c - the echo server with completions instead of readiness.
 *
 * The recv request of a client stays in the kernel and completes again and
 * again (multishot). Each completion names the buffer that the kernel has
 * taken from a ring of provided buffers. The bytes are sent from this buffer,
 * which is then free again. One system call submits all requests and returns
 * a batch of completions.
 *
 * Backpressure: if more bytes arrive while a send is under way, the recv is
 * cancelled. It is submitted again when all bytes are sent. So a client that
 * does not read holds the buffers of one flood at most, and while it holds
 * them, others take their place in the ring.
 *
 * Left out: a limit of memory for all clients together, and a graceful stop.
 */
#include "peer.h"

#include <liburing.h>
#include <unistd.h>

enum { BUFFERS = 1024, FEW = 16, ENTRIES = 2048, GROUP = 1 };
enum { RECV, SEND, CANCEL, KINDS = 3 }; /* the two lowest bits of user data */

struct buffer {
    struct buffer *next; /* of the same client, or of the free ones, or NULL */
    unsigned size, sent; /* bytes that it holds, and how many are sent */
    char bytes[BUFFER_SIZE];
};

struct client {
    int fd;
    int requests;                /* in the kernel: freed only when 0 */
    struct buffer *first, *last; /* unsent; the first one is being sent */
    bool receiving, cancelling, sending;
    bool ended; /* sends no more */
};

static struct io_uring ring;
static int listen_fd, clients;
static bool accepting;

static struct io_uring_buf_ring *provided; /* what recv takes buffers from */
static struct buffer *by_id[BUFFERS];      /* the buffers in this ring */
static unsigned short unused_ids[BUFFERS];
static unsigned unused = BUFFERS;
static unsigned wanted = FEW; /* buffers in the ring, if enough are free */
static struct buffer *block;  /* the first BUFFERS of them all */
static struct buffer *free_buffers;

/* --- buffers ------------------------------------------------------------- */

/* Returns the number of buffers in the ring. */
static unsigned available(void)
{
    return BUFFERS - unused;
}

/* Puts a buffer into the ring. The kernel takes the oldest one first. */
static void provide(struct buffer *buffer)
{
    const unsigned short id = unused_ids[--unused];
    by_id[id] = buffer;
    io_uring_buf_ring_add(provided, buffer->bytes, BUFFER_SIZE, id,
                          io_uring_buf_ring_mask(BUFFERS), 0);
    io_uring_buf_ring_advance(provided, 1);
}

/* Returns the buffer that a completion names. It is no longer in the ring. */
static struct buffer *take(unsigned flags)
{
    const unsigned id = flags >> IORING_CQE_BUFFER_SHIFT;
    unused_ids[unused++] = (unsigned short)id;
    return by_id[id];
}

/* Frees a buffer. A small ring is used again while it is in the cache. */
static void release(struct buffer *buffer)
{
    if (available() < wanted) {
        provide(buffer);
    } else if (buffer >= block && buffer < block + BUFFERS) {
        buffer->next = free_buffers;
        free_buffers = buffer;
    } else {
        free(buffer);
    }
}

/*
 * Fills the ring, with twice as many buffers if it has been empty. Returns
 * false if it is empty and there is no memory.
 */
static bool fill_ring(void)
{
    if (available() == 0 && wanted < BUFFERS)
        wanted *= 2;
    while (available() < wanted) {
        struct buffer *buffer = free_buffers;
        if (buffer != NULL)
            free_buffers = buffer->next;
        else
            buffer = malloc(sizeof(*buffer));
        if (buffer == NULL)
            return available() > 0;
        provide(buffer);
    }
    return true;
}

/* --- requests ------------------------------------------------------------ */

/* Marks the request as one of the client, or as the accept if NULL. */
static void submit(struct io_uring_sqe *sqe, struct client *client, int kind)
{
    sqe->user_data = (uintptr_t)client | (unsigned)kind;
    if (client != NULL)
        client->requests++;
}

/* Single-shot, because shutdown(2) does not end a multishot accept. */
static void submit_accept(void)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
    io_uring_prep_accept(sqe, listen_fd, NULL, NULL, SOCK_CLOEXEC);
    submit(sqe, NULL, 0);
    accepting = true;
}

/*
 * Without POLL_FIRST, because Linux 6.17 and later may then miss an end of
 * file that follows the bytes in the socket (liburing, issue 1549).
 */
static void submit_recv(struct client *client)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
    io_uring_prep_recv_multishot(sqe, client->fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = GROUP;
    submit(sqe, client, RECV);
    client->receiving = true;
}

static void submit_send(struct client *client)
{
    struct buffer *buffer = client->first;
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
    io_uring_prep_send(sqe, client->fd, buffer->bytes + buffer->sent,
                       buffer->size - buffer->sent, MSG_NOSIGNAL);
    submit(sqe, client, SEND);
    client->sending = true;
}

static void submit_cancel(struct client *client)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
    io_uring_prep_cancel64(sqe, (uintptr_t)client | RECV, 0);
    submit(sqe, client, CANCEL);
    client->cancelling = true;
}

/* --- completions --------------------------------------------------------- */

/* Ends a connection: its recv returns end of file, its send fails. */
static void give_up(struct client *client)
{
    client->ended = true;
    shutdown(client->fd, SHUT_RDWR);
}

/* Adds a buffer to those that the client gets back. */
static void append(struct client *client, struct buffer *buffer, int size)
{
    buffer->next = NULL;
    buffer->size = (unsigned)size;
    buffer->sent = 0;
    if (client->first == NULL)
        client->first = buffer;
    else
        client->last->next = buffer;
    client->last = buffer;
}

/* A recv has received n bytes, or has ended. */
static void received(struct client *client, int n, unsigned flags)
{
    if (!(flags & IORING_CQE_F_MORE))
        client->receiving = false;
    if (n > 0) {
        append(client, take(flags), n);
        return;
    }
    if (flags & IORING_CQE_F_BUFFER)
        release(take(flags)); /* end of file needs none */
    if (n == -ENOBUFS) {
        if (!fill_ring())
            give_up(client);
        return;
    }
    if (n != -ECANCELED && n != -EINTR)
        client->ended = true;
}

static void release_first(struct client *client)
{
    struct buffer *buffer = client->first;
    client->first = buffer->next;
    release(buffer);
}

/* A send has sent n bytes. On an error the unsent bytes are dropped. */
static void sent(struct client *client, int n)
{
    client->sending = false;
    if (n < 0) {
        give_up(client);
        while (client->first != NULL)
            release_first(client);
        return;
    }
    client->first->sent += (unsigned)n;
    if (client->first->sent == client->first->size)
        release_first(client);
}

/* Submits what the client needs next, or closes the connection. */
static void proceed(struct client *client)
{
    bool unsent = client->first != NULL;
    if (unsent && !client->sending)
        submit_send(client);
    if (unsent && client->first != client->last && client->receiving &&
        !client->cancelling)
        submit_cancel(client);
    if (!unsent && !client->receiving && !client->ended)
        submit_recv(client);
    if (client->ended && client->requests == 0) {
        close(client->fd);
        free(client);
        clients--;
        if (!accepting)
            submit_accept();
    }
}

/*
 * An accept has returned fd, or an error. If no descriptor is left, the next
 * accept would fail at once too, so it waits until a client has left.
 */
static void accepted(int fd)
{
    struct client *client = NULL;
    accepting = false;
    if (fd >= 0)
        client = calloc(1, sizeof(*client));
    if (client != NULL) {
        client->fd = fd;
        clients++;
        proceed(client);
    } else if (fd >= 0) {
        close(fd);
    }
    if (fd >= 0 || fd == -ECONNABORTED || clients == 0)
        submit_accept();
}

static void completed(const struct io_uring_cqe *cqe)
{
    uintptr_t kind = cqe->user_data & KINDS;
    struct client *client = (struct client *)(uintptr_t)(cqe->user_data - kind);
    if (client == NULL) {
        accepted(cqe->res);
        return;
    }
    if (!(cqe->flags & IORING_CQE_F_MORE))
        client->requests--;
    if (kind == RECV)
        received(client, cqe->res, cqe->flags);
    else if (kind == SEND)
        sent(client, cqe->res);
    else
        client->cancelling = false;
    proceed(client);
}

/* --- the ring ------------------------------------------------------------ */

/* Creates the ring. It needs Linux 6.0, and is cheaper from 6.1 on. */
static void create_ring(void)
{
    struct io_uring_params params = {.flags = IORING_SETUP_SINGLE_ISSUER |
                                              IORING_SETUP_DEFER_TASKRUN};
    int error = io_uring_queue_init_params(ENTRIES, &ring, &params);
    if (error == -EINVAL)
        error = io_uring_queue_init(ENTRIES, &ring, 0);
    errno = -error;
    if (error < 0)
        die("io_uring");
}

/* Creates the ring of provided buffers. All memory is touched now, so that it
 * does not count as that of the clients. */
static void create_buffers(void)
{
    void *memory = NULL;
    size_t size = BUFFERS * sizeof(struct io_uring_buf);
    block = malloc(BUFFERS * sizeof(*block));
    if (block == NULL || posix_memalign(&memory, 4096, size) != 0)
        die("no memory for the buffers");
    struct io_uring_buf_reg where = {
        .ring_addr = (uintptr_t)memory, .ring_entries = BUFFERS, .bgid = GROUP};
    errno = -io_uring_register_buf_ring(&ring, &where, 0);
    if (errno != 0)
        die("io_uring, as of Linux 6.0");
    provided = memory;
    io_uring_buf_ring_init(provided);
    memset(block, 1, BUFFERS * sizeof(*block));
    for (unsigned i = 0; i < BUFFERS; i++)
        unused_ids[i] = (unsigned short)i;
    for (unsigned i = 0; i < BUFFERS; i++)
        release(&block[i]);
}

int main(int argc, char **argv)
{
    const char *path = path_of(argc, argv);
    listen_fd = listen_at(path);
    create_ring();
    create_buffers();
    submit_accept();
    say_ready(path);
    for (;;) {
        struct io_uring_cqe *cqe;
        unsigned head, count = 0;
        io_uring_submit_and_wait(&ring, 1);
        io_uring_for_each_cqe(&ring, head, cqe)
        {
            if (io_uring_sq_space_left(&ring) < 2)
                break; /* the next call returns the others */
            completed(cqe);
            count++;
        }
        io_uring_cq_advance(&ring, count);
    }
}
