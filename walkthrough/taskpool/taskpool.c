/*
 * taskpool.c - a fixed number of threads that take tasks from a bounded queue.
 *
 * The acceptor is a thread that accepts connections and puts each of them into
 * the queue as a task. A worker takes a task and serves this client until end
 * of file. The queue has room for a few tasks. When it is full, the acceptor
 * blocks or refuses the connection, as the argument says.
 *
 * The main thread plays the clients. Each one connects and sends a message.
 * After each step the program waits until no thread can continue, and prints
 * where the connections are.
 *
 * Limitations: a worker cannot serve another client while its own is idle.
 *
 * Try: build/taskpool block, and build/taskpool refuse.
 */
#include "../claims/claim.h"

enum { WORKERS = 2, ROOM = 3, CLIENTS = 9, SIZE = 5 };

struct pool {
    pthread_mutex_t lock;     /* guards all fields below */
    pthread_cond_t not_empty; /* there is a task, or there will be none */
    pthread_cond_t not_full;  /* there is room for a task */
    int tasks[ROOM];          /* a ring of descriptors */
    int first;                /* index of the oldest task */
    int count;                /* how many tasks the queue has */
    bool ended;               /* no more tasks will come */

    /* What the main thread observes. */
    pthread_cond_t changed;
    bool held; /* the acceptor waits for room, with an accepted connection */
    int taken, echoes, closed, refused; /* how often */
};

static struct pool pool = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER,
                           PTHREAD_COND_INITIALIZER,
                           .changed = PTHREAD_COND_INITIALIZER};
static struct place place;
static int listen_fd;
static bool blocks; /* whether put() waits for room */

/* Adds a task. Returns false if the queue is full and put() must not block. */
static bool put(int fd)
{
    pthread_mutex_lock(&pool.lock);
    while (blocks && pool.count == ROOM) {
        pool.held = true;
        pthread_cond_broadcast(&pool.changed);
        pthread_cond_wait(&pool.not_full, &pool.lock);
    }
    pool.held = false;
    bool has_room = pool.count < ROOM;
    if (has_room) {
        pool.tasks[(pool.first + pool.count) % ROOM] = fd;
        pool.count++;
        pthread_cond_signal(&pool.not_empty);
    } else {
        pool.refused++;
    }
    pthread_cond_broadcast(&pool.changed);
    pthread_mutex_unlock(&pool.lock);
    return has_room;
}

/* Removes the oldest task and returns it. Blocks while there is none. Returns
 * -1 if there will be none. */
static int take(void)
{
    int fd = -1;
    pthread_mutex_lock(&pool.lock);
    while (pool.count == 0 && !pool.ended)
        pthread_cond_wait(&pool.not_empty, &pool.lock);
    if (pool.count > 0) {
        fd = pool.tasks[pool.first];
        pool.first = (pool.first + 1) % ROOM;
        pool.count--;
        pool.taken++;
        pthread_cond_signal(&pool.not_full);
    }
    pthread_cond_broadcast(&pool.changed);
    pthread_mutex_unlock(&pool.lock);
    return fd;
}

static void add_one(int *counter)
{
    pthread_mutex_lock(&pool.lock);
    (*counter)++;
    pthread_cond_broadcast(&pool.changed);
    pthread_mutex_unlock(&pool.lock);
}

static void *worker(void *unused)
{
    char buffer[4096];
    for (int fd = take(); fd >= 0; fd = take()) {
        for (;;) {
            ssize_t n = recv(fd, buffer, sizeof(buffer), 0);
            if (n <= 0)
                break; /* 0: the client has closed */
            send(fd, buffer, (size_t)n, MSG_NOSIGNAL);
            add_one(&pool.echoes);
        }
        close(fd);
        add_one(&pool.closed);
    }
    return unused;
}

static void *acceptor(void *unused)
{
    for (;;) {
        int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            break; /* the main thread has shut the listening socket down */
        if (!put(fd))
            close(fd); /* the client gets end of file or ECONNRESET */
    }
    pthread_mutex_lock(&pool.lock);
    pool.ended = true;
    pthread_cond_broadcast(&pool.not_empty);
    pthread_mutex_unlock(&pool.lock);
    return unused;
}

/* --- the clients, which the main thread plays ---------------------------- */

/* Returns whether no thread can continue: after these many connects and these
 * many ends of clients. Each client sends one message. */
static bool settled(int connected, int left)
{
    int serving = pool.taken - pool.closed;
    int known = pool.taken + pool.count + pool.refused;
    return pool.closed == left && pool.echoes == pool.taken &&
           (pool.count == 0 || serving == WORKERS) &&
           (pool.held ? pool.count == ROOM : known == connected);
}

/* Waits until no thread can continue, and prints where the connections are. */
static void show(const char *step, int connected, int left)
{
    pthread_mutex_lock(&pool.lock);
    while (!settled(connected, left))
        pthread_cond_wait(&pool.changed, &pool.lock);
    int known = pool.taken + pool.count + pool.refused + pool.held;
    if (step != NULL)
        printf("%-18s %6d %7d %6d %4d %7d %7d\n", step, pool.echoes,
               pool.taken - pool.closed, pool.count, pool.held,
               connected - known, pool.refused);
    pthread_mutex_unlock(&pool.lock);
}

/* Connects and sends a message. Returns -1 if the pool has refused it. */
static int join(const char *step, int connected, int left)
{
    int before = pool.refused; /* all threads block: it cannot change */
    int fd = must(connect_to(&place), "connect");
    send(fd, "hello", SIZE, MSG_NOSIGNAL);
    show(step, connected, left);
    if (pool.refused == before)
        return fd;
    close(fd);
    return -1;
}

/* Reads the echo and closes. The client must be one that is served. */
static void leave(const char *step, int fd, int connected, int left)
{
    char echo[SIZE];
    if (recv(fd, echo, SIZE, MSG_WAITALL) != SIZE) {
        fprintf(stderr, "a client has received no echo\n");
        exit(EXIT_FAILURE);
    }
    close(fd);
    show(step, connected, left);
}

static void play_clients(void)
{
    int clients[CLIENTS], left = 1;
    printf("%-18s echoes serving queued held backlog refused\n", "");
    for (int i = 0; i < CLIENTS - 1; i++)
        clients[i] =
            join(i == CLIENTS - 2 ? "8 clients connect" : NULL, i + 1, 0);
    leave("client 1 leaves", clients[0], CLIENTS - 1, left);
    clients[CLIENTS - 1] = join("client 9 connects", CLIENTS, left);
    for (int i = 1; i < CLIENTS; i++) {
        if (clients[i] < 0)
            continue; /* the pool has refused it */
        left++;
        leave(i == CLIENTS - 1 ? "all leave" : NULL, clients[i], CLIENTS, left);
    }
}

int main(int argc, char **argv)
{
    pthread_t threads[WORKERS + 1];
    blocks = argc == 2 && strcmp(argv[1], "block") == 0;
    if (argc != 2 || (!blocks && strcmp(argv[1], "refuse") != 0)) {
        fprintf(stderr, "usage: taskpool block|refuse\n");
        return 2;
    }
    listen_fd = listen_somewhere(&place, CLIENTS);
    for (int i = 0; i <= WORKERS; i++) {
        errno = pthread_create(&threads[i], NULL,
                               i < WORKERS ? worker : acceptor, NULL);
        must(errno == 0 ? 0 : -1, "pthread_create");
    }
    play_clients();
    shutdown(listen_fd, SHUT_RDWR);
    for (int i = 0; i <= WORKERS; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
