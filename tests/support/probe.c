// probe: prints as JSON how the world looks from inside a container; a test compares that with what it asked for.
//
//   probe                 the report
//   probe fds|env|...     only the named members
//   probe wait            the report, then wait for SIGTERM (exit 0)
//   probe sleep           wait for any signal with default action
//   probe race A B        exchange the two names for ever, as fast as the kernel can (RENAME_EXCHANGE)
//   probe notify TEXT     send the text to NOTIFY_SOCKET with a descriptor, as sd_notify(3) may; end with SIGTERM
//
// It opens nothing before it has listed its descriptors. Strings are written byte by byte: what is not
// printable ASCII becomes \u00XX, so that a byte is a character of Latin-1 to the reader.

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <termios.h>
#include <unistd.h>

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2
#endif

extern char** environ;

static int members;

static void string(const char* text) {
    putchar('"');
    for (const unsigned char* c = (const unsigned char*)text; *c; ++c) {
        if (*c == '"' || *c == '\\') {
            printf("\\%c", *c);
        } else if (*c < 0x20 || *c > 0x7e) {
            printf("\\u%04x", *c);
        } else {
            putchar(*c);
        }
    }
    putchar('"');
}

static void member(const char* name) {
    printf("%s\n\"%s\": ", members++ ? "," : "", name);
}

static void link_target(const char* path) {
    char target[4096];
    ssize_t n = readlink(path, target, sizeof target - 1);
    if (n < 0) {
        fputs("null", stdout);
        return;
    }
    target[n] = 0;
    string(target);
}

static char* read_file(const char* path) {
    size_t size = 0, room = 1 << 20;
    char* text = malloc(room);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || !text) {
        free(text);
        return NULL;
    }
    ssize_t n;
    while (size < room - 1 && (n = read(fd, text + size, room - 1 - size)) > 0) {
        size += (size_t)n;
    }
    close(fd);
    text[size] = 0;
    return text;
}

static void lines_of(const char* path) {
    char* text = read_file(path);
    if (!text) {
        fputs("null", stdout);
        return;
    }
    putchar('[');
    int first = 1;
    for (char* line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        fputs(first ? "\n  " : ",\n  ", stdout);
        string(line);
        first = 0;
    }
    putchar(']');
    free(text);
}

static void descriptors(void) {
    DIR* dir = opendir("/proc/self/fd");
    if (!dir) {
        fputs("null", stdout);
        return;
    }
    putchar('{');
    int first = 1;
    for (struct dirent* e; (e = readdir(dir));) {
        if (e->d_name[0] == '.' || atoi(e->d_name) == dirfd(dir)) {
            continue;
        }
        char path[300];
        snprintf(path, sizeof path, "/proc/self/fd/%s", e->d_name);
        printf("%s\"%s\": ", first ? "" : ", ", e->d_name);
        link_target(path);
        first = 0;
    }
    closedir(dir);
    putchar('}');
}

static void namespaces(void) {
    static const char* const names[] = {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"};
    putchar('{');
    for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
        char path[64];
        snprintf(path, sizeof path, "/proc/self/ns/%s", names[i]);
        printf("%s\"%s\": ", i ? ", " : "", names[i]);
        link_target(path);
    }
    putchar('}');
}

// The lines of /proc/self/status a container is judged by, as name: text.
static void status(void) {
    static const char* const wanted[] = {"Name", "Umask", "Pid", "PPid", "Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff",
                                         "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Seccomp_filters", "SigBlk", "SigIgn",
                                         "SigCgt", "Threads"};
    char* text = read_file("/proc/self/status");
    putchar('{');
    int first = 1;
    for (char* line = text ? strtok(text, "\n") : NULL; line; line = strtok(NULL, "\n")) {
        char* colon = strchr(line, ':');
        if (!colon) {
            continue;
        }
        *colon = 0;
        for (size_t i = 0; i < sizeof wanted / sizeof *wanted; ++i) {
            if (strcmp(line, wanted[i]) == 0) {
                char* value = colon + 1 + strspn(colon + 1, "\t ");
                for (char* c = value; *c; ++c) {
                    if (*c == '\t') {
                        *c = ' ';
                    }
                }
                printf("%s\"%s\": ", first ? "" : ", ", line);
                string(value);
                first = 0;
            }
        }
    }
    putchar('}');
    free(text);
}

