/*
 * trace_cost.c - what a line of the trace costs, and what a crash leaves of it.
 *
 * The trace makes one write(2) a line. That is dear; this program measures
 * what else there is. Each way writes lines into a file, under a mutex so that
 * the lines of threads keep their order; then a child does the same and is
 * killed in the middle, and what it wrote before is counted. A wake-up of
 * 06-epoll-lt is five lines: wait, woke, ready, recv, send.
 *
 * What comes out: only a file mapped into memory is both cheap and whole after
 * a crash. But it has to be a file, opened for reading as well, in which
 * nobody else writes, and until its end is known it ends in zero bytes: no
 * pipe, no terminal, no "2>&1". So the trace keeps its one write a line.
 *
 * usage: trace_cost [DIRECTORY] (for the file; default: /tmp)
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LINES = 20000, TRIES = 15, WAKE_UP = 5, CRASH = 1003 };
enum { BUFFER = 65536, FILE_SIZE = 4 << 20 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int fd;
static char buffer[BUFFER]; /* lines that are not written yet ... */
static size_t used;         /* ... so many bytes of them */
static char *map;           /* the file, in memory */
static FILE *stream;

static void die(const char *what)
{
    fprintf(stderr, "trace_cost: %s: %s (%s)\n", what, strerrorname_np(errno),
            strerror(errno));
    exit(1);
}

static void flush(void)
{
    if (used > 0 && write(fd, buffer, used) != (ssize_t)used)
        die("write");
    used = 0;
}

static size_t format(char *text, int i)
{
    return (size_t)sprintf(text,
                           "[server]   recv from clientfd:%d (c%d), %d bytes, "
                           "msg:hello %d from client %d\n",
                           i % 100 + 6, i % 100 + 1, 22, i, i % 100 + 1);
}

static void only_format(int i)
{
    used = format(buffer, i);
}

static void write_each(int i)
{
    used = format(buffer, i);
    flush();
}

static void write_a_wake_up(int i)
{
    used += format(buffer + used, i);
    if (i % WAKE_UP == WAKE_UP - 1)
        flush();
}

static void write_when_full(int i)
{
    used += format(buffer + used, i);
    if (used > sizeof(buffer) - 200)
        flush();
}

static void into_map(int i)
{
    used += format(map + used, i);
}

static void line_buffered(int i)
{
    char text[200];
    format(text, i);
    fputs(text, stream);
}

static const struct way {
    const char *name;
    void (*line)(int i);
} ways[] = {{"formatted, written nowhere", only_format},
            {"write(2) a line, as the trace does", write_each},
            {"stdio, line-buffered", line_buffered},
            {"write(2) a wake-up, of five lines", write_a_wake_up},
            {"write(2) when 64 KiB are full", write_when_full},
            {"a file mapped into memory", into_map}};

static void begin(const char *path)
{
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || (stream = fopen(path, "a")) == NULL)
        die(path);
    setvbuf(stream, NULL, _IOLBF, BUFFER);
    used = 0;
}

static void begin_map(void)
{
    if (ftruncate(fd, FILE_SIZE) < 0)
        die("ftruncate");
    map = mmap(NULL, FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        die("mmap");
}

static void lines(const struct way *way, int count)
{
    for (int i = 0; i < count; i++) {
        pthread_mutex_lock(&lock);
        way->line(i);
        pthread_mutex_unlock(&lock);
    }
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* The quickest of some tries, in nanoseconds a line. */
static double cost(const struct way *way, const char *path)
{
    double least = 1e18;
    for (int try = 0; try < TRIES; try++) {
        begin(path);
        if (way->line == into_map)
            begin_map();
        const double start = now();
        lines(way, LINES);
        const double spent = (now() - start) / LINES;
        least = spent < least ? spent : least;
        if (way->line == into_map)
            munmap(map, FILE_SIZE);
        fclose(stream);
        close(fd);
    }
    return least;
}

/* How many lines are in the file after a crash? */
static int left_after_crash(const struct way *way, const char *path)
{
    begin(path);
    if (way->line == into_map)
        begin_map();
    const pid_t child = fork();
    if (child == 0) {
        lines(way, CRASH);
        raise(SIGKILL);
    }
    waitpid(child, NULL, 0);
    int count = 0;
    char c;
    FILE *const file = fopen(path, "r");
    if (file == NULL)
        die(path);
    while ((c = (char)getc(file)) != '\0' && !feof(file))
        count += c == '\n';
    fclose(file);
    fclose(stream);
    close(fd);
    return count;
}

int main(int argc, char **argv)
{
    char path[4096];
    if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
        fputs("usage: trace_cost [DIRECTORY]\n", stderr);
        return 2;
    }
    snprintf(path, sizeof(path), "%s/trace_cost.%d",
             argc == 2 ? argv[1] : "/tmp", (int)getpid());
    printf("%-36s %10s %22s\n", "", "ns a line", "left by a crash");
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        printf("%-36s %10.0f", ways[i].name, cost(&ways[i], path));
        fflush(stdout);
        if (ways[i].line == only_format)
            printf("%22s\n", "-");
        else
            printf("%14d of %d\n", left_after_crash(&ways[i], path), CRASH);
    }
    unlink(path);
    return 0;
}
