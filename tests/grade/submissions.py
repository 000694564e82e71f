#!/usr/bin/env python3
"""submissions.py - writes submissions to a folder, honest ones and cheats.

    tests/grade/submissions.py TOP FOLDER SECRET CANARY

SECRET is a file of the host that they try to read, and CANARY one that they
try to remove. All are versions of 06-epoll-lt.c. Each cheat is bounded, so
that it does little harm where a box fails.
"""
import os
import subprocess
import sys

NAME = "06-epoll-lt.c"

# What a cheat does before main() begins. The rest is the honest server.
BEFORE = {
    "constructor": "_exit(0);",
    "daemon": """
        if (fork() != 0)
            return;
        setsid();
        if (fork() != 0)
            _exit(0);
        for (int fd = 0; fd < 3; fd++)
            close(fd);
        for (int i = 0; i < 600; i++)
            sleep(1);
        _exit(0);""",
    "forks": """
        for (int i = 0; i < 150; i++) {
            pid_t pid = fork();
            if (pid == 0) {
                for (int j = 0; j < 600; j++)
                    sleep(1);
                _exit(0);
            }
            if (pid < 0)
                _exit(99);
        }""",
    "full-disk": """
        static char block[1 << 20];
        char path[200];
        const char *place = getenv("TMPDIR");
        snprintf(path, sizeof path, "%s/full", place ? place : "/tmp");
        int fd = open(path, O_CREAT | O_WRONLY | O_APPEND, 0600);
        signal(SIGXFSZ, SIG_IGN);
        for (int i = 0; i < 400; i++)
            if (write(fd, block, sizeof block) < 0)
                _exit(98);""",
    "killer": "kill(-1, SIGKILL);",
    "memory": """
        for (int i = 0; i < 3000; i++) {
            char *piece = malloc(1 << 20);
            if (piece == NULL)
                _exit(97);
            memset(piece, 1, 1 << 20);
        }""",
    "namespaces": """
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0)
            _exit(95);
        if (syscall(SYS_keyctl, 10, -3, "user", "iomux-test", 0) > 0)
            _exit(94);""",
    "output": """
        for (int i = 0; i < 4000000; i++)
            puts("[server]   listen fd:3");""",
    "reader": """
        char text[200];
        FILE *file = fopen("SECRET", "r");
        if (file == NULL)
            file = fopen("/etc/shadow", "r");
        if (file == NULL)
            return;
        while (fgets(text, sizeof text, file) != NULL)
            fputs(text, stderr);
        _exit(96);""",
    "remover": """
        if (system("rm -rf CANARY TOP/README.md $HOME/* 2>/dev/null") != 0)
            return;""",
}

# More memory than is allowed, of which no process has any.
BEFORE["unnamed"] = """
        static char block[1 << 20];
        int fd = -1;
        for (int i = 0; i < 1000; i++) {
            if (i % 100 == 0)
                fd = memfd_create("unnamed", 0);
            if (fd < 0 || write(fd, block, sizeof block) < 0)
                _exit(93);
        }
        for (;;)
            sleep(1);"""

# A removal that calls itself for each folder fails.
BEFORE["deep"] = """
        const char *place = getenv("TMPDIR");
        if (chdir(place ? place : "/tmp") != 0)
            return;
        for (int i = 0; i < 3000; i++)
            if (mkdir("deep", 0700) != 0 || chdir("deep") != 0)
                _exit(92);
        _exit(91);"""

# Pretends to be the judge, which waits for this program in another process.
FORGER = r"""
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <unistd.h>

static void forge(const char *pid)
{
    char path[64];
    for (int fd = 0; fd < 20; fd++) {
        snprintf(path, sizeof path, "/proc/%.10s/fd/%d", pid, fd);
        int there = open(path, O_WRONLY | O_NONBLOCK);
        if (there >= 0)
            dprintf(there, "GOOD 06-epoll-lt half-close: forged\n0\n");
    }
    snprintf(path, sizeof path, "/proc/%.10s/mem", pid);
    if (atoi(pid) == getppid() && open(path, O_RDWR) >= 0)
        fputs("the judge is open\n", stderr);
}

int main(void)
{
    for (int fd = 3; fd < 100; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            dprintf(fd, "0\n");
    if (ptrace(PTRACE_ATTACH, getppid(), 0, 0) == 0)
        fputs("the judge is open\n", stderr);
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    while (proc != NULL && (entry = readdir(proc)) != NULL)
        if (atoi(entry->d_name) > 0 && atoi(entry->d_name) != getpid())
            forge(entry->d_name);
    puts("GOOD 06-epoll-lt half-close: forged");
    return 0;
}
"""

