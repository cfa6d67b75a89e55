// A library to preload (ld.so(8), LD_PRELOAD): counts the calls by which a program changes files below given
// directories, and kills the program before the N-th, or makes that one fail. So a test can walk through
// every instant at which a power cut, a kill or a full disk may occur.
//
//   STEP_BELOW=DIR[:DIR...]   what counts
//   STEP_AT=N                 the first is 1; without it calls are only counted
//   STEP_DO=kill|enospc       SIGKILL before the call (the default), or ENOSPC instead of it
//   STEP_LOG=FILE             each counted call becomes a line "NUMBER CALL PATH"
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string>
#include <string_view>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

namespace {

std::string_view setting(const char* const name) {
    const char* const value = ::getenv(name); // NOLINT(concurrency-mt-unsafe): nobody writes it
    return value == nullptr ? "" : value;
}

bool is_below(const std::string_view path, const std::string_view directory) {
    return !directory.empty() && path.starts_with(directory) &&
           (path.size() == directory.size() || path[directory.size()] == '/');
}

bool counts(const std::string_view path) {
    std::string_view directories = setting("STEP_BELOW");
    while (!directories.empty()) {
        const auto end = directories.find(':');
        if (is_below(path, directories.substr(0, end))) {
            return true;
        }
        directories = end == std::string_view::npos ? "" : directories.substr(end + 1);
    }
    return false;
}

std::string path_of(const int fd) {
    std::array<char, 4096> target{};
    const auto link = "/proc/self/fd/" + std::to_string(fd);
    const ssize_t size = ::readlink(link.c_str(), target.data(), target.size());
    return size < 0 ? "" : std::string(target.data(), static_cast<std::size_t>(size));
}

/// Notes a call; true when it is to fail. Uses no call that is counted.
bool strikes(const char* const call, const std::string_view path) {
    static unsigned long count = 0;
    if (!counts(path)) {
        return false;
    }
    ++count;
    const std::string log{setting("STEP_LOG")};
    if (!log.empty()) {
        const auto fd = static_cast<int>(
            ::syscall(SYS_open, log.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
        const auto line = std::to_string(count) + " " + call + " " + std::string{path} + "\n";
        static_cast<void>(::syscall(SYS_write, fd, line.data(), line.size()));
        ::close(fd);
    }
    const std::string at{setting("STEP_AT")};
    if (at.empty() || std::strtoul(at.c_str(), nullptr, 10) != count) {
        return false;
    }
    if (setting("STEP_DO") == "enospc") {
        return true;
    }
    ::kill(::getpid(), SIGKILL);
    return false;
}

template<typename Function>
Function next(const char* const name) {
    return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

/// The call itself, unless it has to fail.
template<typename Result, typename... Parameters>
Result step(const char* const name, const std::string_view path, Parameters... parameters) {
    if (strikes(name, path)) {
        errno = ENOSPC;
        return -1;
    }
    return next<Result (*)(Parameters...)>(name)(parameters...);
}

int open_step(const char* const name, const char* const path, const int flags, const mode_t mode) {
    const auto real = next<int (*)(const char*, int, ...)>(name);
    if ((flags & O_CREAT) != 0 && strikes(name, path)) {
        errno = ENOSPC;
        return -1;
    }
    return real(path, flags, mode);
}

mode_t mode_in(const int flags, std::va_list arguments) {
    return (flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) != 0 ? static_cast<mode_t>(va_arg(arguments, int))
                                                                 : 0;
}

} // namespace

// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name,cert-dcl50-cpp): glibc's functions
extern "C" {

int open(const char* path, int flags, ...) {
    std::va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = mode_in(flags, arguments);
    va_end(arguments);
    return open_step("open", path, flags, mode);
}
int open64(const char* path, int flags, ...) {
    std::va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = mode_in(flags, arguments);
    va_end(arguments);
    return open_step("open", path, flags, mode);
}
int mkostemp(char* path, int flags) {
    return step<int>("mkostemp", path, path, flags);
}
int mkostemp64(char* path, int flags) {
    return step<int>("mkostemp", path, path, flags);
}
ssize_t write(int fd, const void* data, size_t size) {
    return step<ssize_t>("write", path_of(fd), fd, data, size);
}
int fsync(int fd) {
    return step<int>("fsync", path_of(fd), fd);
}
int fchmod(int fd, mode_t mode) noexcept {
    return step<int>("fchmod", path_of(fd), fd, mode);
}
int chmod(const char* path, mode_t mode) noexcept {
    return step<int>("chmod", path, path, mode);
}
int rename(const char* from, const char* to) noexcept {
    return step<int>("rename", to, from, to);
}
int link(const char* from, const char* to) noexcept {
    return step<int>("link", to, from, to);
}
int symlink(const char* target, const char* path) noexcept {
    return step<int>("symlink", path, target, path);
}
int mkdir(const char* path, mode_t mode) noexcept {
    return step<int>("mkdir", path, path, mode);
}
int rmdir(const char* path) noexcept {
    return step<int>("rmdir", path, path);
}
int unlink(const char* path) noexcept {
    return step<int>("unlink", path, path);
}
int unlinkat(int directory, const char* path, int flags) noexcept {
    const std::string name = *path == '/' || directory == AT_FDCWD ? path : path_of(directory) + "/" + path;
    return step<int>("unlinkat", name, directory, path, flags);
}
int remove(const char* path) noexcept {
    return step<int>("remove", path, path);
}
int ftruncate(int fd, off_t size) noexcept {
    return step<int>("ftruncate", path_of(fd), fd, size);
}
int ftruncate64(int fd, off64_t size) noexcept {
    return step<int>("ftruncate", path_of(fd), fd, size);
}
int ioctl(int fd, unsigned long request, ...) noexcept {
    std::va_list arguments;
    va_start(arguments, request);
    void* const argument = va_arg(arguments, void*);
    va_end(arguments);
    if (request == FS_IOC_SETFLAGS && strikes("ioctl", path_of(fd))) {
        errno = ENOSPC;
        return -1;
    }
    return next<int (*)(int, unsigned long, ...)>("ioctl")(fd, request, argument);
}

} // extern "C"
// NOLINTEND(readability-inconsistent-declaration-parameter-name,cert-dcl50-cpp)
