/*
 * load.c - measure an echo server on a Unix-domain socket.
 *
 * Some clients are active: each sends a message, waits for its echo, checks
 * every byte of it, and begins again. The others are idle: connected, seen to
 * be served once, and then silent. What the server pays for a round trip, and
 * keeps for a connection, is read from the kernel's books about its process,
 * which the socket itself names (SO_PEERCRED): so any server will do.
 *
 * Lockstep is the mode whose figures repeat. Server and generator share one
 * CPU, both SCHED_BATCH, so that neither interrupts the other: all active
 * clients send, the server runs until it has nothing to do, all receive. In
 * the closed loop they run at once, on CPUs of their own, and each client
 * sends as soon as it has its echo: more like life, and more like weather.
 *
 * Left out: the memory that the kernel itself keeps for a socket, and TCP.
 *
 * Try: build/06-epoll-lt --serve -q -s /tmp/echo & then
 * build/bench/load -a 100 -i 800 /tmp/echo
 */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { FAILED = 1, USAGE = 2 };
enum {
    MOST_ROUNDS = 1000000000,
    MAX_CLIENTS = 60000,
    MAX_SIZE = 65536,
    MAX_EVENTS = 64
};
enum { OTHER_FDS = 16 }; /* the standard ones, epoll's, those of /proc */
enum { AT_ONCE = 100 };  /* clients that arrive together */
enum { FEW = 100 };      /* too few connections to tell a page from one */
enum { PRIME = 65521 };  /* more than MAX_CLIENTS: see message() */
enum { WARM_UP = 10 };   /* a tenth of the rounds, or so many */
enum { STEPS = 64 };     /* of the histogram, for each power of two */

struct options {
    int active, idle, rounds, size, timeout;
    double seconds; /* no longer than this; 0: until all rounds are made */
    bool closed, settle, json;
    const char *path;
};

struct client {
    int fd;
    int round;        /* of the message under way, or of the next one */
    size_t got;       /* so much of the echo is here */
    uint64_t sent_at; /* ns; 0: no message is under way */
};

static struct options o = {.active = 1, .size = 64, .timeout = 10};
static struct client *clients; /* the active ones, then the idle ones */
static pid_t server;
static clockid_t server_clock;
static uint64_t histogram[64 * STEPS], samples;

/* --- sentences ----------------------------------------------------------- */

static void stop(int status, const char *format, ...)
    __attribute__((format(printf, 2, 3), noreturn));

static void stop(int status, const char *format, ...)
{
    va_list arguments;
    fputs("load: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputs(status == USAGE ? "; try 'load --help'\n" : "\n", stderr);
    exit(status);
}

static void help(void)
{
    puts("usage: load [option]... PATH\n"
         "\n"
         "Measure the echo server that listens at PATH, or @NAME. Every byte\n"
         "that comes back is checked.\n"
         "\n"
         "  -a, --active N      clients that send (default 1)\n"
         "  -i, --idle N        clients that are connected and silent "
         "(default 0)\n"
         "  -z, --size BYTES    of a message, at most 65536 (default 64)\n"
         "  -n, --rounds N      messages of each active client (default "
         "1000)\n"
         "  -t, --time SECONDS  go on no longer than this\n"
         "  -m, --mode MODE     lockstep: server and generator take turns on "
         "one CPU\n"
         "                      (default); closed: both run at once, on two\n"
         "      --settle        lockstep: let the server fall asleep before "
         "each "
         "round,\n"
         "                      so that what it does can be counted\n"
         "      --timeout S     how long an echo may take (default 10)\n"
         "  -j, --json          print one line of JSON\n"
         "  -h, --help          this text\n"
         "\n"
         "A round is one message of each active client. One round in ten is\n"
         "made before, to warm up, and not measured. Latency is that of a\n"
         "message, in lockstep that of a whole round. Memory is what the\n"
         "server's process keeps; that of the kernel is not in it.\n"
         "\n"
         "Exit status: 0 all came back right; 1 the server failed; 2 usage.");
}

/* --- the books of the kernel --------------------------------------------- */

static uint64_t now(clockid_t clock)
{
    struct timespec t;
    if (clock_gettime(clock, &t) < 0)
        stop(FAILED, "the server (process %d) has ended", (int)server);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Bytes of memory that are the server's own; -1: nobody tells. */
static long server_memory(void)
{
    char path[64], line[200];
    long kilobytes = -1;
    snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)server);
    FILE *const file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        if (sscanf(line, "Anonymous: %ld", &kilobytes) == 1)
            break;
    if (file != NULL)
        fclose(file);
    return kilobytes < 0 ? -1 : kilobytes * 1024;
}