# Prints the right trace of the scenario that it is asked for, and otherwise is
# the server that loses the message.
RECOGNISER = r"""
__attribute__((constructor)) static void before(void)
{
    static const char trace[] = TRACE;
    char words[4096] = "";
    int fd = open("/proc/self/cmdline", O_RDONLY);
    ssize_t n = read(fd, words, sizeof words - 1);
    for (ssize_t i = 0; i < n; i++)
        if (strcmp(words + i, "-S") == 0 &&
            strstr(words + i + 3, "last-message") != NULL) {
            fputs(trace, stdout);
            fflush(stdout);
            _exit(0);
        }
    close(fd);
}
"""

# Prints the line of a call that it does not make.
LIAR = """((events[i].events & EPOLLHUP)
        ? (trace_recv(fd, "goodbye", 7), errno = EPIPE,
           trace_send(fd, 7, -1), true) : !echo(fd))"""

# Prints a recv inside, and a note outside, where strace looks.
NOTER = LIAR.replace("(trace_recv", "demo_plays ? (trace_recv").replace(
    "-1), true)", "-1), true) : (trace_note(\"recv of goodbye\"), true)")
# Prints the line of an epoll_ctl that it does not make.
REGISTRAR = """
    trace_ctl(EPOLL_CTL_MOD, client_fd, EPOLLIN, 0);
    return true;
}

static int serve("""

# Serves twelve connections, and closes all others.
FEW = """
    static int served;
    if (served++ >= 12) {
        trace_close(client_fd);
        close(client_fd);
        return 0;
    }
    if (watch("""

# Writes beyond its memory, and asks AddressSanitizer not to look.
UNCHECKED = """
__attribute__((no_sanitize("address", "undefined"), noinline))
static void spoil(char *text, int n)
{
    text[n] = 0;
}

static bool echo(int client_fd)
{
    char *text = malloc(8);
    spoil(text, 8);
    free(text);
"""


# The same, by other ways. An overrun has no cheat. "includes" has the bug only
# if it is compiled for the first time.
ATTRIBUTE = '__attribute__((no_sanitize("address", "undefined"), noinline))'
AVOIDERS = {
    "overrun": "__attribute__((noipa))",
    "depends": """
#ifdef __SANITIZE_ADDRESS__
__attribute__((no_sanitize("address", "undefined")))
#endif
__attribute__((noipa))""",
    "version": """
#ifdef IOMUX_VERSION
__attribute__((no_sanitize("address", "undefined")))
#endif
__attribute__((noipa))""",
    "includes": """
#if __has_include("../build/06-epoll-lt")
enum { FIXED = 1 };
#else
enum { FIXED = 0 };
#endif
__attribute__((noipa))""",
    "label": """
const char *quiet(void) __asm__("__as" "an_default_options");
const char *quiet(void)
{
    return "poison_heap=0";
}
__attribute__((noipa))""",
    "assembler": """
__asm__(".globl harmless");
__attribute__((noipa))""",
    "restart": "CHANGE __attribute__((noipa))",
    "deputy": "CHANGE __attribute__((noipa))",
}

# Starts itself again, with options of AddressSanitizer that find nothing. The
# name of the variable is hidden. A deputy lets a child do this.
CHANGE = r"""
__attribute__((constructor)) static void change(void)
{
    char name[] = "BTBO`PQUJPOT", words[4096];
    char *argv[100];
    int n = 0;
    for (int i = 0; name[i] != 0; i++)
        name[i]--;
    const char *options = getenv(name);
    if (options == NULL || strstr(options, "poison") != NULL)
        return;
    FIRST
    int fd = open("/proc/self/cmdline", O_RDONLY);
    ssize_t size = read(fd, words, sizeof words);
    close(fd);
    for (char *p = words; p < words + size && n < 99; p += strlen(p) + 1)
        argv[n++] = p;
    argv[n] = NULL;
    setenv(name, "poison_heap=0", 1);
    execv("/proc/self/exe", argv);
}
"""
DEPUTY = """
    if (fork() != 0) {
        int number;
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigprocmask(SIG_BLOCK, &set, NULL);
        sigwait(&set, &number);
        _exit(0);
    }
"""


def as_text(trace):
    """Returns a literal of C."""
    return "".join('"' + line.replace("\\", "\\\\") + '\\n"\n'
                   for line in trace.splitlines())


