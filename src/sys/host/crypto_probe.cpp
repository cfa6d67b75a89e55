// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/host/crypto_probe.hpp"

#include "base/format.hpp"
#include "base/unique_fd.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <linux/if_alg.h>
#include <sys/socket.h>
#include <utility>

namespace sealmount {

namespace {

bool copy_name(const std::string_view from, unsigned char* const to, const std::size_t size) {
    if (from.size() >= size) {
        return false;
    }
    std::ranges::copy(from, to);
    return true;
}

/// 0, or the errno.
int bind_algorithm(const std::string_view type, const std::string_view name) {
    ::sockaddr_alg address{};
    address.salg_family = AF_ALG;
    if (!copy_name(type, address.salg_type, sizeof address.salg_type) ||
        !copy_name(name, address.salg_name, sizeof address.salg_name)) {
        return EINVAL;
    }
    const UniqueFd fd{::socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)};
    if (!fd) {
        return errno;
    }
    return ::bind(fd.get(), reinterpret_cast<const ::sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
}

/// A kernel without the type answers as one without the algorithm. These are in every kernel that has the
/// type, in FIPS mode too.
bool has_type(const std::string_view type) {
    using Algorithm = std::pair<std::string_view, std::string_view>;
    constexpr std::array<Algorithm, 4> sure = {Algorithm{"skcipher", "cbc(aes)"},
                                               Algorithm{"skcipher", "ecb(aes)"}, Algorithm{"hash", "sha256"},
                                               Algorithm{"hash", "sha512"}};
    return std::ranges::any_of(sure, [&](const Algorithm& algorithm) {
        return algorithm.first == type && bind_algorithm(type, algorithm.second) == 0;
    });
}

} // namespace

Presence kernel_algorithm(const std::string_view type, const std::string& name) {
    switch (bind_algorithm(type, name)) {
    case 0:
        return Presence::present;
    case ENOENT:
    case ELIBBAD:
        return has_type(type) ? Presence::absent : Presence::unknown;
    default:
        return Presence::unknown;
    }
}

std::set<std::string> absent_for_ecryptfs(const std::string& cipher) {
    std::set<std::string> absent;
    for (const std::string& name : {formatted("ecb({})", cipher), formatted("cbc({})", cipher)}) {
        if (kernel_algorithm("skcipher", name) == Presence::absent) {
            absent.insert(name);
        }
    }
    if (kernel_algorithm("hash", "md5") == Presence::absent) {
        absent.emplace("md5");
    }
    return absent;
}

} // namespace sealmount
