// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/raw/raw_keyring.hpp"

#include <linux/keyctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace sealmount {

namespace {

using KeySerial = std::int32_t;

constexpr KeySerial process_keyring = KEY_SPEC_PROCESS_KEYRING;
constexpr KeySerial roots_keyring = KEY_SPEC_USER_KEYRING;

// keyctl_setperm(3): what the possessor may do.
constexpr std::uint32_t may_search = 0x08000000;
constexpr std::uint32_t may_link = 0x10000000;
constexpr std::uint32_t may_set_attributes = 0x20000000;

KeySerial add_raw_key(const char* const type, const char* const description, const void* const payload,
                      const std::size_t size, const KeySerial keyring) noexcept {
    return static_cast<KeySerial>(::syscall(SYS_add_key, type, description, payload, size, keyring));
}

/// Negative when there is none, or errno says why not.
KeySerial search_key(const KeySerial keyring, const char* const type,
                     const char* const description) noexcept {
    return static_cast<KeySerial>(::syscall(SYS_keyctl, KEYCTL_SEARCH, keyring, type, description, 0));
}

bool limit_key(const KeySerial key, const std::uint32_t permissions) noexcept {
    return ::syscall(SYS_keyctl, KEYCTL_SETPERM, key, permissions) == 0;
}

bool link_key(const KeySerial key, const KeySerial keyring) noexcept {
    return ::syscall(SYS_keyctl, KEYCTL_LINK, key, keyring) == 0;
}

bool unlink_key(const KeySerial key, const KeySerial keyring) noexcept {
    return ::syscall(SYS_keyctl, KEYCTL_UNLINK, key, keyring) == 0;
}

/// The master of the key becomes one that no key can be.
bool make_key_unreadable(const char* const description, const std::string_view text) {
    constexpr std::size_t longer_than_any_description = 5000;
    const bool user_master = text.find(" user:") != std::string_view::npos;
    std::string update{user_master ? "update user:" : "update trusted:"};
    update.append(longer_than_any_description, 'x');
    return add_raw_key("encrypted", description, update.c_str(), update.size(), process_keyring) >= 0;
}

/// From the process's own keyring, where it is possessed, into root's.
bool hand_over(const KeySerial key) noexcept {
    if (!limit_key(key, may_search | may_link | may_set_attributes) || !link_key(key, roots_keyring)) {
        return false;
    }
    if (limit_key(key, may_search)) {
        return true;
    }
    unlink_key(key, roots_keyring);
    return false;
}

} // namespace

std::optional<bool> kernel_has_trusted_keys() noexcept {
    // The type is looked up before the payload is parsed (security/keys/key.c, key_create_or_update).
    constexpr std::string_view no_command = "probe";
    const KeySerial key =
        add_raw_key("trusted", "sealmount-probe", no_command.data(), no_command.size(), process_keyring);
    if (key >= 0) {
        unlink_key(key, process_keyring);
        return true;
    }
    switch (errno) {
    case ENODEV:
        return false;
    case EINVAL:
        return true;
    default:
        return std::nullopt;
    }
}

std::optional<bool> is_in_user_keyring(const char* const type, const std::string_view description) {
    if (search_key(roots_keyring, type, std::string{description}.c_str()) >= 0) {
        return true;
    }
    // A key that is there but dead is as good as absent: a search by the mount skips it as well.
    const bool absent = errno == ENOKEY || errno == EKEYEXPIRED || errno == EKEYREVOKED;
    return absent ? std::optional{false} : std::nullopt;
}

bool add_master_key(const char* const type, const std::string_view name,
                    const std::span<const std::byte> payload) {
    return add_raw_key(type, std::string{name}.c_str(), payload.data(), payload.size(), process_keyring) >= 0;
}

bool add_volume_key(const std::string_view signature, const std::string_view text) {
    const std::string description{signature};
    std::string payload{"load "};
    payload.append(text);
    const KeySerial key =
        add_raw_key("encrypted", description.c_str(), payload.c_str(), payload.size(), process_keyring);
    if (key < 0) {
        return false;
    }
    const bool added = make_key_unreadable(description.c_str(), text) && hand_over(key);
    unlink_key(key, process_keyring);
    return added;
}

bool takes_key_text(const char* const description, const std::string_view text) {
    std::string payload{"load "};
    payload.append(text);
    const KeySerial key =
        add_raw_key("encrypted", description, payload.c_str(), payload.size(), process_keyring);
    if (key < 0) {
        return false;
    }
    unlink_key(key, process_keyring);
    return true;
}

bool drop_volume_key(const std::string_view signature) {
    const KeySerial key = search_key(roots_keyring, "encrypted", std::string{signature}.c_str());
    if (key < 0) {
        return errno == ENOKEY || errno == EKEYEXPIRED || errno == EKEYREVOKED;
    }
    return unlink_key(key, roots_keyring) || errno == ENOENT; // another process was faster
}

} // namespace sealmount