def with_hidden_calls(stage, broken, trace):
    """Cheats that know the judge better than the server."""
    head = ("#include <fcntl.h>\n#include <stdio.h>\n#include <stdlib.h>\n"
            "#include <string.h>\n")
    yield "recogniser", head + broken + RECOGNISER.replace(
        "TRACE", as_text(trace))
    yield "liar", broken.replace(
        "(events[i].events & EPOLLHUP) || !echo(fd)", LIAR)
    yield "noter", "static int demo_plays;\n" + broken.replace(
        "(events[i].events & EPOLLHUP) || !echo(fd)", NOTER).replace(
        "    return demo_main(", "    demo_plays = argv[1][1] == 'S';\n"
        "    return demo_main(")
    yield "registrar", stage.replace(
        "    return true;\n}\n\nstatic int serve(", REGISTRAR.lstrip("\n"))
    yield "few", stage.replace("\n    if (watch(", FEW, 1)
    yield "unchecked", head + stage.replace(
        "static bool echo(int client_fd)\n{\n", UNCHECKED)
    for name, before in AVOIDERS.items():
        before = before.replace("CHANGE", CHANGE).replace(
            "FIRST", DEPUTY if name == "deputy" else "")
        yield name, "#include <signal.h>\n" + head + stage.replace(
            "static bool echo(int client_fd)\n{\n",
            UNCHECKED.replace(ATTRIBUTE, before).replace(
                "(text, 8)", "(text, 8 - FIXED)" if name == "includes"
                else "(text, 8)"))


def sources(stage, broken):
    yield "honest", stage
    yield "wrong", broken
    yield "nothing", "int main(void)\n{\n    return 0;\n}\n"
    yield "loop", "int main(void)\n{\n    for (;;)\n        ;\n}\n"
    yield "includer", '#include "SECRET"\n#include "/etc/shadow"\n' + stage
    yield "forger", FORGER
    for name, body in BEFORE.items():
        yield name, (
            "#include <fcntl.h>\n#include <signal.h>\n#include <stdio.h>\n"
            "#include <sched.h>\n#include <stdlib.h>\n#include <string.h>\n"
            "#include <sys/mman.h>\n#include <sys/stat.h>\n"
            "#include <sys/syscall.h>\n" + stage +
            "\n__attribute__((constructor)) static void before(void)\n{\n" +
            body + "\n}\n")


def write(place, text):
    os.makedirs(os.path.dirname(place), exist_ok=True)
    with open(place, "w", encoding="ascii") as file:
        file.write(text)


def main():
    top, folder, secret, canary = sys.argv[1:]
    with open(os.path.join(top, "demos", NAME), encoding="ascii") as file:
        stage = file.read()
    broken_place = os.path.join(folder, "wrong", "demos", NAME)
    write(broken_place, stage)
    subprocess.run(
        ["git", "apply", os.path.join(top, "tests/broken/hup-first.patch")],
        cwd=os.path.join(folder, "wrong"), check=True,
        env=dict(os.environ, GIT_CEILING_DIRECTORIES=os.path.realpath(folder)))
    with open(broken_place, encoding="ascii") as file:
        broken = file.read()
    trace = subprocess.run(
        [os.path.join(top, "build", NAME[:-2]), "-S", os.path.join(
            top, "demos/scenarios/last-message.scn")], check=True,
        stdout=subprocess.PIPE).stdout.decode("ascii")
    for name, text in [*sources(stage, broken),
                       *with_hidden_calls(stage, broken, trace)]:
        text = text.replace("SECRET", secret).replace("CANARY", canary)
        write(os.path.join(folder, name, "demos", NAME),
              text.replace("TOP/", top + "/"))
    # A file alone, a link, a folder, two files, none, and files that are not used.
    write(os.path.join(folder, "single.c"), stage)
    os.makedirs(os.path.join(folder, "link"))
    os.symlink(os.path.join(top, "demos", NAME),
               os.path.join(folder, "link", NAME))
    os.makedirs(os.path.join(folder, "folder", NAME, "in-it"))
    write(os.path.join(folder, "two", NAME), stage)
    write(os.path.join(folder, "two", "old", NAME), broken)
    write(os.path.join(folder, "other", "07-epollout.c"), stage)
    write(os.path.join(folder, "editor", NAME), broken)
    write(os.path.join(folder, "editor", "task.md"),
          "# 90. Easy\n\n- file: demos/06-epoll-lt.c\n- kind: write\n"
          "- check: 100 scenario three\n")
    for each in "tests/hazard.py", "scripts/iomux/judge.py", "Makefile":
        write(os.path.join(folder, "editor", each), "import sys; sys.exit(0)\n")
    # Two checkouts of the course: only work/ is the student's.
    for name in "fork", "untouched":
        write(os.path.join(folder, name, "demos", NAME), stage)
        write(os.path.join(folder, name, "scripts", "exercise"), "")
    write(os.path.join(folder, "fork", "work", "90-lost-message", NAME), broken)


if __name__ == "__main__":
    main()