static void limits(void) {
    static const struct {
        const char* name;
        int number;
    } all[] = {{"as", RLIMIT_AS}, {"core", RLIMIT_CORE}, {"cpu", RLIMIT_CPU}, {"data", RLIMIT_DATA}, {"fsize", RLIMIT_FSIZE},
               {"locks", RLIMIT_LOCKS}, {"memlock", RLIMIT_MEMLOCK}, {"msgqueue", RLIMIT_MSGQUEUE}, {"nice", RLIMIT_NICE},
               {"nofile", RLIMIT_NOFILE}, {"nproc", RLIMIT_NPROC}, {"rss", RLIMIT_RSS}, {"rtprio", RLIMIT_RTPRIO},
               {"rttime", RLIMIT_RTTIME}, {"sigpending", RLIMIT_SIGPENDING}, {"stack", RLIMIT_STACK}};
    putchar('{');
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i) {
        struct rlimit r = {0, 0};
        getrlimit((__rlimit_resource_t)all[i].number, &r);
        // -1 is "unlimited"
        printf("%s\"%s\": [%lld, %lld]", i ? ", " : "", all[i].name, (long long)r.rlim_cur, (long long)r.rlim_max);
    }
    putchar('}');
}

static void environment(void) {
    putchar('[');
    for (char** e = environ; *e; ++e) {
        if (e != environ) {
            fputs(", ", stdout);
        }
        string(*e);
    }
    putchar(']');
}

static void arguments(char** argv) {
    putchar('[');
    for (char** a = argv; *a; ++a) {
        if (a != argv) {
            fputs(", ", stdout);
        }
        string(*a);
    }
    putchar(']');
}

static void groups(void) {
    gid_t list[1024];
    int n = getgroups(1024, list);
    putchar('[');
    for (int i = 0; i < n; ++i) {
        printf("%s%u", i ? ", " : "", list[i]);
    }
    putchar(']');
}

static void terminal(void) {
    struct winsize w = {0};
    if (ioctl(0, TIOCGWINSZ, &w) != 0) {
        fputs("null", stdout);
        return;
    }
    char name[256] = "";
    if (ttyname_r(0, name, sizeof name) != 0) {
        name[0] = 0;
    }
    printf("{\"rows\": %u, \"columns\": %u, \"name\": ", w.ws_row, w.ws_col);
    string(name);
    putchar('}');
}

static void names(void) {
    struct utsname u;
    uname(&u);
    printf("{\"hostname\": ");
    string(u.nodename);
    printf(", \"domainname\": ");
    string(u.domainname);
    putchar('}');
}

static void directory(const char* path) {
    DIR* dir = opendir(path);
    if (!dir) {
        fputs("null", stdout);
        return;
    }
    putchar('{');
    int first = 1;
    for (struct dirent* e; (e = readdir(dir));) {
        struct stat s;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
            fstatat(dirfd(dir), e->d_name, &s, AT_SYMLINK_NOFOLLOW) != 0) {
            continue;
        }
        if (!first) {
            fputs(", ", stdout);
        }
        first = 0;
        string(e->d_name);
        printf(": {\"mode\": \"%o\", \"uid\": %u, \"gid\": %u, \"rdev\": [%u, %u]}", s.st_mode, s.st_uid, s.st_gid,
               (unsigned)(s.st_rdev >> 8 & 0xfff), (unsigned)((s.st_rdev & 0xff) | (s.st_rdev >> 12 & 0xfff00)));
    }
    closedir(dir);
    putchar('}');
}

static void interfaces(void) {
    DIR* dir = opendir("/sys/class/net");
    putchar('[');
    int first = 1;
    for (struct dirent* e; dir && (e = readdir(dir));) {
        if (e->d_name[0] != '.') {
            if (!first) {
                fputs(", ", stdout);
            }
            string(e->d_name);
            first = 0;
        }
    }
    if (dir) {
        closedir(dir);
    }
    putchar(']');
}

static int asked(char** argv, const char* name) {
    if (!argv[1] || strcmp(argv[1], "wait") == 0) {
        return 1;
    }
    for (char** a = argv + 1; *a; ++a) {
        if (strcmp(*a, name) == 0) {
            return 1;
        }
    }
    return 0;
}

static void on_term(int number) {
    (void)number;
    _exit(0);
}

