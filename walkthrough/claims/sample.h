/*
 * sample.h - starts a sample in Python, such as http_server.py, and connects
 * to it.
 *
 * The samples are well-known programs in our words, with their bugs. make
 * copies them beside the programs of the claims. If there is no Python, or a
 * sample lacks a module, the claim cannot be tried.
 */
#ifndef SAMPLE_H
#define SAMPLE_H

#include "claim.h"

/* A server in a process of its own. */
struct sample {
    pid_t pid;
    FILE *output; /* what it prints */
    struct sockaddr_in address;
};

/* Runs NAME with an argument or two. Does not return. */
static inline void execute_sample(const char *name, const char *first,
                                  const char *second, int output_fd)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 100);
    path[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(path, '/');
    snprintf(slash != NULL ? slash + 1 : path, 100, "%s", name);
    dup2(output_fd, STDOUT_FILENO);
    dup2(output_fd, STDERR_FILENO);
    execlp("python3", "python3", "-IB", path, first, second, (char *)NULL);
    _exit(EXIT_FAILURE);
}

/* Starts a sample, which dies with us. Returns when it listens. */
static inline struct sample start_sample(const char *name, const char *first,
                                         const char *second)
{
    int ends[2];
    char line[200];
    struct sample sample = {.address = {.sin_family = AF_INET}};
    pid_t parent = getpid();
    must(pipe2(ends, O_CLOEXEC), "pipe2");
    fflush(stdout);
    sample.pid = must(fork(), "fork");
    if (sample.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() == parent)
            execute_sample(name, first, second, ends[1]);
        _exit(EXIT_FAILURE);
    }
    close(ends[1]);
    sample.output = fdopen(ends[0], "r");
    if (fgets(line, sizeof(line), sample.output) == NULL)
        not_tried("python3 is missing");
    line[strcspn(line, "\n")] = '\0';
    int port = strncmp(line, "port ", 5) == 0 ? atoi(line + 5) : 0;
    if (port == 0)
        not_tried(line);
    sample.address.sin_port = htons((uint16_t)port);
    sample.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return sample;
}

/* Returns a connected socket, or -1 with errno. */
static inline int connect_to_sample(const struct sample *sample)
{
    int fd = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    if (connect(fd, (const struct sockaddr *)&sample->address,
                sizeof(sample->address)) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* Reads what the sample prints, until a line contains this text. Returns false
 * if the sample has ended without it. */
static inline bool sample_prints(struct sample *sample, const char *text)
{
    char line[400];
    while (fgets(line, sizeof(line), sample->output) != NULL) {
        if (strstr(line, text) != NULL)
            return true;
    }
    return false;
}

/* Ends a sample that still runs. */
static inline void kill_sample(const struct sample *sample)
{
    kill(sample->pid, SIGKILL);
    waitpid(sample->pid, NULL, 0);
}

#endif
