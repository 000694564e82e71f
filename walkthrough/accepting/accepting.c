/*
 * accepting.c - several processes that accept connections at one address.
 *
 * The parent process starts the workers and then connects, one connection after
 * another. Before each it waits until all workers sleep. At the end it prints
 * how many connections each worker has accepted.
 *
 * Limitations: a worker does nothing with a connection but close it. So it is
 * back in its wait before the next connection arrives.
 *
 * Try: build/accepting plain, several times.
 */
#include "../claims/claim.h"

#include <sys/mman.h>

#define WORKERS     4
#define CONNECTIONS 40

enum mode {
    PLAIN,     /* each worker has its own epoll instance */
    EXCLUSIVE, /* the same, registered with EPOLLEXCLUSIVE */
    SHARED,    /* all workers wait on one epoll instance, with EPOLLET */
    BLOCKING,  /* all workers block in accept4 */
    REUSEPORT, /* each worker has its own listening socket, over TCP */
    MODES
};

static const char *const names[MODES] = {"plain", "exclusive", "shared",
                                         "blocking", "reuseport"};

static enum mode mode;
static atomic_int *accepted; /* of each worker, in memory that all share */
static int listen_fd, epoll_fd = -1;

static struct place place;             /* of the Unix-domain socket */
static struct sockaddr_in tcp_address; /* of the TCP sockets */

/* The worker with this number. Ends when the parent kills it. */
static int work(int number)
{
    struct epoll_event event;
    uint32_t events = mode == EXCLUSIVE ? EPOLLIN | EPOLLEXCLUSIVE : EPOLLIN;
    if (mode == PLAIN || mode == EXCLUSIVE || mode == REUSEPORT) {
        epoll_fd = new_epoll();
        watch(epoll_fd, listen_fd, events);
    }
    for (;;) {
        int fd;
        if (mode != BLOCKING)
            epoll_wait(epoll_fd, &event, 1, -1);
        do { /* an edge is reported once, so SHARED accepts until EAGAIN */
            fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
            if (fd < 0 && errno != EAGAIN)
                return 1;
            if (fd >= 0) {
                accepted[number]++;
                close(fd);
            }
        } while (fd >= 0 && mode == SHARED);
    }
}

/* Opens the listening socket that all workers share. */
static void listen_shared(void)
{
    listen_fd = listen_somewhere(&place, CONNECTIONS);
    if (mode != BLOCKING)
        fcntl(listen_fd, F_SETFL, fcntl(listen_fd, F_GETFL) | O_NONBLOCK);
    if (mode == SHARED) {
        epoll_fd = new_epoll();
        watch(epoll_fd, listen_fd, EPOLLIN | EPOLLET);
    }
}

static int sum(void)
{
    int result = 0;
    for (int i = 0; i < WORKERS; i++)
        result += accepted[i];
    return result;
}

/* Connects, and waits until a worker has accepted and all of them sleep. */
static void connect_next(const pid_t *workers)
{
    int before = sum();
    must(mode == REUSEPORT ? connect_tcp(&tcp_address) : connect_to(&place),
         "connect");
    while (sum() == before)
        sched_yield();
    for (int i = 0; i < WORKERS; i++)
        wait_asleep(workers[i]);
}

int main(int argc, char **argv)
{
    pid_t workers[WORKERS];
    while (mode < MODES && (argc != 2 || strcmp(argv[1], names[mode]) != 0))
        mode++;
    if (mode == MODES) {
        fprintf(stderr, "usage: accepting plain|exclusive|shared|blocking|"
                        "reuseport\n");
        return 2;
    }
    accepted = mmap(NULL, WORKERS * sizeof(*accepted), PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(accepted == MAP_FAILED ? -1 : 0, "mmap");
    if (mode != REUSEPORT)
        listen_shared();
    for (int i = 0; i < WORKERS; i++) {
        if (mode == REUSEPORT)
            listen_fd = listen_reuseport(&tcp_address, CONNECTIONS);
        workers[i] = start_child(work, i);
        if (mode == REUSEPORT)
            close(listen_fd); /* the worker has it */
        wait_asleep(workers[i]);
    }
    for (int i = 0; i < CONNECTIONS; i++)
        connect_next(workers);
    printf("%s:", names[mode]);
    for (int i = 0; i < WORKERS; i++) {
        kill(workers[i], SIGKILL);
        end_of(workers[i]);
        printf(" %d", accepted[i]);
    }
    printf(", sum %d\n", sum());
    return 0;
}
