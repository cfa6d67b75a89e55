// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/host/program.hpp"

#include "base/error.hpp"
#include "base/unique_fd.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sealmount {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds time_limit{30};
constexpr std::size_t output_limit = 1U << 20U;

/// A child process; killed when it has not been waited for.
class Child {
  public:
    explicit Child(const ::pid_t pid) : pid_(pid) {}
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            wait();
        }
    }

    /// Its wait status.
    int wait() {
        int status = 0;
        while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
        pid_ = -1;
        return status;
    }

  private:
    ::pid_t pid_;
};

::pid_t spawn(const std::filesystem::path& program, const std::vector<std::string>& arguments,
              const int write_end) {
    ::posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions, write_end, STDOUT_FILENO);
    ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    std::vector<char*> argv;
    for (const std::string& argument : arguments) {
        argv.push_back(const_cast<char*>(argument.c_str()));
    }
    argv.push_back(nullptr);
    std::array environment = {const_cast<char*>("PATH=/usr/bin:/usr/sbin:/bin:/sbin"),
                              const_cast<char*>("LC_ALL=C.UTF-8"), const_cast<char*>("SYSTEMD_COLORS=0"),
                              const_cast<char*>("SYSTEMD_URLIFY=0"), static_cast<char*>(nullptr)};
    ::pid_t pid = -1;
    const int error =
        ::posix_spawn(&pid, program.c_str(), &actions, nullptr, argv.data(), environment.data());
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
        throw_errno(error, program.string());
    }
    return pid;
}

/// Everything up to its end.
std::string read_to_end(const int fd, const std::string& program) {
    const auto deadline = Clock::now() + time_limit;
    std::string text;
    std::array<char, 4096> buffer{};
    while (true) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
        ::pollfd waiting = {.fd = fd, .events = POLLIN, .revents = 0};
        const int ready = left.count() > 0 ? ::poll(&waiting, 1, static_cast<int>(left.count())) : 0;
        if (ready == 0 || text.size() > output_limit) {
            throw Error{Reason::unavailable, program + ": does not come to an end"};
        }
        const ::ssize_t size = ready < 0 ? -1 : ::read(fd, buffer.data(), buffer.size());
        if (size == 0) {
            return text;
        }
        if (size < 0 && errno != EINTR) {
            throw_errno(errno, program);
        }
        text.append(buffer.data(), size < 0 ? 0 : static_cast<std::size_t>(size));
    }
}

} // namespace

ProgramOutput run_program(const std::filesystem::path& program, const std::vector<std::string>& arguments) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        throw_errno(errno, "pipe");
    }
    const UniqueFd read_end{ends[0]};
    UniqueFd write_end{ends[1]};
    Child child{spawn(program, arguments, write_end.get())};
    write_end = UniqueFd{};
    ProgramOutput output;
    output.text = read_to_end(read_end.get(), program.string());
    output.status = child.wait();
    return output;
}

bool is_executable(const std::filesystem::path& program) {
    std::error_code ignored;
    return std::filesystem::is_regular_file(program, ignored) && ::access(program.c_str(), X_OK) == 0;
}

} // namespace sealmount