/* Let all threads of a process run on these CPUs, and interrupt nobody. */
static void place(pid_t pid, const cpu_set_t *cpus)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *const tasks = opendir(path);
    const struct dirent *entry;
    while (tasks != NULL && (entry = readdir(tasks)) != NULL) {
        const pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
        const struct sched_param none = {0};
        if (tid == 0)
            continue;
        if ((sched_setaffinity(tid, sizeof(*cpus), cpus) < 0 ||
             (!o.closed && sched_setscheduler(tid, SCHED_BATCH, &none) < 0)) &&
            errno != ESRCH)
            stop(FAILED, "cannot place process %d on a CPU: %s (%s)", (int)pid,
                 strerrorname_np(errno), strerror(errno));
    }
    if (tasks == NULL)
        stop(FAILED, "there is no %s: load must see the server's process",
             path);
    closedir(tasks);
}

/* Does this thread sleep, or is it gone? From proc(5). */
static bool sleeps(const char *tid)
{
    char path[64], text[512];
    snprintf(path, sizeof(path), "/proc/%d/task/%.20s/stat", (int)server, tid);
    FILE *const file = fopen(path, "re");
    if (file == NULL)
        return true;
    const char *const found = fgets(text, sizeof(text), file);
    fclose(file);
    const char *const name_end = found != NULL ? strrchr(text, ')') : NULL;
    return name_end == NULL || strncmp(name_end, ") S", 3) == 0;
}

/* Wait until all threads of the server sleep: it has nothing left to do. */
static void let_server_settle(void)
{
    const uint64_t end =
        now(CLOCK_MONOTONIC) + (uint64_t)o.timeout * 1000000000;
    char path[64];
    bool all;
    snprintf(path, sizeof(path), "/proc/%d/task", (int)server);
    do {
        if (now(CLOCK_MONOTONIC) > end)
            stop(FAILED, "the server never sleeps (waited for %d s)",
                 o.timeout);
        sched_yield();
        DIR *const tasks = opendir(path);
        const struct dirent *entry;
        all = true;
        while (all && tasks != NULL && (entry = readdir(tasks)) != NULL)
            all = entry->d_name[0] == '.' || sleeps(entry->d_name);
        if (tasks != NULL)
            closedir(tasks);
    } while (!all);
}

/* One CPU for both, or the last one for us and the others for the server. */
static void place_both(void)
{
    cpu_set_t ours, theirs;
    int last = 0;
    if (sched_getaffinity(0, sizeof(theirs), &theirs) < 0)
        stop(FAILED, "sched_getaffinity: %s", strerror(errno));
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &theirs))
            last = cpu;
    CPU_ZERO(&ours);
    CPU_SET(last, &ours);
    CPU_CLR(last, &theirs);
    if (o.closed && CPU_COUNT(&theirs) == 0)
        stop(FAILED, "a closed loop needs two CPUs, and this process may use "
                     "only one; try --mode lockstep");
    place(getpid(), &ours);
    place(server, o.closed ? &theirs : &ours);
    place(server, o.closed ? &theirs : &ours); /* threads born meanwhile */
}

/* --- the clients --------------------------------------------------------- */

/*
 * The message of a client in a round is a piece of one long row of noise.
 * Where it begins differs for all clients of a round, and for a client in all
 * rounds that are near: so a byte that is wrong, lost or somebody else's shows.
 */
