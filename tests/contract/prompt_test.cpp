// Asking on a terminal, tried on a pseudo-terminal of our own.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/crypto/crypto.hpp"
#include "sys/prompt/password_agents.hpp"
#include "sys/prompt/terminal.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <unistd.h>

namespace sealmount {

namespace {

constexpr int right_answer = 0;
constexpr int wrong_answer = 1;
constexpr int first_refusal = 10; // and the kind's number
/// Longer than a machine takes, however busy, for what ends the question otherwise.
constexpr std::chrono::seconds patience{3600};

/// A child on a terminal of its own, asking there.
class Asker {
  public:
    Asker(const std::function<std::unique_ptr<Prompt>()>& make, const std::chrono::seconds timeout,
          const Withdrawal* const withdrawal = nullptr) {
        child_ = ::forkpty(&master_, nullptr, nullptr, nullptr);
        if (child_ == 0) {
            const auto answer = make()->ask("Question? ", "sealmount:test", timeout, withdrawal);
            ::termios mode = {};
            ::tcgetattr(STDIN_FILENO, &mode);
            if ((mode.c_lflag & ECHO) == 0) {
                ::_exit(wrong_answer); // the terminal still does not echo
            }
            if (!answer) {
                ::_exit(first_refusal + static_cast<int>(answer.error().kind));
            }
            ::_exit(answer->equals(as_bytes("open sesame")) ? right_answer : wrong_answer);
        }
    }
    Asker(const Asker&) = delete;
    Asker& operator=(const Asker&) = delete;
    ~Asker() { ::close(master_); }