static _Noreturn void race(const char* a, const char* b) {
    puts("racing");
    fflush(stdout);
    for (;;) {
        // What fails once, because somebody holds a name, works the next time.
        (void)syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
    }
}

static int notify(const char* text) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char* path = getenv("NOTIFY_SOCKET");
    if (!path || strlen(path) >= sizeof address.sun_path) {
        return 3;
    }
    strcpy(address.sun_path, path);
    int s = socket(AF_UNIX, SOCK_DGRAM, 0);
    int given = open("/", O_RDONLY | O_DIRECTORY);
    struct iovec bytes = {.iov_base = (void*)text, .iov_len = strlen(text)};
    union { char space[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } control;
    struct msghdr message = {.msg_name = &address, .msg_namelen = sizeof address, .msg_iov = &bytes, .msg_iovlen = 1,
                             .msg_control = control.space, .msg_controllen = sizeof control.space};
    struct cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &given, sizeof(int));
    return sendmsg(s, &message, 0) < 0 ? 4 : 0;
}

int main(int argc, char** argv) {
    if (argc == 4 && strcmp(argv[1], "race") == 0) {
        race(argv[2], argv[3]);
    }
    if (argc == 3 && strcmp(argv[1], "notify") == 0) {
        signal(SIGTERM, on_term);
        int failed = notify(argv[2]);
        while (!failed) {
            pause();
        }
        return failed;
    }
    if (argv[1] && strcmp(argv[1], "sleep") == 0) {
        for (;;) {
            pause();
        }
    }
    int waits = argv[1] && strcmp(argv[1], "wait") == 0;
    if (waits) {
        signal(SIGTERM, on_term);
    }
    putchar('{');
    if (asked(argv, "fds")) { member("fds"); descriptors(); }
    if (asked(argv, "args")) { member("args"); arguments(argv); }
    if (asked(argv, "env")) { member("env"); environment(); }
    if (asked(argv, "cwd")) { member("cwd"); link_target("/proc/self/cwd"); }
    if (asked(argv, "exe")) { member("exe"); link_target("/proc/self/exe"); }
    if (asked(argv, "ids")) { member("ids"); printf("{\"pid\": %d, \"ppid\": %d, \"sid\": %d, \"uid\": %u, \"gid\": %u}", getpid(), getppid(), getsid(0), getuid(), getgid()); }
    if (asked(argv, "groups")) { member("groups"); groups(); }
    if (asked(argv, "namespaces")) { member("namespaces"); namespaces(); }
    if (asked(argv, "status")) { member("status"); status(); }
    if (asked(argv, "no_new_privs")) { member("no_new_privs"); printf("%d", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)); }
    if (asked(argv, "dumpable")) { member("dumpable"); printf("%d", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0)); }
    if (asked(argv, "parent_death_signal")) { member("parent_death_signal"); int s = 0; prctl(PR_GET_PDEATHSIG, &s, 0, 0, 0); printf("%d", s); }
    if (asked(argv, "securebits")) { member("securebits"); printf("%d", prctl(PR_GET_SECUREBITS, 0, 0, 0, 0)); }
    if (asked(argv, "oom_score_adj")) { member("oom_score_adj"); lines_of("/proc/self/oom_score_adj"); }
    if (asked(argv, "rlimits")) { member("rlimits"); limits(); }
    if (asked(argv, "uts")) { member("uts"); names(); }
    if (asked(argv, "terminal")) { member("terminal"); terminal(); }
    if (asked(argv, "cgroup")) { member("cgroup"); lines_of("/proc/self/cgroup"); }
    if (asked(argv, "mountinfo")) { member("mountinfo"); lines_of("/proc/self/mountinfo"); }
    if (asked(argv, "uid_map")) { member("uid_map"); lines_of("/proc/self/uid_map"); }
    if (asked(argv, "gid_map")) { member("gid_map"); lines_of("/proc/self/gid_map"); }
    if (asked(argv, "label")) { member("label"); lines_of("/proc/self/attr/current"); }
    if (asked(argv, "interfaces")) { member("interfaces"); interfaces(); }
    if (asked(argv, "dev")) { member("dev"); directory("/dev"); }
    fputs("\n}\n", stdout);
    fflush(stdout);
    while (waits) {
        pause();
    }
    return 0;
}
