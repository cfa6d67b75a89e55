// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/prompt/terminal.hpp"

#include "base/error.hpp"
#include "base/unique_fd.hpp"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

namespace sealmount {

namespace {

// The longest line of a terminal in canonical mode (N_TTY_BUF_SIZE).
constexpr std::size_t longest_line = 4096;

/// While this object exists, echo is off. What was typed ahead is discarded: it was meant for something else.
class SilentTerminal {
  public:
    explicit SilentTerminal(const int tty) : tty_(tty) {
        if (::tcgetattr(tty_, &before_) != 0) {
            throw_errno(errno, "/dev/tty");
        }
        auto silent = before_;
        silent.c_lflag &= ~static_cast<::tcflag_t>(ECHO | ECHOE | ECHOK);
        silent.c_lflag |= ECHONL | ICANON | ISIG;
        if (::tcsetattr(tty_, TCSAFLUSH, &silent) != 0) {
            throw_errno(errno, "/dev/tty");
        }
    }
    SilentTerminal(const SilentTerminal&) = delete;
    SilentTerminal& operator=(const SilentTerminal&) = delete;
    ~SilentTerminal() { ::tcsetattr(tty_, TCSAFLUSH, &before_); }

  private:
    int tty_;
    ::termios before_ = {};
};

/// Holds the signals that would leave the terminal without echo, and offers them through a descriptor
/// instead.
class HeldSignals {
  public:
    HeldSignals() {
        ::sigset_t held;
        ::sigemptyset(&held);
        for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP}) {
            ::sigaddset(&held, number);
        }
        fd_ = UniqueFd{::signalfd(-1, &held, SFD_CLOEXEC | SFD_NONBLOCK)};
        if (!fd_) {
            throw_errno(errno, "cannot watch signals");
        }
        ::pthread_sigmask(SIG_BLOCK, &held, &before_);
    }
    HeldSignals(const HeldSignals&) = delete;
    HeldSignals& operator=(const HeldSignals&) = delete;
    ~HeldSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

    /// The signal that came, if any.
    [[nodiscard]] std::optional<int> take() const {
        ::signalfd_siginfo info = {};
        if (::read(fd_.get(), &info, sizeof info) != static_cast<ssize_t>(sizeof info)) {
            return std::nullopt;
        }
        return static_cast<int>(info.ssi_signo);
    }

  private:
    UniqueFd fd_;
    ::sigset_t before_ = {};
};

void show(const int tty, const std::string& text) {
    // A terminal that takes no text will give no answer either, and that is seen in a moment.
    static_cast<void>(!::write(tty, text.data(), text.size()));
}

using Clock = std::chrono::steady_clock;

constexpr auto never = Clock::time_point::max();

/// Milliseconds for poll(2); -1: no limit.
int left_until(const Clock::time_point end) {
    if (end == never) {
        return -1;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
    constexpr decltype(left) most = 3'600'000;
    return left <= 0 ? 0 : static_cast<int>(left < most ? left : most);
}

/// One line, the signal that came instead, or why there will be none.
struct Outcome {
    std::expected<SecretBytes, Refusal> answer = std::unexpected{Refusal{RefusalKind::prompt_cancelled, {}}};
    std::optional<int> signal;
};

Outcome read_line(const int tty, const std::string& text, const Clock::time_point end) {
    const HeldSignals signals;
    const SilentTerminal silent{tty};
    show(tty, text);
    SecretBytes line{longest_line};
    std::size_t size = 0;
    while (size < line.size()) {
        ::pollfd sources[] = {{.fd = tty, .events = POLLIN, .revents = 0},
                              {.fd = signals.fd(), .events = POLLIN, .revents = 0}};
        const int ready = ::poll(sources, 2, left_until(end));
        if (ready < 0 && errno != EINTR) {
            throw_errno(errno, "/dev/tty");
        }
        if (ready == 0 && Clock::now() >= end) {
            show(tty, "\n");
            return {.answer = std::unexpected{Refusal{RefusalKind::prompt_timeout, {}}}, .signal = {}};
        }
        if (ready <= 0) {
            continue;
        }
        if (const auto signal = signals.take()) {
            show(tty, "\n");
            return {.answer = std::unexpected{Refusal{RefusalKind::prompt_cancelled, {}}}, .signal = signal};
        }
        if (sources[0].revents == 0) {
            continue;
        }
        const auto rest = line.bytes().subspan(size);
        const ssize_t got = ::read(tty, rest.data(), rest.size());
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
            continue;
        }
        if (got <= 0) { // Ctrl-D, or the terminal is gone
            break;
        }
        size += static_cast<std::size_t>(got);
        if (line.bytes()[size - 1] == std::byte{'\n'}) {
            line.shrink(size - 1);
            return {.answer = std::move(line), .signal = {}};
        }
    }
    return {};
}

class Terminal final : public Prompt {
  public:
    std::expected<SecretBytes, Refusal> ask(const std::string& text, const std::string& /*id*/,
                                            const std::chrono::seconds timeout,
                                            const Withdrawal* /*withdrawal*/) override {
        const UniqueFd tty{::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)};
        if (!tty) {
            return std::unexpected{Refusal{RefusalKind::no_prompt, "there is no terminal"}};
        }
        const auto end = timeout.count() > 0 ? Clock::now() + timeout : never;
        for (;;) {
            auto outcome = read_line(tty.get(), text, end);
            if (!outcome.signal) {
                return std::move(outcome.answer);
            }
            // Echo is back on: now the signal does what it would have done.
            ::raise(*outcome.signal);
            if (*outcome.signal != SIGTSTP) {
                return std::move(outcome.answer);
            }
            // Continued after a stop: ask again.
        }
    }
};

} // namespace

std::unique_ptr<Prompt> terminal_prompt() {
    return std::make_unique<Terminal>();
}

} // namespace sealmount