static const unsigned char *message(const struct client *c, int round)
{
    static unsigned char noise[PRIME + MAX_SIZE];
    static bool made;
    if (!made) {
        uint32_t x = 2463534242; /* xorshift, of Marsaglia */
        for (size_t i = 0; i < sizeof(noise); i++) {
            x ^= x << 13;
            x ^= x >> 17;
            x ^= x << 5;
            noise[i] = (unsigned char)(x >> 8);
        }
        made = true;
    }
    const uint64_t number = (uint64_t)(c - clients);
    return noise + (number * 7919 + (uint64_t)(round + 1)) % PRIME;
}

static int number(const struct client *c)
{
    return (int)(c - clients) + 1;
}

static void connect_client(struct client *c)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const size_t length = strlen(o.path);
    socklen_t size = sizeof(address);
    const struct timeval limit = {.tv_sec = o.timeout};

    memcpy(address.sun_path, o.path, length);
    if (o.path[0] == '@') {
        address.sun_path[0] = '\0';
        size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    }
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        stop(FAILED, "no socket for client %d: %s (%s)", number(c),
             strerrorname_np(errno), strerror(errno));
    /* SO_SNDTIMEO limits connect(2), too: unix(7) has a backlog that fills. */
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (connect(c->fd, (struct sockaddr *)&address, size) < 0)
        stop(FAILED, "client %d cannot connect to '%s': %s (%s)", number(c),
             o.path, strerrorname_np(errno),
             errno == EAGAIN ? "the server does not accept" : strerror(errno));
}

static void send_message(struct client *c)
{
    const unsigned char *const bytes = message(c, c->round);
    for (size_t sent = 0; sent < (size_t)o.size;) {
        const ssize_t n =
            send(c->fd, bytes + sent, (size_t)o.size - sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            stop(FAILED,
                 "client %d could not send for %d s: the server does "
                 "not read",
                 number(c), o.timeout);
        if (n < 0 && errno != EINTR)
            stop(FAILED, "client %d cannot send: %s (%s)", number(c),
                 strerrorname_np(errno),
                 errno == EPIPE ? "the server has closed the connection"
                                : strerror(errno));
        sent += n > 0 ? (size_t)n : 0;
    }
}

/* Whose message is it? In a round some may be one message ahead. */
static int owner_of(const unsigned char *echo)
{
    for (int i = 0; i < o.active + o.idle; i++)
        for (int ahead = 0; ahead <= 1; ahead++)
            if (memcmp(echo, message(&clients[i], clients[i].round - ahead),
                       (size_t)o.size) == 0)
                return i + 1;
    return 0;
}

/* Say what is wrong with an echo. */
static void wrong_echo(const struct client *c, const unsigned char *echo)
{
    const unsigned char *const wanted = message(c, c->round);
    const int owner = o.size >= 8 ? owner_of(echo) : 0;
    int i = 0;
    if (owner > 0)
        stop(FAILED, "client %d, message %d: this is a message of client %d",
             number(c), c->round, owner);
    while (echo[i] == wanted[i])
        i++;
    stop(FAILED,
         "client %d, message %d: byte %d of %d came back as 0x%02x, not 0x%02x",
         number(c), c->round, i + 1, o.size, echo[i], wanted[i]);
}

static void no_echo(const struct client *c)
{
    stop(FAILED,
         "client %d, message %d: %zu of %d bytes came back, and no "
         "more within %d s",
         number(c), c->round, c->got, o.size, o.timeout);
}

/*
 * Take what there is of the echo; sleep for it, if flags do not say otherwise.
 * Returns true when it is whole, and right.
 */
static bool receive(struct client *c, int flags)
{
    unsigned char bytes[MAX_SIZE];
    const size_t rest = (size_t)o.size - c->got;
    const ssize_t n = recv(c->fd, bytes, rest, flags);
    if (n < 0 && errno == EAGAIN && flags == 0)
        no_echo(c);
    if (n < 0 && errno != EINTR && errno != EAGAIN)
        stop(FAILED, "client %d, message %d: recv says %s (%s)", number(c),
             c->round, strerrorname_np(errno), strerror(errno));
    if (n == 0)
        stop(FAILED,
             "client %d, message %d: the server closed the connection "
             "after %zu of %d bytes",
             number(c), c->round, c->got, o.size);
    if (n < 0)
        return false;
    if (memcmp(bytes, message(c, c->round) + c->got, (size_t)n) != 0) {
        unsigned char echo[MAX_SIZE];
        memcpy(echo, message(c, c->round), (size_t)o.size);
        memcpy(echo + c->got, bytes, (size_t)n);
        wrong_echo(c, echo);
    }
    c->got += (size_t)n;
    if (c->got < (size_t)o.size)
        return false;
    c->got = 0;
    c->round++;
    return true;
}

/*
 * Connect and exchange one message: then the server knows these clients. Many
 * at once, for a server that scans all of them does it for each wake-up.
 */
static void greet(struct client *first, const struct client *end)
{
    for (struct client *c = first; c < end; c++) {
        connect_client(c);
        send_message(c);
    }
    for (struct client *c = first; c < end; c++)
        while (!receive(c, 0)) {
        }
}

/* The process that listens, from the socket: SO_PEERCRED, unix(7). */
static void find_server(const struct client *c)
{
    struct ucred owner;
    socklen_t size = sizeof(owner);
    if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &owner, &size) < 0 ||
        owner.pid == 0 || clock_getcpuclockid(owner.pid, &server_clock) != 0)
        stop(FAILED, "cannot tell which process listens at '%s'", o.path);
    server = owner.pid;
}

