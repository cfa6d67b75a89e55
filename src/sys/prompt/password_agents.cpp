// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/prompt/password_agents.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
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

std::string read_messages(const int file) {
    std::array<char, 512> buffer = {};
    const ssize_t got = ::pread(file, buffer.data(), buffer.size(), 0);
    std::string messages{buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
    messages.erase(messages.find_last_not_of('\n') + 1);
    return messages;
}

/// systemd-ask-password exits with 1 whatever happened; only its last message says why ("Failed to query
/// password: Timer expired", src/ask-password/ask-password.c).
Refusal refusal_from(const std::string& messages) {
    const auto says = [&messages](const int error) {
        return messages.find(std::generic_category().message(error)) != std::string::npos;
    };
    if (says(ETIME)) {
        return {RefusalKind::prompt_timeout, {}};
    }
    if (says(ECANCELED) || says(EINTR)) {
        return {RefusalKind::prompt_cancelled, {}};
    }
    return {RefusalKind::no_prompt, messages};
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

/// systemd-ask-password while it asks, and the ends of the pipes to it.
class AgentQuestion {
  public:
    /// Starts it. A refusal where it cannot be started.
    static std::expected<AgentQuestion, Refusal> start(const char* program, const std::string& text,
                                                       const std::string& id, std::chrono::seconds timeout);

    [[nodiscard]] int answer_pipe() const noexcept { return answers_.get(); }

    /// It takes its question back.
    void withdraw() const noexcept { ::kill(child_, SIGTERM); }

    /// The answer that it gave, or why it gave none; waits for its end.
    std::expected<SecretBytes, Refusal> finish() const;

  private:
    AgentQuestion(UniqueFd answers, UniqueFd messages, const ::pid_t child)
        : answers_(std::move(answers)), messages_(std::move(messages)), child_(child) {}

    UniqueFd answers_;
    UniqueFd messages_; ///< a file in memory
    ::pid_t child_;
};

std::expected<AgentQuestion, Refusal> AgentQuestion::start(const char* const program, const std::string& text,
                                                           const std::string& id,
                                                           const std::chrono::seconds timeout) {
    std::array<int, 2> ends = {};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        throw_errno(errno, "cannot make a pipe");
    }
    UniqueFd read_end{ends[0]};
    const UniqueFd write_end{ends[1]}; // closed here, so that the child's end is the end of the file
    UniqueFd messages{::memfd_create("messages", MFD_CLOEXEC)};
    if (!messages) {
        throw_errno(errno, "cannot make a file in memory");
    }
    FileActions actions;
    actions.become(write_end.get(), STDOUT_FILENO);
    actions.become(messages.get(), STDERR_FILENO);

    std::vector<std::string> arguments = {program,
                                          "--icon=drive-harddisk",
                                          formatted("--id={}", id),
                                          formatted("--timeout={}", timeout.count()),
                                          "--",
                                          text};
    std::vector<char*> argv;
    for (auto& argument : arguments) {
        argv.push_back(argument.data());
    }
    argv.push_back(nullptr);
    // Its messages are compared with ours; and a terminal needs its type. Nothing else: not the caller's
    // credentials directory, where the program would look for a "password" of its own.
    std::string locale = "LC_ALL=C";
    std::string log = "SYSTEMD_LOG_TARGET=console";
    std::string terminal = "TERM=linux";
    const std::array<char*, 4> environment = {locale.data(), log.data(), terminal.data(), nullptr};
    ::pid_t child = 0;
    if (const int error =
            ::posix_spawn(&child, program, actions.get(), nullptr, argv.data(), environment.data());
        error != 0) {
        return std::unexpected{Refusal{RefusalKind::no_prompt, std::generic_category().message(error)}};
    }
    return AgentQuestion{std::move(read_end), std::move(messages), child};
}

std::expected<SecretBytes, Refusal> AgentQuestion::finish() const {
    auto answer = read_answer(answers_.get());
    int status = 0;
    while (::waitpid(child_, &status, 0) < 0) {
        if (errno != EINTR) {
            throw_errno(errno, "cannot wait for systemd-ask-password");
        }
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        return std::unexpected{refusal_from(read_messages(messages_.get()))};
    }
    return answer;
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
    std::optional<DirectoryWatch> watch; // begins before the first look
    if (withdrawal != nullptr) {
        watch.emplace(withdrawal->directory);
    }
    ::termios terminal_before = {};
    const bool has_terminal = ::tcgetattr(STDIN_FILENO, &terminal_before) == 0;
    const auto question = AgentQuestion::start(program, text, id, timeout);
    if (!question) {
        return std::unexpected{question.error()};
    }
    const bool is_withdrawn = watch && !wait_for_end(question->answer_pipe(), *watch, *withdrawal);
    if (is_withdrawn) {
        question->withdraw();
    }
    auto answer = question->finish();
    if (is_withdrawn) {
        if (has_terminal) { // whose echo it leaves off when it is killed
            ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &terminal_before);
        }
        return std::unexpected{Refusal{RefusalKind::prompt_cancelled, {}}};
    }
    return answer;
}

} // namespace

std::unique_ptr<Prompt> password_agents() {
    return std::make_unique<PasswordAgents>();
}

} // namespace sealmount
