/*
 * socket-mode.c - Unix-domain sockets
 *
 * Claim: between bind and chmod every user can connect
 * Truth: depends. A connection needs write permission for the socket file, and
 * a socket that listens. With the usual umask of 022 other users have no write
 * permission from the start. With umask 0, chmod is in time if it precedes
 * listen. fchmod before bind also works, but the umask still applies.
 * Settled by: unix(7), "Pathname socket ownership and permissions"; umask(2);
 * net/unix/af_unix.c, unix_bind_bsd().
 * Try: a umask of 077.
 */
#include "claim.h"

#include <sys/stat.h>

static struct sockaddr_un address = {.sun_family = AF_UNIX};

/* Binds with this umask, after fchmod if mode is not 0. Returns the socket. */
static int bind_with(mode_t mask, mode_t mode)
{
    int fd = must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
    if (mode != 0)
        must(fchmod(fd, mode), "fchmod");
    umask(mask);
    unlink(address.sun_path);
    must(bind(fd, (struct sockaddr *)&address, sizeof(address)), "bind");
    return fd;
}

static unsigned mode_of_file(void)
{
    struct stat file;
    must(stat(address.sun_path, &file), "stat");
    return file.st_mode & 0777;
}

/* Connects as a user who is not root. Returns the errno of connect, or 0. */
static int connect_as_user(int unused)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0) + unused;
    if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
        return EINVAL;
    int result = connect(fd, (struct sockaddr *)&address, sizeof(address));
    return result < 0 ? errno : 0;
}

int main(void)
{
    char directory[] = "/tmp/claim.XXXXXX";
    if (mkdtemp(directory) == NULL || chmod(directory, 0755) < 0)
        not_tried("no directory can be made in /tmp");
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", directory);

    close(bind_with(022, 0));
    saw(mode_of_file() == 0755, "umask 022: the file has mode %o",
        mode_of_file());
    close(bind_with(022, 0777));
    saw(mode_of_file() == 0755, "fchmod to 777 before bind, umask 022: %o",
        mode_of_file());

    int fd = bind_with(0, 0);
    saw(mode_of_file() == 0777, "umask 0: %o", mode_of_file());
    int error = end_of(start_child(connect_as_user, 0));
    saw(error == ECONNREFUSED, "before listen, connect: %s", error_name(error));
    must(chmod(address.sun_path, 0555), "chmod");
    must(listen(fd, 5), "listen");
    error = end_of(start_child(connect_as_user, 0));
    saw(error == EACCES, "chmod to 555, then listen, connect: %s",
        error_name(error));
    must(chmod(address.sun_path, 0222), "chmod");
    error = end_of(start_child(connect_as_user, 0));
    saw(error == 0, "chmod to 222, connect: %s", error_name(error));

    unlink(address.sun_path);
    rmdir(directory);
    return verdict("depends", "between bind and chmod every user can connect",
                   "umask 022: no other user can write to it; before listen: "
                   "ECONNREFUSED; without write permission: EACCES");
}
