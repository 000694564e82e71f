/*
 * accept-fifo.c - who is woken
 *
 * Claim: accept and epoll_wait wake blocked threads in the same order
 * Truth: false. The orders are opposite. accept adds a thread at the end of
 * the queue, so the first to block is the first to be woken, and the threads
 * take turns. epoll_wait adds it at the head (woken-lifo.c).
 * Settled by: accept(2); net/unix/af_unix.c and net/core/datagram.c, which use
 * prepare_to_wait_exclusive().
 * Try: a TCP listener, or epoll_wait and then accept.
 */
#include "claim.h"

#define THREADS 4

static int listen_fd;
static atomic_int accepted;

struct acceptor {
    pthread_t thread;
    _Atomic pid_t tid;
    int place; /* it was the first, second, ... to accept */
};

static void *accept_once(void *argument)
{
    struct acceptor *acceptor = argument;
    acceptor->tid = (pid_t)syscall(SYS_gettid);
    accept(listen_fd, NULL, NULL);
    acceptor->place = ++accepted;
    return NULL;
}

int main(void)
{
    static struct acceptor acceptors[THREADS];
    struct place place;
    int order[THREADS] = {0};
    listen_fd = listen_somewhere(&place, THREADS);
    for (int i = 0; i < THREADS; i++) {
        struct acceptor *acceptor = &acceptors[i];
        errno = pthread_create(&acceptor->thread, NULL, accept_once, acceptor);
        must(errno == 0 ? 0 : -1, "pthread_create");
        while (acceptor->tid == 0)
            sched_yield();
        wait_asleep(acceptor->tid);
    }
    for (int i = 0; i < THREADS; i++) { /* each connection wakes one thread */
        must(connect_to(&place), "connect");
        while (accepted <= i)
            sched_yield();
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(acceptors[i].thread, NULL);
        order[acceptors[i].place - 1] = i + 1;
    }
    saw(order[0] == 1 && order[1] == 2 && order[2] == 3 && order[3] == 4,
        "T1 T2 T3 T4 block in this order; woken are T%d T%d T%d T%d", order[0],
        order[1], order[2], order[3]);
    return verdict("false",
                   "accept and epoll_wait wake blocked threads in the same "
                   "order",
                   "T1 T2 T3 T4 block in this order; accept wakes them in this "
                   "order, epoll_wait wakes T4 T3 T2 T1");
}
