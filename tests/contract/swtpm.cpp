// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "contract/swtpm.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "contract/wire.hpp"

#include <poll.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

namespace sealmount::testing {

namespace {

constexpr std::size_t header_size = 10;

/// False at the end of the connection.
bool read_exactly(const int fd, std::span<std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t got = ::recv(fd, bytes.data(), bytes.size(), 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return false;
        }
        bytes = bytes.subspan(static_cast<std::size_t>(got));
    }
    return true;
}

void write_exactly(const int fd, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t put = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            throw Error{Reason::unavailable, "swtpm is gone"};
        }
        bytes = bytes.subspan(static_cast<std::size_t>(put));
    }
}

/// A whole command or response; empty at the end of the connection.
Wire read_message(const int fd) {
    Wire message(header_size);
    if (!read_exactly(fd, message)) {
        return {};
    }
    message.resize(std::max<std::size_t>(read_u32(message, 2), header_size));
    if (!read_exactly(fd, std::span{message}.subspan(header_size))) {
        return {};
    }
    return message;
}

::pid_t start_swtpm(const std::filesystem::path& state, const int socket) {
    constexpr int child_socket = 3;
    ::posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, socket, child_socket);
    std::vector<std::string> words = {
        "swtpm",
        "socket",
        "--tpm2",
        "--tpmstate",
        "dir=" + state.string(),
        "--fd",
        std::to_string(child_socket),
        "--ctrl", // where tpm2-tss sets the locality; it is there before the first answer
        "type=unixio,path=" + (state / "tap.ctrl").string(),
        "--flags",
        "not-need-init,startup-clear"};
    std::vector<char*> arguments;
    for (auto& word : words) {
        arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    ::pid_t child = -1;
    const int error = ::posix_spawnp(&child, "swtpm", &actions, nullptr, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
        throw Error{Reason::unavailable, "swtpm does not start: install it, these tests need it"};
    }
    return child;
}

::sockaddr_un address_of(const std::filesystem::path& path) {
    ::sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    path.string().copy(address.sun_path, sizeof address.sun_path - 1);
    return address;
}

UniqueFd listen_at(const std::filesystem::path& path) {
    UniqueFd listener{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const auto address = address_of(path);
    if (::bind(listener.get(), reinterpret_cast<const ::sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener.get(), 8) != 0) {
        throw_errno(errno, path.string());
    }
    return listener;
}

} // namespace

Swtpm::Directory::Directory() {
    std::string name = (std::filesystem::temp_directory_path() / "sealmount-swtpm.XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
        throw_errno(errno, name);
    }
    path = name;
}

Swtpm::Directory::~Directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
}

Swtpm::Swtpm() {
    std::array<int, 2> ends = {};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        throw_errno(errno, "socketpair");
    }
    upstream_ = UniqueFd{ends[0]};
    const UniqueFd theirs{ends[1]};
    child_ = start_swtpm(directory_.path, theirs.get());
    listener_ = listen_at(directory_.path / "tap");
    stop_ = UniqueFd{::eventfd(0, EFD_CLOEXEC)};
    // "SW  " and " TPM": never touch a TPM that somebody may need (TPM2_PT_VENDOR_STRING_1 and _2).
    if (property(0x106) != 0x53572020 || property(0x107) != 0x2054504d) {
        throw Error{Reason::unavailable, "this TPM is not a software TPM"};
    }
    thread_ = std::thread{[this] { serve(); }};
}

Swtpm::~Swtpm() {
    const std::uint64_t one = 1;
    static_cast<void>(!::write(stop_.get(), &one, sizeof one));
    if (thread_.joinable()) {
        thread_.join();
    }
    upstream_.reset(); // swtpm ends with its connection
    if (child_ > 0) {
        ::waitpid(child_, nullptr, 0);
    }
}

std::string Swtpm::tcti() const {
    return "swtpm:path=" + (directory_.path / "tap").string();
}

UniqueFd Swtpm::connect() const {
    UniqueFd client{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const auto address = address_of(directory_.path / "tap");
    if (::connect(client.get(), reinterpret_cast<const ::sockaddr*>(&address), sizeof address) != 0) {
        throw_errno(errno, "the tap of swtpm");
    }
    return client;
}

bool Swtpm::crossed(const std::span<const std::byte> bytes) {
    const std::scoped_lock lock{mutex_};
    return !std::ranges::search(traffic_, bytes).empty();
}

std::vector<std::uint32_t> Swtpm::commands_seen() {
    const std::scoped_lock lock{mutex_};
    return seen_;
}

void Swtpm::disturb_sessions(const unsigned count) {
    const std::scoped_lock lock{mutex_};
    disturbances_ = count;
}

void Swtpm::serve() {
    std::vector<UniqueFd> clients;
    for (;;) {
        std::vector<::pollfd> sources = {{.fd = stop_.get(), .events = POLLIN, .revents = 0},
                                         {.fd = listener_.get(), .events = POLLIN, .revents = 0}};
        for (const auto& client : clients) {
            sources.push_back({.fd = client.get(), .events = POLLIN, .revents = 0});
        }
        if (::poll(sources.data(), sources.size(), -1) < 0 && errno != EINTR) {
            return;
        }
        if (sources[0].revents != 0) {
            return;
        }
        for (std::size_t i = 2; i < sources.size(); ++i) {
            bool gone = false;
            if (sources[i].revents != 0) {
                answer_client(sources[i].fd, gone);
            }
            if (gone) {
                clients[i - 2].reset();
            }
        }
        std::erase_if(clients, [](const UniqueFd& client) { return !client; });
        if (sources[1].revents != 0) {
            clients.emplace_back(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        }
    }
}

void Swtpm::answer_client(const int client, bool& gone) {
    const auto command = read_message(client);
    if (command.empty()) {
        gone = true;
        return;
    }
    try {
        const auto code = read_u32(command, 6);
        Wire response;
        {
            const std::scoped_lock lock{mutex_};
            seen_.push_back(code);
            response = exchange_locked(command);
            put(traffic_, command);
            put(traffic_, response);
            if (code == static_cast<std::uint32_t>(Command::policy_pcr) && disturbances_ > 0) {
                --disturbances_;
                static_cast<void>(exchange_locked(pcr_extend_command(10, "disturbance")));
            }
        }
        write_exactly(client, response);
    } catch (const Error&) {
        gone = true;
    }
}

Wire Swtpm::exchange_locked(const std::span<const std::byte> command) {
    write_exactly(upstream_.get(), command);
    auto response = read_message(upstream_.get());
    if (response.empty()) {
        throw Error{Reason::unavailable, "swtpm is gone"};
    }
    return response;
}

Wire Swtpm::exchange(const std::span<const std::byte> command) {
    const std::scoped_lock lock{mutex_};
    return exchange_locked(command);
}

Response Swtpm::send(const Command command, const std::span<const std::byte> body, const bool with_session) {
    const auto response = exchange(tpm_command(command, body, with_session));
    return {.code = read_u32(response, 6), .body = {response.begin() + header_size, response.end()}};
}

} // namespace sealmount::testing
