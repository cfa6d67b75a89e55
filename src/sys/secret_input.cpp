// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sys/secret_input.hpp"

#include "base/error.hpp"
#include "base/unique_fd.hpp"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace sealmount {

namespace {

constexpr std::size_t longest_line_end = 2; // CR LF

void drop_line_end(SecretBytes& secret) {
    const auto ends_with = [&secret](const char c) {
        return !secret.empty() && secret.bytes().back() == static_cast<std::byte>(c);
    };
    if (ends_with('\n')) {
        secret.shrink(secret.size() - 1);
        if (ends_with('\r')) {
            secret.shrink(secret.size() - 1);
        }
    }
}

} // namespace

SecretBytes read_secret(const std::string& file_or_dash, const std::size_t limit) {
    const bool from_stdin = file_or_dash == "-";
    const auto place = from_stdin ? std::string{"standard input"} : file_or_dash;
    UniqueFd opened;
    if (!from_stdin) {
        opened = UniqueFd{::open(file_or_dash.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY)};
        if (!opened) {
            throw_errno(errno, place);
        }
    }
    const int fd = from_stdin ? STDIN_FILENO : opened.get();

    // One byte more than can be accepted, so that too long shows.
    SecretBytes secret{limit + longest_line_end + 1};
    std::size_t size = 0;
    while (size < secret.size()) {
        const auto rest = secret.bytes().subspan(size);
        const ssize_t got = ::read(fd, rest.data(), rest.size());
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            throw_errno(errno, place);
        }
        if (got == 0) {
            break;
        }
        size += static_cast<std::size_t>(got);
    }
    secret.shrink(size);
    drop_line_end(secret);
    if (secret.empty()) {
        throw Error{Reason::usage, place + ": is empty"};
    }
    if (secret.size() > limit) {
        throw Error{Reason::usage, place + ": is longer than " + std::to_string(limit) + " bytes"};
    }
    return secret;
}

} // namespace sealmount
