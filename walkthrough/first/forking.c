/* forking.c - server.c with a process for each client. */
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void serve_client(int client_fd)
{
    char buffer[4096];
    for (;;) {
        ssize_t n = recv(client_fd, buffer, sizeof(buffer), 0);
        if (n <= 0)
            break; /* 0: the client has closed */
        send(client_fd, buffer, n, MSG_NOSIGNAL);
    }
}

int main(void)
{
    struct sockaddr_un address = {AF_UNIX, "build/echo.sock"};

    int listen_fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (listen_fd < 0)
        err(1, "socket");
    if (bind(listen_fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        err(1, "bind to %s", address.sun_path);
    if (listen(listen_fd, 8) < 0)
        err(1, "listen");
    fprintf(stderr, "listening on %s\n", address.sun_path);

    signal(SIGCHLD, SIG_IGN); /* children that end leave no zombies */
    for (;;) {
        int client_fd = accept(listen_fd, NULL, NULL);
        if (client_fd < 0)
            err(1, "accept");
        pid_t child = fork();
        if (child < 0)
            warn("fork");
        if (child == 0) {
            close(listen_fd);
            serve_client(client_fd);
            _exit(0);
        }
        close(client_fd); /* or the client never gets end of file */
    }
}
