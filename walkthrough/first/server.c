/* server.c - echoes what a client sends, one client at a time. */
#include <err.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(void)
{
    struct sockaddr_un address = {AF_UNIX, "build/echo.sock"};
    char buffer[4096];

    int listen_fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (listen_fd < 0)
        err(1, "socket");
    if (bind(listen_fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        err(1, "bind to %s", address.sun_path);
    if (listen(listen_fd, 8) < 0)
        err(1, "listen");
    fprintf(stderr, "listening on %s\n", address.sun_path);

    for (;;) {
        int client_fd = accept(listen_fd, NULL, NULL);
        if (client_fd < 0)
            err(1, "accept");
        for (;;) {
            ssize_t n = recv(client_fd, buffer, sizeof(buffer), 0);
            if (n <= 0)
                break; /* 0: the client has closed */
            send(client_fd, buffer, n, MSG_NOSIGNAL);
        }
        close(client_fd);
    }
}
