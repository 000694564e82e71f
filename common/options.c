/*
 * options.c - parses the command line with getopt_long(3), driven by a table.
 */
#include "options.h"
#include "address.h"
#include "trace.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#ifndef IOMUX_VERSION
#error "the Makefile defines IOMUX_VERSION"
#endif

enum { USAGE = 2, MILLION = 1000000, HOUR_MS = 3600000, GIB = 1 << 30 };
enum { FIRST_VALUE = 256 }; /* of getopt_long(3), for option 0 */
enum { COLUMN = 19 };       /* of --help: width of an option */

static struct options values;
static const struct options_program *program;

static const struct demo_option common_options[] = {
    {.name = "clients",
     .letter = 'c',
     .argument = "N",
     .help = "client threads",
     .min = 1,
     .max = MILLION,
     .number = &values.clients,
     .side = DEMO_CLIENTS},
    {.name = "messages",
     .letter = 'm',
     .argument = "N",
     .help = "messages that each client sends",
     .max = 1000 * MILLION,
     .number = &values.messages,
     .side = DEMO_CLIENTS},
    {.name = "size",
     .letter = 'z',
     .argument = "BYTES",
     .help = "size of a message",
     .min = 1,
     .max = GIB,
     .number = &values.size,
     .side = DEMO_CLIENTS},
    {.name = "interval",
     .letter = 'i',
     .argument = "MS",
     .help = "pause between a client's messages",
     .max = HOUR_MS,
     .number = &values.interval_ms,
     .side = DEMO_CLIENTS},
    {.name = "stagger",
     .argument = "MS",
     .help = "start the clients this far apart",
     .max = HOUR_MS,
     .number = &values.stagger_ms,
     .side = DEMO_CLIENTS},
    {.name = "socket",
     .letter = 's',
     .argument = "PATH",
     .help = "where to listen: PATH, or @NAME in the abstract\n"
             "namespace, or tcp:PORT on 127.0.0.1 (default: in\n"
             "a new private directory); any user may connect\n"
             "to @NAME and to tcp:PORT",
     .text = &values.path,
     .side = DEMO_BOTH},
    {.name = "scenario",
     .letter = 'S',
     .argument = "FILE",
     .help = "play the scenario in FILE instead",
     .text = &values.scenario,
     .side = DEMO_BOTH},
    {.name = "serve",
     .help = "the server alone, until SIGINT or SIGTERM",
     .flag = &values.serve,
     .side = DEMO_BOTH},
    {.name = "connect",
     .help = "the clients alone, against --socket",
     .flag = &values.connect,
     .side = DEMO_BOTH},
    {.name = "json",
     .letter = 'j',
     .argument = "FILE",
     .help = "write the trace as JSON Lines too; - is standard\n"
             "output, which then has no text",
     .text = &values.json,
     .side = DEMO_BOTH},
    {.name = "states",
     .help = "with --scenario and --json: add what the kernel\n"
             "holds, whenever that has changed",
     .flag = &values.states,
     .side = DEMO_BOTH},
    {.name = "quiet",
     .letter = 'q',
     .help = "no events on standard output, only the summary",
     .flag = &values.quiet,
     .side = DEMO_BOTH},
    {.name = "help",
     .letter = 'h',
     .help = "print this text",
     .flag = &values.help,
     .side = DEMO_BOTH},
    {.name = "version",
     .letter = 'V',
     .help = "print the version",
     .flag = &values.version,
     .side = DEMO_BOTH}};
enum { COMMON = sizeof(common_options) / sizeof(common_options[0]) };

/* The stages that have options of their own. */
static const struct {
    const char *option, *stage;
} other_stages[] = {{"workers", "09-epoll-pool"},
                    {"idle-timeout", "10-reactor or 11-http"},
                    {"root", "11-http"},
                    {"header-timeout", "11-http"},
                    {"drain", "11-http"}};

/* The defaults for --help, because an option before it may have changed the
 * variable. */
static struct {
    long number;
    const char *text;
} defaults[COMMON + OPTIONS_MAX_OWN];

/* Returns option i: first the common ones, then those of the stage. */
static const struct demo_option *option_at(size_t i)
{
    return i < COMMON ? &common_options[i] : &program->own[i - COMMON];
}

/* --- help and errors ----------------------------------------------------- */

static int usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints what is wrong with the command line. Returns the exit status. */
static int usage(const char *format, ...)
{
    char text[500], line[700];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    snprintf(line, sizeof(line), "%s: %s\ntry 'build/%s --help'\n",
             program->name, text, program->name);
    trace_complain(line);
    return USAGE;
}

