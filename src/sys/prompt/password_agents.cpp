// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sys/prompt/password_agents.hpp"

#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "sys/prompt/directory_watch.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <system_error>
#include <termios.h>
#include <unistd.h>
#include <vector>

namespace sealmount {

namespace {

// LINE_MAX, the most that systemd-ask-password passes on, and the line's end.
constexpr std::size_t longest_answer = 2048 + 1;

/// The program, where distributions that have not merged /usr put it as well.
const char* ask_password_program() {
    for (const char* const path : {"/usr/bin/systemd-ask-password", "/bin/systemd-ask-password"}) {
        if (::access(path, X_OK) == 0) {
            return path;
        }
    }
    return nullptr;
}

/// posix_spawn_file_actions_t with an end.
class FileActions {
  public:
    FileActions() { ::posix_spawn_file_actions_init(&actions_); }
    FileActions(const FileActions&) = delete;
    FileActions& operator=(const FileActions&) = delete;
    ~FileActions() { ::posix_spawn_file_actions_destroy(&actions_); }

    void become(const int from, const int to) { ::posix_spawn_file_actions_adddup2(&actions_, from, to); }
    [[nodiscard]] const ::posix_spawn_file_actions_t* get() const noexcept { return &actions_; }

  private:
    ::posix_spawn_file_actions_t actions_ = {};
};

/// Everything that comes out of the pipe, up to `longest_answer` bytes, without the line's end.
SecretBytes read_answer(const int pipe) {
    SecretBytes answer{longest_answer};
    std::size_t size = 0;
    while (size < answer.size()) {
        const auto rest = answer.bytes().subspan(size);
        const ssize_t got = ::read(pipe, rest.data(), rest.size());
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            break;
        }
        size += static_cast<std::size_t>(got);
    }
    answer.shrink(size);
    if (!answer.empty() && answer.bytes().back() == std::byte{'\n'}) {
        answer.shrink(answer.size() - 1);
    }
    return answer;
}

std::string read_complaint(const int file) {
    std::array<char, 512> buffer = {};
    const ssize_t got = ::pread(file, buffer.data(), buffer.size(), 0);
    std::string words{buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
    words.erase(words.find_last_not_of('\n') + 1);
    return words;
}

/// systemd-ask-password exits with 1 whatever happened; only its last words tell why ("Failed to query
/// password: Timer expired", src/ask-password/ask-password.c).
Refusal refusal_of_complaint(const std::string& words) {
    const auto says = [&words](const int error) {
        return words.find(std::generic_category().message(error)) != std::string::npos;
    };
    if (says(ETIME)) {
        return {RefusalKind::prompt_timeout, {}};
    }
    if (says(ECANCELED) || says(EINTR)) {
        return {RefusalKind::prompt_cancelled, {}};
    }
    return {RefusalKind::no_prompt, words};
}

/// Waits for the end of a question: an answer or the lack of one in the pipe, or, with false, its withdrawal.
bool wait_for_end(const int pipe, const DirectoryWatch& watch, const Withdrawal& withdrawal) {
    for (;;) {
        watch.drain();
        if (withdrawal.is_due()) {
            return false;
        }
        ::pollfd sources[] = {{.fd = pipe, .events = POLLIN, .revents = 0},
                              {.fd = watch.fd(), .events = POLLIN, .revents = 0}};
        if (::poll(sources, 2, -1) < 0 && errno != EINTR) {
            throw_errno(errno, "cannot wait for systemd-ask-password");
        }
        if (sources[0].revents != 0) {
            return true;
        }
    }
}

class PasswordAgents final : public Prompt {
  public:
    std::expected<SecretBytes, Refusal> ask(const std::string& text, const std::string& id,
                                            std::chrono::seconds timeout,
                                            const Withdrawal* withdrawal) override;
};

std::expected<SecretBytes, Refusal> PasswordAgents::ask(const std::string& text, const std::string& id,
                                                        const std::chrono::seconds timeout,
                                                        const Withdrawal* const withdrawal) {
    const char* const program = ask_password_program();
    if (program == nullptr) {
        return std::unexpected{Refusal{RefusalKind::no_prompt, "systemd-ask-password is not installed"}};
    }
    std::array<int, 2> ends = {};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        throw_errno(errno, "cannot make a pipe");
    }
    const UniqueFd read_end{ends[0]};
    UniqueFd write_end{ends[1]};
    const UniqueFd problem{::memfd_create("complaint", MFD_CLOEXEC)};
    if (!problem) {
        throw_errno(errno, "cannot make a file in memory");
    }
    FileActions actions;
    actions.become(write_end.get(), STDOUT_FILENO);
    actions.become(problem.get(), STDERR_FILENO);

    std::vector<std::string> words = {program,      "--icon=drive-harddisk",
                                      "--id=" + id, "--timeout=" + std::to_string(timeout.count()),
                                      "--",         text};
    std::vector<char*> arguments;
    for (auto& word : words) {
        arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    // Its messages are compared with ours; and a terminal needs its type. Nothing else: not the caller's
    // credentials directory, where the program would look for a "password" of its own.
    std::string locale = "LC_ALL=C";
    std::string log = "SYSTEMD_LOG_TARGET=console";
    std::string terminal = "TERM=linux";
    const std::array<char*, 4> environment = {locale.data(), log.data(), terminal.data(), nullptr};

    std::optional<DirectoryWatch> watch; // begins before the first look
    if (withdrawal != nullptr) {
        watch.emplace(withdrawal->directory);
    }
    ::termios terminal_before = {};
    const bool has_terminal = ::tcgetattr(STDIN_FILENO, &terminal_before) == 0;
    ::pid_t child = 0;
    if (const int error =
            ::posix_spawn(&child, program, actions.get(), nullptr, arguments.data(), environment.data());
        error != 0) {
        return std::unexpected{Refusal{RefusalKind::no_prompt, std::generic_category().message(error)}};
    }
    write_end.reset(); // so that the child's end is the end of the file
    const bool withdrawn = watch && !wait_for_end(read_end.get(), *watch, *withdrawal);
    if (withdrawn) {
        ::kill(child, SIGTERM); // it takes its question back
    }
    auto answer = read_answer(read_end.get());
    int status = 0;
    while (::waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            throw_errno(errno, "cannot wait for systemd-ask-password");
        }
    }
    if (withdrawn) {
        if (has_terminal) { // which it leaves mute when it is killed
            ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &terminal_before);
        }
        return std::unexpected{Refusal{RefusalKind::prompt_cancelled, {}}};
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        return std::unexpected{refusal_of_complaint(read_complaint(problem.get()))};
    }
    return answer;
}

} // namespace

std::unique_ptr<Prompt> password_agents() {
    return std::make_unique<PasswordAgents>();
}

} // namespace sealmount