    /// Reads what the terminal shows until `text` comes or it closes.
    bool shows(const std::string& text) {
        while (shown_.find(text) == std::string::npos) {
            ::pollfd ready = {.fd = master_, .events = POLLIN, .revents = 0};
            char buffer[256];
            if (::poll(&ready, 1, -1) <= 0) {
                return false;
            }
            const ssize_t got = ::read(master_, buffer, sizeof buffer);
            if (got <= 0) {
                return false;
            }
            shown_.append(buffer, static_cast<std::size_t>(got));
        }
        return true;
    }
    void type(const std::string& text) const {
        ASSERT_EQ(::write(master_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }
    /// The wait status, after the terminal was read to its end.
    int end() {
        static_cast<void>(shows("never shown"));
        int status = -1;
        ::waitpid(child_, &status, 0);
        return status;
    }
    [[nodiscard]] const std::string& shown() const { return shown_; }

  private:
    ::pid_t child_ = -1;
    int master_ = -1;
    std::string shown_;
};

int exit_code(const int status) {
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int refusal(const RefusalKind kind) {
    return first_refusal + static_cast<int>(kind);
}

TEST(TerminalTest, AnswerIsReadAndNotShown) {
    Asker asker{terminal_prompt, patience};
    ASSERT_TRUE(asker.shows("Question? "));
    asker.type("open sesame\n");
    EXPECT_EQ(exit_code(asker.end()), right_answer);
    EXPECT_EQ(asker.shown().find("sesame"), std::string::npos);
}

TEST(TerminalTest, EndOfInputDeclines) {
    Asker asker{terminal_prompt, patience};
    ASSERT_TRUE(asker.shows("Question? "));
    asker.type("\x04");
    EXPECT_EQ(exit_code(asker.end()), refusal(RefusalKind::prompt_cancelled));
}

TEST(TerminalTest, InterruptEndsTheProcess) {
    Asker asker{terminal_prompt, patience};
    ASSERT_TRUE(asker.shows("Question? "));
    asker.type("\x03");
    const int status = asker.end();
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT) << status;
}

TEST(TerminalTest, SilenceTimesOut) {
    Asker asker{terminal_prompt, std::chrono::seconds{1}};
    EXPECT_EQ(exit_code(asker.end()), refusal(RefusalKind::prompt_timeout));
}

TEST(TerminalTest, NoTerminalIsNoPrompt) {
    const ::pid_t child = ::fork();
    if (child == 0) {
        ::setsid();
        const auto answer = terminal_prompt()->ask("Question? ", "sealmount:test", std::chrono::seconds{1});
        ::_exit(!answer && answer.error().kind == RefusalKind::no_prompt ? 0 : 1);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(exit_code(status), 0);
}

class PasswordAgentsTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (::access("/usr/bin/systemd-ask-password", X_OK) != 0) {
            GTEST_SKIP() << "systemd-ask-password is not installed";
        }
    }
};

TEST_F(PasswordAgentsTest, AnswerComesThroughThePipe) {
    Asker asker{password_agents, patience};
    ASSERT_TRUE(asker.shows("Question? "));
    asker.type("open sesame\n");
    EXPECT_EQ(exit_code(asker.end()), right_answer);
}

TEST_F(PasswordAgentsTest, SilenceTimesOut) {
    Asker asker{password_agents, std::chrono::seconds{1}};
    EXPECT_EQ(exit_code(asker.end()), refusal(RefusalKind::prompt_timeout));
}

/// Where the agents of this question answer; "" as long as nobody asks. In systemd's directory of questions
/// (https://systemd.io/PASSWORD_AGENTS), where others may have some, too.
std::string socket_of_question(const std::string& id) {
    for (const auto& entry : std::filesystem::directory_iterator{"/run/systemd/ask-password"}) {
        std::ifstream question{entry.path()};
        std::string socket;
        bool is_ours = false;
        for (std::string line; entry.is_regular_file() && std::getline(question, line);) {
            is_ours = is_ours || line == "Id=" + id;
            socket = line.starts_with("Socket=") ? line.substr(line.find('=') + 1) : socket;
        }
        if (is_ours && !socket.empty()) {
            return socket;
        }
    }
    return {};
}

/// As this user. Was it taken?
bool answer_as(const ::uid_t user, const std::string& socket, const std::string& answer) {
    const ::pid_t child = ::fork();
    if (child == 0) {
        ::sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
        socket.copy(address.sun_path, sizeof address.sun_path - 1);
        const int fd = ::socket(AF_UNIX, SOCK_DGRAM, 0);
        const bool sent =
            ::setresuid(user, user, user) == 0 &&
            ::sendto(fd, answer.data(), answer.size(), 0, reinterpret_cast<const ::sockaddr*>(&address),
                     sizeof address) == static_cast<ssize_t>(answer.size());
        ::_exit(sent ? 0 : 1);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    return exit_code(status) == 0;
}

TEST_F(PasswordAgentsTest, OnlyAnAgentOfRootsIsListenedTo) {
    if (::getuid() != 0 || ::access("/run/systemd/ask-password", W_OK) != 0) {
        GTEST_SKIP() << "only root may ask agents, and only where systemd has its directory";
    }
    const std::string id = "sealmount:test-" + std::to_string(::getpid());
    const ::pid_t child = ::fork();
    if (child == 0) {
        ::setsid(); // without a terminal the agents are asked
        const int nothing = ::open("/dev/null", O_RDWR);
        ::dup2(nothing, STDIN_FILENO);
        const auto answer = password_agents()->ask("Question? ", id, patience);
        ::_exit(!answer ? first_refusal + static_cast<int>(answer.error().kind)
                : answer->equals(as_bytes("open sesame")) ? right_answer
                                                          : wrong_answer);
    }
    std::string socket;
    while (socket.empty() && ::waitpid(child, nullptr, WNOHANG) == 0) {
        socket = socket_of_question(id);
        ::usleep(10000);
    }
    ASSERT_FALSE(socket.empty());
    constexpr ::uid_t nobody = 65534;
    EXPECT_FALSE(answer_as(nobody, socket, "+another word"));
    EXPECT_TRUE(answer_as(0, socket, "+open sesame"));
    int status = -1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(exit_code(status), right_answer);
}

TEST_F(PasswordAgentsTest, AWithdrawnQuestionEnds) {
    std::string directory = (std::filesystem::temp_directory_path() / "sealmount-watch.XXXXXX").string();
    ASSERT_NE(::mkdtemp(directory.data()), nullptr);
    const auto sign = std::filesystem::path{directory} / "sign";
    const Withdrawal withdrawal{.directory = directory,
                                .is_due = [&] { return std::filesystem::exists(sign); }};
    Asker asker{password_agents, patience, &withdrawal};
    ASSERT_TRUE(asker.shows("Question? "));
    std::ofstream{std::filesystem::path{directory} / "something else"} << "not yet";
    std::ofstream{sign} << "now";
    EXPECT_EQ(exit_code(asker.end()), refusal(RefusalKind::prompt_cancelled));
    std::filesystem::remove_all(directory);
}

} // namespace

} // namespace sealmount