/* Prints option i. Further lines of its help are indented, and the first line
 * too if the name of the option is long. */
static void print_option(size_t i)
{
    const struct demo_option *option = option_at(i);
    char left[80], letter[] = "    ", value[40] = "";
    if (option->letter != '\0')
        snprintf(letter, sizeof(letter), "-%c, ", option->letter);
    snprintf(left, sizeof(left), "%s--%s %s", letter, option->name,
             option->argument != NULL ? option->argument : "");
    if (option->number == &values.size)
        snprintf(value, sizeof(value), "(default: a greeting)");
    else if (option->number != NULL)
        snprintf(value, sizeof(value), "(default %ld)", defaults[i].number);
    else if (defaults[i].text != NULL)
        snprintf(value, sizeof(value), "(default %s)", defaults[i].text);
    if (strlen(left) > COLUMN) {
        printf("  %s\n", left);
        left[0] = '\0';
    }
    const char *line = option->help, *end;
    while ((end = strchr(line, '\n')) != NULL) {
        printf("  %-*s  %.*s\n", COLUMN, left, (int)(end - line), line);
        left[0] = '\0';
        line = end + 1;
    }
    if (value[0] != '\0')
        printf("  %-*s  %-35s %s\n", COLUMN, left, line, value);
    else
        printf("  %-*s  %s\n", COLUMN, left, line);
}

static void print_help(void)
{
    printf("usage: %s [option]...\n"
           "\n"
           "%s server and its clients in one program, over a Unix-domain "
           "socket.\n"
           "The trace on standard output shows what both sides do.\n"
           "\n",
           program->name, program->echoes ? "An echo" : "A");
    for (size_t i = 0; i < COMMON; i++)
        print_option(i);
    if (program->own_count > 0)
        printf("\nOnly this stage has:\n\n");
    for (size_t i = 0; i < program->own_count; i++)
        print_option(COMMON + i);
    printf("\n"
           "try:  build/%s -c 1 -m 2\n"
           "      build/%s --serve -s /tmp/echo   and, in another terminal,\n"
           "      %s\n"
           "\n"
           "Exit status: 0 all was %s and closed, 1 something failed, "
           "2 usage.\n"
           "A server that a signal stops ends with 0. Any other run that a "
           "signal cuts\n"
           "short ends by that signal.\n",
           program->name, program->name,
           program->echoes ? "nc -U /tmp/echo"
                           : "curl --unix-socket /tmp/echo http://localhost/",
           program->done);
}

/* Reports an option that getopt_long(3) has not recognized. */
static int bad_option(const char *word)
{
    size_t count = sizeof(other_stages) / sizeof(other_stages[0]);
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(other_stages[i].option);
        if (strncmp(word, "--", 2) == 0 && optopt == 0 &&
            strncmp(word + 2, other_stages[i].option, size) == 0 &&
            (word[2 + size] == '\0' || word[2 + size] == '='))
            return usage("--%s is an option of stage %s",
                         other_stages[i].option, other_stages[i].stage);
    }
    if (optopt >= FIRST_VALUE || (optopt != 0 && strchr(word, '=') != NULL))
        return usage("'%.*s' takes no value", (int)strcspn(word, "="), word);
    if (optopt > ' ' && optopt < 127)
        return usage("there is no option '-%c'", optopt);
    if (optopt != 0)
        return usage("an option is an ASCII letter");
    return usage("there is no option '%s', or it is ambiguous", word);
}

/* --- values -------------------------------------------------------------- */

/* Parses a whole number. Returns false after an error message. */
static bool parse_number(const struct demo_option *option, const char *text)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    bool digits = *text >= '0' && *text <= '9' && *end == '\0';
    if (digits && errno == 0 && value >= option->min && value <= option->max) {
        *option->number = value;
        return true;
    }
    usage("--%s takes a whole number from %ld to %ld, not '%.40s'",
          option->name, option->min, option->max, text);
    return false;
}

/* Sets the variable of an option. Returns false after an error message. */
static bool set_value(const struct demo_option *option, const char *argument)
{
    struct stat status;
    if (option->flag != NULL) {
        *option->flag = true;
        return true;
    }
    if (option->number != NULL)
        return parse_number(option, argument);
    if (option->directory &&
        (stat(argument, &status) < 0 || !S_ISDIR(status.st_mode))) {
        usage("--%s takes a directory, not '%.100s'", option->name, argument);
        return false;
    }
    *option->text = argument;
    return true;
}