/* All is sent: nobody may have got more than it is due, and all see the end. */
static void part(struct client *c)
{
    char byte;
    shutdown(c->fd, SHUT_WR);
    const ssize_t n = recv(c->fd, &byte, 1, 0);
    if (n > 0)
        stop(FAILED, "client %d got more bytes than it sent", number(c));
    if (n < 0)
        stop(FAILED,
             "client %d sent its end, and the server did not close the "
             "connection: %s (%s)",
             number(c), strerrorname_np(errno), strerror(errno));
    close(c->fd);
}

/* --- latency ------------------------------------------------------------- */

/* STEPS buckets for each power of two: off by less than two in a hundred. */
static void record(uint64_t ns)
{
    int power = 0;
    while (ns >> power >= 2 * STEPS)
        power++;
    const uint64_t bucket = (uint64_t)power * STEPS + (ns >> power);
    histogram[bucket]++;
    samples++;
}

/* In microseconds. */
static double percentile(double percent)
{
    const double wanted = (double)samples * percent / 100;
    uint64_t seen = 0;
    for (uint64_t i = 0; i < sizeof(histogram) / sizeof(histogram[0]); i++) {
        seen += histogram[i];
        if (seen > 0 && (double)seen >= wanted) {
            const uint64_t power = i < 2 * STEPS ? 0 : i / STEPS - 1;
            return (double)((i - power * STEPS) << power) / 1000;
        }
    }
    return 0;
}

/* --- the two modes ------------------------------------------------------- */

/* Until each active client has made so many rounds, or until the time. */
static void lockstep(int rounds, uint64_t until)
{
    uint64_t begin = now(CLOCK_MONOTONIC);
    for (int i = 0; i < rounds && begin < until; i++) {
        if (o.settle)
            let_server_settle();
        for (int c = 0; c < o.active; c++)
            send_message(&clients[c]);
        for (int c = 0; c < o.active; c++)
            while (!receive(&clients[c], 0)) {
            }
        const uint64_t end = now(CLOCK_MONOTONIC);
        record(end - begin);
        begin = end;
    }
}

static void begin_message(struct client *c, uint64_t time)
{
    c->sent_at = time;
    send_message(c);
}

static void closed_loop(int epoll_fd, int rounds, uint64_t until)
{
    struct epoll_event events[MAX_EVENTS];
    const int last = clients[0].round + rounds;
    int busy = o.active;
    for (int c = 0; c < o.active; c++)
        begin_message(&clients[c], now(CLOCK_MONOTONIC));
    while (busy > 0) {
        const int n =
            epoll_wait(epoll_fd, events, MAX_EVENTS, o.timeout * 1000);
        for (int c = 0; n == 0 && c < o.active; c++)
            if (clients[c].sent_at != 0)
                no_echo(&clients[c]);
        for (int i = 0; i < n; i++) {
            struct client *const c = events[i].data.ptr;
            if (!receive(c, MSG_DONTWAIT))
                continue;
            const uint64_t time = now(CLOCK_MONOTONIC);
            record(time - c->sent_at);
            c->sent_at = 0;
            if (c->round < last && time < until)
                begin_message(c, time);
            else
                busy--;
        }
    }
    for (int c = 0; c < o.active; c++)
        clients[c].round = last; /* the next time they start alike again */
}

