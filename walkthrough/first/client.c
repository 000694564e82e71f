/* client.c - sends each line of its input and prints the echo. */
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(void)
{
    struct sockaddr_un address = {AF_UNIX, "build/echo.sock"};
    char line[4096];

    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0)
        err(1, "socket");
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        err(1, "connect to %s", address.sun_path);

    while (fgets(line, sizeof(line), stdin) != NULL) {
        send(fd, line, strlen(line), MSG_NOSIGNAL);
        ssize_t n = recv(fd, line, sizeof(line), 0);
        if (n <= 0)
            errx(1, "the server has closed the connection");
        write(STDOUT_FILENO, line, n);
    }
}
