// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/prompt/secret_input.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
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

std::string place_of(const std::string& file_or_dash) {
    return file_or_dash == "-" ? "standard input" : file_or_dash;
}

/// At most `limit` bytes; less where the end comes before.
SecretBytes read_up_to(const std::string& file_or_dash, const std::size_t limit) {
    const bool from_stdin = file_or_dash == "-";
    const std::string place = place_of(file_or_dash);
    UniqueFd opened;
    if (!from_stdin) {
        opened = UniqueFd{::open(file_or_dash.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY)};
        if (!opened) {
            throw_errno(errno, place);
        }
    }
    const int fd = from_stdin ? STDIN_FILENO : opened.get();
    SecretBytes secret{limit};
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
    return secret;
}

SecretBytes checked(SecretBytes secret, const std::string& file_or_dash, const std::size_t limit) {
    if (secret.empty()) {
        throw Error{Reason::usage, place_of(file_or_dash) + ": is empty"};
    }
    if (secret.size() > limit) {
        throw Error{Reason::usage, formatted("{}: is longer than {} bytes", place_of(file_or_dash), limit)};
    }
    return secret;
}

} // namespace

SecretBytes read_secret(const std::string& file_or_dash, const std::size_t limit) {
    // One byte more than can be accepted, so that a secret that is too long is noticed.
    SecretBytes secret = read_up_to(file_or_dash, limit + longest_line_end + 1);
    drop_line_end(secret);
    return checked(std::move(secret), file_or_dash, limit);
}

SecretBytes read_binary_secret(const std::string& file_or_dash, const std::size_t limit) {
    return checked(read_up_to(file_or_dash, limit + 1), file_or_dash, limit);
}

} // namespace sealmount