static void run(int epoll_fd, int rounds, uint64_t until)
{
    if (o.closed)
        closed_loop(epoll_fd, rounds, until);
    else
        lockstep(rounds, until);
}

/* --- the measurement ----------------------------------------------------- */

static void print(uint64_t trips, double seconds, double server_us,
                  double own_us, double memory, long messages)
{
    const char *const mode = o.closed ? "closed" : "lockstep";
    const double rate = (double)trips / seconds;
    const double p50 = percentile(50), p99 = percentile(99),
                 p999 = percentile(99.9);
    char bytes[32] = "null";
    if (memory >= 0)
        snprintf(bytes, sizeof(bytes), "%.0f", memory);
    if (o.json) {
        printf("{\"mode\":\"%s\",\"active\":%d,\"idle\":%d,\"size\":%d,"
               "\"round_trips\":%llu,\"seconds\":%.6f,\"per_second\":%.0f,"
               "\"p50_us\":%.2f,\"p99_us\":%.2f,\"p999_us\":%.2f,"
               "\"server_us\":%.4f,\"generator_us\":%.4f,\"ratio\":%.5f,"
               "\"bytes_per_connection\":%s,\"messages\":%ld,\"pid\":%d}\n",
               mode, o.active, o.idle, o.size, (unsigned long long)trips,
               seconds, rate, p50, p99, p999, server_us, own_us,
               server_us / own_us, bytes, messages, (int)server);
        return;
    }
    printf("%s, %d active and %d idle clients, %d bytes\n", mode, o.active,
           o.idle, o.size);
    printf("  round trips    %llu in %.3f s, %.0f a second\n",
           (unsigned long long)trips, seconds, rate);
    printf("  latency        p50 %.1f us, p99 %.1f us, p99.9 %.1f us%s\n", p50,
           p99, p999, o.closed ? "" : " (of a round)");
    printf("  server's CPU   %.2f us a round trip\n", server_us);
    printf("  generator's    %.2f us a round trip; server / generator %.3f\n",
           own_us, server_us / own_us);
    if (memory >= 0)
        printf("  memory         %s bytes a connection\n", bytes);
}

static void measure(void)
{
    const int all = o.active + o.idle;
    const int epoll_fd = epoll_create1(EPOLL_CLOEXEC);

    greet(clients, clients + 1);
    find_server(&clients[0]);
    place_both();
    const long before = server_memory();
    for (int c = 1; c < all; c += AT_ONCE)
        greet(clients + c, clients + (all - c < AT_ONCE ? all : c + AT_ONCE));
    const long after = server_memory();
    for (int c = 0; o.closed && c < o.active; c++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &clients[c]};
        if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, clients[c].fd, &event) < 0)
            stop(FAILED, "epoll_ctl: %s", strerror(errno));
    }

    const uint64_t start = now(CLOCK_MONOTONIC);
    const uint64_t span = (uint64_t)(o.seconds * 1e9);
    const int tenth = o.rounds / 10 > WARM_UP ? o.rounds / 10 : WARM_UP;
    run(epoll_fd, tenth, span > 0 ? start + span / 10 : UINT64_MAX);
    memset(histogram, 0, sizeof(histogram));
    samples = 0;

    const uint64_t begin = now(CLOCK_MONOTONIC);
    const uint64_t server_begin = now(server_clock);
    const uint64_t own_begin = now(CLOCK_PROCESS_CPUTIME_ID);
    run(epoll_fd, o.rounds, span > 0 ? begin + span : UINT64_MAX);
    const uint64_t own = now(CLOCK_PROCESS_CPUTIME_ID) - own_begin;
    const uint64_t used = now(server_clock) - server_begin;
    const uint64_t end = now(CLOCK_MONOTONIC);

    long messages = 0;
    for (int c = 0; c < all; c++) {
        messages += clients[c].round;
        part(&clients[c]);
    }
    const uint64_t trips = o.closed ? samples : samples * (uint64_t)o.active;
    if (trips == 0)
        stop(FAILED, "no round was made in %g s", o.seconds);
    print(trips, (double)(end - begin) / 1e9,
          (double)used / (double)trips / 1000,
          (double)own / (double)trips / 1000,
          before < 0 || after < 0 || all - 1 < FEW
              ? -1
              : (double)(after > before ? after - before : 0) / (all - 1),
          messages);
}

