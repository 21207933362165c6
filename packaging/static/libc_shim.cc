// Stand-ins for libc functions that must not be in the static binary.
//
// In glibc the functions below reach NSS, which loads the host's libnss_*.so: modules of another
// glibc than the one linked here, or of none. The libraries only mention them (OpenSSL's
// BIO_lookup, c-ares' service names); nau resolves names through c-ares and reads passwd and group
// files itself. Being defined here, libc's members are not linked at all, and the release link
// treats the linker's warning about any other such function as an error.
//
// Each answers "no such entry" in the way its manual page says.

#include <cerrno>
#include <grp.h>
#include <netdb.h>
#include <pwd.h>

extern "C" {

int getaddrinfo(const char*, const char*, const addrinfo*, addrinfo** result) {
    *result = nullptr;
    return EAI_NONAME;
}

void freeaddrinfo(addrinfo*) {}

const char* gai_strerror(int) {
    return "this binary looks up no names through libc";
}

int getnameinfo(const sockaddr*, socklen_t, char*, socklen_t, char*, socklen_t, int) {
    return EAI_NONAME;
}

hostent* gethostbyname(const char*) {
    return nullptr;
}

servent* getservbyname(const char*, const char*) {
    return nullptr;
}

int getservbyport_r(int, const char*, servent*, char*, size_t, servent** result) {
    *result = nullptr;
    return ENOENT;
}

int getpwnam_r(const char*, passwd*, char*, size_t, passwd** result) {
    *result = nullptr;
    return 0;
}

int getpwuid_r(uid_t, passwd*, char*, size_t, passwd** result) {
    *result = nullptr;
    return 0;
}

int getgrnam_r(const char*, group*, char*, size_t, group** result) {
    *result = nullptr;
    return 0;
}

int getgrgid_r(gid_t, group*, char*, size_t, group** result) {
    *result = nullptr;
    return 0;
}

// crtbeginT.o, the start file of a non-PIE static link, registers .eh_frame with the unwinder,
// which then sorts every entry of it at the first throw (about 4 ms and half a megabyte). Linked
// with --wrap for these two, nothing is registered and the unwinder uses the sorted table of
// --eh-frame-hdr instead.
void __wrap___register_frame_info(const void*, void*) {}

void* __wrap___deregister_frame_info(const void*) {
    return nullptr;
}
}
