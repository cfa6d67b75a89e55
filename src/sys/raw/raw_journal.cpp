// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/raw/raw_journal.hpp"

#include "base/unique_fd.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace sealmount {

namespace {

constexpr std::string_view journal_socket = "/run/systemd/journal/socket";

/// An address of a UNIX socket; a leading @ stands for the zero byte of an abstract one (sd_notify(3)).
struct SocketAddress {
    ::sockaddr_un address = {};
    ::socklen_t size = 0;
};

SocketAddress address_of(const std::string_view path) noexcept {
    SocketAddress result;
    result.address.sun_family = AF_UNIX;
    if (path.size() < 2 || path.size() >= sizeof result.address.sun_path ||
        (path.front() != '/' && path.front() != '@')) {
        return result;
    }
    std::ranges::copy(path, std::begin(result.address.sun_path));
    const bool abstract = path.front() == '@';
    if (abstract) {
        result.address.sun_path[0] = '\0';
    }
    result.size =
        static_cast<::socklen_t>(offsetof(::sockaddr_un, sun_path) + path.size() + (abstract ? 0 : 1));
    return result;
}

/// `descriptor` goes with the message, unless it is -1.
bool send_datagram(const std::string_view socket, std::string_view text, const int descriptor) noexcept {
    SocketAddress to = address_of(socket);
    const UniqueFd fd{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    if (to.size == 0 || !fd) {
        return false;
    }
    ::iovec part = {.iov_base = const_cast<char*>(text.data()), .iov_len = text.size()};
    ::msghdr message = {};
    message.msg_name = &to.address;
    message.msg_namelen = to.size;
    message.msg_iov = &part;
    message.msg_iovlen = text.empty() ? 0 : 1;
    alignas(::cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    if (descriptor >= 0) {
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        ::cmsghdr* const header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
    }
    return ::sendmsg(fd.get(), &message, MSG_NOSIGNAL) >= 0;
}

/// What the protocol has for messages beyond the size of a datagram.
bool send_as_file(const std::string& text) noexcept {
    const UniqueFd file{::memfd_create("sealmount-journal", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    if (!file || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
        return false;
    }
    return ::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0 &&
           send_datagram(journal_socket, {}, file.get());
}

} // namespace

void JournalRecord::add(const std::string_view field, const std::string_view value) {
    text_.append(field);
    if (value.find('\n') == std::string_view::npos) {
        text_.append("=").append(value).append("\n");
        return;
    }
    text_.append("\n");
    for (unsigned shift = 0; shift < 64; shift += 8) { // the size, little endian
        text_.push_back(static_cast<char>(static_cast<std::uint64_t>(value.size()) >> shift & 0xffU));
    }
    text_.append(value).append("\n");
}

bool JournalRecord::send() const noexcept {
    if (send_datagram(journal_socket, text_, -1)) {
        return true;
    }
    return (errno == EMSGSIZE || errno == ENOBUFS) && send_as_file(text_);
}

bool is_service_of_systemd() noexcept {
    return ::getenv("JOURNAL_STREAM") != nullptr;
}

void notify_status(const std::string_view status) {
    if (const char* const socket = ::getenv("NOTIFY_SOCKET")) {
        std::string text{"STATUS="};
        text.append(status);
        static_cast<void>(send_datagram(socket, text, -1));
    }
}

} // namespace sealmount
