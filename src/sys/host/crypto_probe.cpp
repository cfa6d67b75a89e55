// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/host/crypto_probe.hpp"

#include "base/format.hpp"
#include "base/unique_fd.hpp"
#include "sys/host/kernel_features.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <fstream>
#include <linux/if_alg.h>
#include <string_view>
#include <sys/socket.h>
#include <system_error>
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

/// From Linux 6.19 on, eCryptfs has an MD5 of its own, and looks for the FIPS mode ("ecryptfs: Use MD5
/// library instead of crypto_shash").
bool has_own_md5() {
    const std::string release = kernel_release();
    int major = 0;
    int minor = 0;
    const auto end = release.data() + release.size();
    const auto dot = std::from_chars(release.data(), end, major);
    if (dot.ec == std::errc{} && dot.ptr != end) {
        std::from_chars(dot.ptr + 1, end, minor);
    }
    return std::pair{major, minor} >= std::pair{6, 19};
}

bool is_md5_absent() {
    if (!has_own_md5()) {
        return is_algorithm_absent("hash", "md5");
    }
    std::ifstream fips{"/proc/sys/crypto/fips_enabled"};
    return fips.get() == '1';
}

} // namespace

bool is_algorithm_absent(const std::string& type, const std::string& name) {
    const int error = bind_algorithm(type, name);
    return (error == ENOENT || error == ELIBBAD) && has_type(type);
}

std::set<std::string> absent_for_ecryptfs(const std::string& cipher) {
    std::set<std::string> absent;
    for (const std::string& name : {formatted("ecb({})", cipher), formatted("cbc({})", cipher)}) {
        if (is_algorithm_absent("skcipher", name)) {
            absent.insert(name);
        }
    }
    if (is_md5_absent()) {
        absent.emplace("md5");
    }
    return absent;
}

} // namespace sealmount