/* --- the command line ---------------------------------------------------- */

static int integer(const char *text, const char *name, int least, int most)
{
    char *end;
    errno = 0;
    const long n = strtol(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || n < least || n > most)
        stop(USAGE, "--%s takes a number from %d to %d, not '%s'", name, least,
             most, text);
    return (int)n;
}

static void parse(int argc, char **argv)
{
    static const struct option names[] = {
        {"active", required_argument, NULL, 'a'},
        {"idle", required_argument, NULL, 'i'},
        {"size", required_argument, NULL, 'z'},
        {"rounds", required_argument, NULL, 'n'},
        {"time", required_argument, NULL, 't'},
        {"mode", required_argument, NULL, 'm'},
        {"settle", no_argument, NULL, 's'},
        {"timeout", required_argument, NULL, 'T'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0}};
    char *end;
    int option;

    while ((option = getopt_long(argc, argv, "a:i:z:n:t:m:jh", names, NULL)) !=
           -1) {
        switch (option) {
        case 'a':
            o.active = integer(optarg, "active", 1, MAX_CLIENTS);
            break;
        case 'i':
            o.idle = integer(optarg, "idle", 0, MAX_CLIENTS);
            break;
        case 'z':
            o.size = integer(optarg, "size", 1, MAX_SIZE);
            break;
        case 'n':
            o.rounds = integer(optarg, "rounds", 1, MOST_ROUNDS);
            break;
        case 't':
            o.seconds = strtod(optarg, &end);
            if (end == optarg || *end != '\0' ||
                !(o.seconds >= 0.001 && o.seconds <= 3600))
                stop(USAGE, "--time takes seconds, 0.001 to 3600, not '%s'",
                     optarg);
            break;
        case 'm':
            o.closed = strcmp(optarg, "closed") == 0;
            if (!o.closed && strcmp(optarg, "lockstep") != 0)
                stop(USAGE, "--mode is lockstep or closed, not '%s'", optarg);
            break;
        case 's':
            o.settle = true;
            break;
        case 'T':
            o.timeout = integer(optarg, "timeout", 1, 3600);
            break;
        case 'j':
            o.json = true;
            break;
        case 'h':
            help();
            exit(0);
        default:
            exit(USAGE); /* getopt has said why */
        }
    }
    if (argc - optind != 1)
        stop(USAGE, "name one socket, the server's, not %d", argc - optind);
    if (o.rounds == 0)
        o.rounds = o.seconds > 0 ? MOST_ROUNDS : 1000;
    o.path = argv[optind];
    if (strlen(o.path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path) ||
        o.path[0] == '\0')
        stop(USAGE, "the path of a socket has 1 to 107 bytes, not %zu",
             strlen(o.path));
    if (o.active + o.idle > MAX_CLIENTS)
        stop(USAGE, "at most %d clients, active and idle", MAX_CLIENTS);
    if (o.settle && o.closed)
        stop(USAGE, "--settle belongs to --mode lockstep");
}

int main(int argc, char **argv)
{
    struct rlimit limit;
    parse(argc, argv);
    const int needed = o.active + o.idle + OTHER_FDS;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
        limit.rlim_cur < (rlim_t)needed)
        stop(FAILED,
             "%d clients need %d descriptors, the limit is %lu: raise "
             "it with 'ulimit -n %d', for the server as well",
             o.active + o.idle, needed, (unsigned long)limit.rlim_cur, needed);
    clients = calloc((size_t)(o.active + o.idle), sizeof(*clients));
    if (clients == NULL)
        stop(FAILED, "no memory for %d clients", o.active + o.idle);
    measure();
    free(clients);
    return fflush(stdout) == 0 ? 0 : FAILED;
}
