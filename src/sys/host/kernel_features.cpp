// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/host/kernel_features.hpp"

#include "base/unique_fd.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <linux/if_alg.h>
#include <sstream>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <utility>

namespace sealmount {

namespace {

namespace fs = std::filesystem;

/// proc(5), /proc/filesystems: "nodev" or nothing, a tab, the name.
bool is_registered(const fs::path& root) {
    std::ifstream list{root / "proc/filesystems"};
    for (std::string line; std::getline(list, line);) {
        if (line.ends_with("\tecryptfs")) {
            return true;
        }
    }
    return false;
}

fs::path modules_of_kernel(const fs::path& root) {
    return root / "lib/modules" / kernel_release();
}

/// depmod(8) lists modules by their path, one on each line, before a colon in modules.dep.
std::string listed_module(const fs::path& list_file) {
    std::ifstream list{list_file};
    for (std::string line; std::getline(list, line);) {
        const std::string path = line.substr(0, line.find(':'));
        if (path.find("/ecryptfs.ko") != std::string::npos) {
            return path;
        }
    }
    return {};
}

bool says_one(const fs::path& file) {
    std::ifstream stream{file};
    int value = 0;
    return static_cast<bool>(stream >> value) && value == 1;
}

bool path_exists(const fs::path& file) {
    std::error_code ignored;
    return fs::exists(file, ignored);
}

/// Whether bind(2) finds it; errno when not.
int look_for_algorithm(const std::string_view type, const std::string_view name) {
    ::sockaddr_alg address = {};
    if (type.size() >= sizeof address.salg_type || name.size() >= sizeof address.salg_name) {
        return ENOENT;
    }
    address.salg_family = AF_ALG;
    std::ranges::copy(type, address.salg_type);
    std::ranges::copy(name, address.salg_name);
    const UniqueFd socket{::socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)};
    if (!socket) {
        return EAFNOSUPPORT;
    }
    return ::bind(socket.get(), reinterpret_cast<const ::sockaddr*>(&address), sizeof address) == 0 ? 0
                                                                                                    : errno;
}

/// For a type that AF_ALG itself lacks, bind(2) says the same as for an algorithm that is not there
/// (crypto/af_alg.c, alg_bind). One of these is in every kernel.
bool answers_about(const std::string_view type) {
    constexpr std::array hashes = {"sha256", "sha512", "sha1"};
    constexpr std::array ciphers = {"cbc(aes)", "ecb(aes)", "ctr(aes)", "xts(aes)", "ecb(cipher_null)"};
    const auto is_there = [&](const char* const name) { return look_for_algorithm(type, name) == 0; };
    return type == "hash" ? std::ranges::any_of(hashes, is_there) : std::ranges::any_of(ciphers, is_there);
}

/// An algorithm that nobody could ask for. FIPS mode lists what it does not allow, too.
Presence presence_by_list(const std::string_view name) {
    if (module_state().is_fips) {
        return Presence::unknown;
    }
    std::ostringstream text;
    text << std::ifstream{"/proc/crypto"}.rdbuf();
    return lists_algorithm(text.str(), name) ? Presence::present : Presence::unknown;
}

} // namespace

Presence ecryptfs_presence(const fs::path& root) {
    if (is_registered(root)) {
        return Presence::present;
    }
    const fs::path modules = modules_of_kernel(root);
    if (!listed_module(modules / "modules.builtin").empty()) {
        return Presence::present;
    }
    const std::string module = listed_module(modules / "modules.dep");
    const bool can_load =
        !module.empty() && path_exists(modules / module) && !module_state(root).loading_is_disabled;
    return can_load ? Presence::loadable : Presence::absent;
}

bool kernel_has_ecryptfs() {
    return ecryptfs_presence() != Presence::absent;
}

std::string kernel_release() {
    ::utsname names = {};
    ::uname(&names);
    return names.release;
}

Presence crypto_presence(const std::string_view type, const std::string_view name) {
    switch (look_for_algorithm(type, name)) {
    case 0:
        return Presence::present;
    case EAFNOSUPPORT:
    case EPERM:
    case EACCES:
    case ENOMEM:
    case EINTR:
        return presence_by_list(name);
    default:
        return answers_about(type) ? Presence::absent : presence_by_list(name);
    }
}

bool lists_algorithm(std::string_view proc_crypto, const std::string_view name) {
    constexpr std::string_view label = "name";
    while (!proc_crypto.empty()) {
        const std::size_t end = std::min(proc_crypto.find('\n'), proc_crypto.size());
        const std::string_view line = proc_crypto.substr(0, end);
        const std::size_t colon = line.find(':');
        if (line.starts_with(label) && colon != std::string_view::npos && line.ends_with(name) &&
            line.size() == colon + 2 + name.size()) {
            return true;
        }
        proc_crypto.remove_prefix(std::min(end + 1, proc_crypto.size()));
    }
    return false;
}

bool has_crypto(const std::string_view type, const std::string_view name) {
    return crypto_presence(type, name) != Presence::absent;
}

bool ecryptfs_asks_for_md5(const std::string_view release) {
    constexpr std::pair<int, int> first_without{6, 19};
    std::pair<int, int> version;
    const char* const end = release.data() + release.size();
    const auto major = std::from_chars(release.data(), end, version.first);
    if (major.ec == std::errc{} && major.ptr != end) {
        std::from_chars(major.ptr + 1, end, version.second);
    }
    return version < first_without;
}

std::set<std::string> absent_for_ecryptfs(const std::string& cipher) {
    std::set<std::string> absent;
    for (const std::string& name : {"ecb(" + cipher + ")", "cbc(" + cipher + ")"}) {
        if (crypto_presence("skcipher", name) == Presence::absent) {
            absent.insert(name);
        }
    }
    const bool has_md5 = ecryptfs_asks_for_md5(kernel_release())
                             ? crypto_presence("hash", "md5") != Presence::absent
                             : !module_state().is_fips;
    if (!has_md5) {
        absent.emplace("md5");
    }
    return absent;
}

ModuleState module_state(const fs::path& root) {
    return {.loading_is_disabled = says_one(root / "proc/sys/kernel/modules_disabled"),
            .has_files = path_exists(modules_of_kernel(root)),
            .is_fips = says_one(root / "proc/sys/crypto/fips_enabled")};
}

} // namespace sealmount