/* Prepares the tables of getopt_long(3), and notes the defaults. */
static void make_tables(size_t count, struct option *longs, char *shorts)
{
    *shorts++ = ':'; /* a missing value is reported as ':' */
    for (size_t i = 0; i < count; i++) {
        const struct demo_option *option = option_at(i);
        int has_value = option->flag == NULL ? required_argument : no_argument;
        longs[i] = (struct option){option->name, has_value, NULL,
                                   FIRST_VALUE + (int)i};
        if (option->number != NULL)
            defaults[i].number = *option->number;
        if (option->text != NULL)
            defaults[i].text = *option->text;
        if (option->letter == '\0')
            continue;
        *shorts++ = option->letter;
        if (option->flag == NULL)
            *shorts++ = ':';
    }
    longs[count] = (struct option){0};
    *shorts = '\0';
}

/* Returns the option that getopt_long(3) has found, or NULL. */
static const struct demo_option *find_option(int found, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (found == FIRST_VALUE + (int)i ||
            (found == option_at(i)->letter && found != '\0'))
            return option_at(i);
    return NULL;
}

/* Checks that the options go together. Returns -1, or the exit status. */
static int check_values(const char *clients_only, const char *server_only)
{
    const struct options *o = &values;
    struct address address;
    char problem[ADDRESS_PROBLEM_SIZE];
    if (o->path != NULL && !address_parse(o->path, &address, problem))
        return usage("%s", problem);
    if (o->serve && o->connect)
        return usage("--serve and --connect exclude each other: start one "
                     "program with each");
    if (o->connect && o->path == NULL)
        return usage("--connect needs --socket PATH, the address of the "
                     "server");
    if (o->connect && address_is_tcp(&address) && address_port(&address) == 0)
        return usage("--connect needs the port of the server, which it prints "
                     "after 'ready:', not '%s'",
                     o->path);
    if (o->size > 0 && !program->echoes)
        return usage("--size is an option of echo servers: the requests of "
                     "this stage have a fixed size");
    if (o->serve && clients_only != NULL)
        return usage("--%s is for clients, but --serve starts none",
                     clients_only);
    if (o->connect && server_only != NULL)
        return usage("--%s is for the server, but --connect starts none",
                     server_only);
    if (o->scenario != NULL && clients_only != NULL)
        return usage("--scenario and --%s exclude each other: the scenario "
                     "defines what the clients do",
                     clients_only);
    if (o->scenario != NULL && (o->serve || o->connect))
        return usage("--scenario and %s exclude each other: a scenario needs "
                     "server and clients in one process",
                     o->serve ? "--serve" : "--connect");
    if (o->states && (o->scenario == NULL || o->json == NULL))
        return usage("--states needs --scenario FILE, because a free run never "
                     "stands still, and --json FILE, where the states go");
    if ((long long)o->stagger_ms * (o->clients - 1) > HOUR_MS)
        return usage("--stagger %ld would start the last of %ld clients after "
                     "more than an hour",
                     o->stagger_ms, o->clients);
    return -1;
}

int options_parse(int argc, char **argv, const struct options_program *about,
                  struct options *options)
{
    struct option longs[COMMON + OPTIONS_MAX_OWN + 1];
    char shorts[2 * (COMMON + OPTIONS_MAX_OWN) + 2];
    size_t count = COMMON + about->own_count;
    const char *clients_only = NULL, *server_only = NULL;
    int found;

    program = about;
    values = (struct options){.clients = 3, .messages = 5, .interval_ms = 100};
    make_tables(count, longs, shorts);
    opterr = 0;
    while ((found = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        if (found == ':')
            return usage("the option '%s' needs a value", argv[optind - 1]);
        const struct demo_option *option = find_option(found, count);
        if (option == NULL)
            return bad_option(argv[optind - 1]);
        if (!set_value(option, optarg))
            return USAGE;
        if (option->side == DEMO_CLIENTS)
            clients_only = option->name;
        if (option->side == DEMO_SERVER)
            server_only = option->name;
        if (values.help || values.version)
            break;
    }
    if (values.help)
        print_help();
    else if (values.version)
        printf("%s (iomux) %s\n", program->name, IOMUX_VERSION);
    if (values.help || values.version)
        return fflush(stdout) == 0 ? 0 : 1;
    if (optind < argc)
        return usage("unexpected argument '%s': this program takes only "
                     "options",
                     argv[optind]);
    int status = check_values(clients_only, server_only);
    *options = values;
    return status;
}
