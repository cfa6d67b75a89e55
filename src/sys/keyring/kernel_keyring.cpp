// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/keyring/kernel_keyring.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "base/hex.hpp"
#include "sys/tpm/tpm.hpp"

#include <keyutils.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <system_error>
#include <vector>

namespace sealmount {

namespace {

constexpr key_serial_t own_keyring = KEY_SPEC_PROCESS_KEYRING;
constexpr key_serial_t user_keyring = KEY_SPEC_USER_KEYRING;

/// Where *user* keys of people are.
constexpr std::array people_keyrings = {user_keyring, KEY_SPEC_SESSION_KEYRING,
                                        KEY_SPEC_USER_SESSION_KEYRING};

// Whoever possesses the key may find it, which is all that a mount needs (keyctl_setperm(3)).
constexpr key_perm_t possessor_search = KEY_POS_SEARCH;
static_assert(possessor_search == 0x08000000);

std::unexpected<Refusal> refused(const RefusalKind kind, const int error) {
    return std::unexpected{Refusal{.kind = kind, .detail = std::generic_category().message(error)}};
}

/// The key of this type and description that can be reached through `keyring`.
std::optional<key_serial_t> find_key(const key_serial_t keyring, const char* const type,
                                     const std::string_view description) {
    const auto id = ::keyctl_search(keyring, type, std::string{description}.c_str(), 0);
    if (id >= 0) {
        return static_cast<key_serial_t>(id);
    }
    const int error = errno;
    // Keys that are there but dead are as good as absent: a search by the mount skips them as well.
    if (error == ENOKEY || error == EKEYEXPIRED || error == EKEYREVOKED) {
        return std::nullopt;
    }
    throw_errno(error, formatted("cannot search the keyring for \"{}\"", description));
}

/// A key that leaves its keyring at the end of the scope, unless it is kept.
class LinkedKey {
  public:
    LinkedKey(const key_serial_t id, const key_serial_t keyring) noexcept : id_(id), keyring_(keyring) {}
    LinkedKey(const LinkedKey&) = delete;
    LinkedKey& operator=(const LinkedKey&) = delete;
    ~LinkedKey() {
        if (!kept_) {
            ::keyctl_unlink(id_, keyring_);
        }
    }

    [[nodiscard]] key_serial_t id() const noexcept { return id_; }
    void keep() noexcept { kept_ = true; }

  private:
    key_serial_t id_;
    key_serial_t keyring_;
    bool kept_ = false;
};

/// Adds an encrypted key from its text (security/keys/encrypted-keys/encrypted.c, encrypted_instantiate).
std::expected<key_serial_t, Refusal>
add_encrypted_key(const std::string_view signature, const std::string_view text, const key_serial_t keyring) {
    const auto payload = "load " + std::string{text};
    const auto id =
        ::add_key("encrypted", std::string{signature}.c_str(), payload.c_str(), payload.size(), keyring);
    if (id >= 0) {
        return id;
    }
    const int error = errno;
    switch (error) {
    case EINVAL:
        return refused(RefusalKind::text_rejected, error);
    case ENODEV:
    case EOPNOTSUPP:
        return refused(RefusalKind::key_type_absent, error);
    case ENOKEY:
        throw Error{Reason::internal,
                    formatted("the master key of the encrypted key {} is not loaded", signature)};
    default:
        throw_errno(error, formatted("cannot load the encrypted key {}", signature));
    }
}

/// Whoever possesses a key may read it, whatever its permissions (security/keys/keyctl.c, keyctl_read_key),
/// and the kernel then encrypts the FEKEK under any master key of the right name that the reader has, even
/// one whose bytes the reader knows. So the name of the master is replaced by one that no key can ever have:
/// add_key(2) takes descriptions of less than 4096 bytes. The kernel does not look for the new master until
/// somebody reads (encrypted.c, encrypted_update).
void make_unreadable(const std::string_view signature, const std::string_view text) {
    constexpr std::size_t longer_than_any_description = 5000;
    const bool user_master = text.find(" user:") != std::string_view::npos;
    const auto update = std::string{user_master ? "update user:" : "update trusted:"} +
                        std::string(longer_than_any_description, 'x');
    // keyctl_update(3) takes one page at the most; adding a key that is there already is an update without
    // that limit.
    if (::add_key("encrypted", std::string{signature}.c_str(), update.c_str(), update.size(), own_keyring) <
        0) {
        throw_errno(errno, formatted("cannot protect the encrypted key {}", signature));
    }
}

/// The text of a trusted key with the option for its PIN: always the form of 40 hex digits, which takes any
/// byte. The TPM does not see the zeros at the end (TPM 2.0 Part 1, 19.6.4.3).
SecretBytes with_pin(const std::string& text, const SecretBytes* const pin) {
    constexpr std::string_view option = " blobauth=";
    constexpr std::string_view digits = "0123456789abcdef";
    SecretBytes payload{text.size() + (pin == nullptr ? 0 : option.size() + 2 * longest_pin)};
    const auto out = payload.bytes();
    std::ranges::copy(std::as_bytes(std::span{text}), out.begin());
    if (pin == nullptr) {
        return payload;
    }
    std::ranges::copy(std::as_bytes(std::span{option}), out.begin() + std::ssize(text));
    const auto hex = out.subspan(text.size() + option.size());
    for (std::size_t i = 0; i < longest_pin; ++i) {
        const auto value = i < pin->size() ? std::to_integer<unsigned>(pin->bytes()[i]) : 0U;
        hex[2 * i] = static_cast<std::byte>(digits[value >> 4U]);
        hex[2 * i + 1] = static_cast<std::byte>(digits[value & 0xfU]);
    }
    return payload;
}

class KernelKeyring final : public Keyring {
  public:
    bool has_trusted_keys() override;
    std::expected<bool, Refusal> takes_trusted_masters() override;
    std::expected<void, Refusal> load_trusted_master(std::string_view name,
                                                     std::span<const std::byte> tpm_key,
                                                     std::uint32_t policy_handle,
                                                     const SecretBytes* pin) override;
    void load_user_master(std::string_view name, const SecretBytes& master) override;
    void drop_master(std::string_view name) override;
    bool has_volume_key(std::string_view signature) override;
    bool has_user_key(std::string_view signature) override;
    std::optional<SecretBytes> read_user_key(std::string_view description, std::size_t limit) override;
    bool drop_user_key(std::string_view description) override;
    std::expected<void, Refusal> load_volume_key(std::string_view signature, std::string_view text) override;
    bool unload_volume_key(std::string_view signature) override;
    std::expected<void, Refusal> prove_volume_key(std::string_view signature, std::string_view text) override;
};

bool KernelKeyring::has_trusted_keys() {
    // The type is looked up before the payload is parsed, and the payload before anything is linked
    // (security/keys/key.c, key_create_or_update): ENODEV without the type, EINVAL with it.
    constexpr std::string_view no_command = "probe";
    const auto id =
        ::add_key("trusted", "sealmount-probe", no_command.data(), no_command.size(), own_keyring);
    if (id >= 0) {
        ::keyctl_unlink(id, own_keyring);
        return true;
    }
    const int error = errno;
    if (error == ENODEV) {
        return false;
    }
    if (error == EINVAL) {
        return true;
    }
    throw_errno(error, "cannot ask the kernel for trusted keys");
}

std::expected<bool, Refusal> KernelKeyring::takes_trusted_masters() {
    // A whole text, because the kernel looks for the master key only then; its name is nobody's.
    const auto text = "load ecryptfs trusted:sealmount-probe 64 " + std::string(226, '0');
    const auto id = ::add_key("encrypted", "0000000000000000", text.c_str(), text.size(), own_keyring);
    if (id >= 0) {
        ::keyctl_unlink(id, own_keyring);
        return true;
    }
    const int error = errno;
    switch (error) {
    case ENODEV:
        return std::unexpected{Refusal{RefusalKind::key_type_absent, "encrypted"}};
    case EOPNOTSUPP:
        return false;
    case ENOKEY:
        return true;
    default:
        throw_errno(error, "cannot ask the kernel for encrypted keys");
    }
}

std::expected<void, Refusal> KernelKeyring::load_trusted_master(const std::string_view name,
                                                                const std::span<const std::byte> tpm_key,
                                                                const std::uint32_t policy_handle,
                                                                const SecretBytes* const pin) {
    // security/keys/trusted-keys/trusted_tpm1.c, getoptions: hex, "0x" optional. Never "pcrlock=": kernels
    // that ignore a failed unseal when it is given would make a key without contents.
    const auto payload =
        with_pin(formatted("load {} policyhandle={:08x}", to_hex(tpm_key), policy_handle), pin);
    const auto bytes = payload.bytes();
    if (::add_key("trusted", std::string{name}.c_str(), bytes.data(), bytes.size(), own_keyring) >= 0) {
        return {};
    }
    const int error = errno;
    switch (error) {
    case ENODEV:
        return refused(RefusalKind::key_type_absent, error);
    case EINVAL: // not a blob that this kernel reads
    case EFAULT: // unsealed, but not 32 to 128 bytes
        return refused(RefusalKind::object_rejected, error);
    case EPERM:
    case EIO:
    case ENOMEM:
        return refused(RefusalKind::unseal_failed, error);
    default:
        throw_errno(error, formatted("cannot load the trusted key {}", name));
    }
}

void KernelKeyring::load_user_master(const std::string_view name, const SecretBytes& master) {
    const auto bytes = master.bytes();
    if (::add_key("user", std::string{name}.c_str(), bytes.data(), bytes.size(), own_keyring) < 0) {
        throw_errno(errno, formatted("cannot load the master key {}", name));
    }
}

void KernelKeyring::drop_master(const std::string_view name) {
    for (const char* const type : {"trusted", "user"}) {
        if (const auto id = find_key(own_keyring, type, name)) {
            if (::keyctl_unlink(*id, own_keyring) < 0) {
                throw_errno(errno, formatted("cannot drop the master key {}", name));
            }
        }
    }
}

bool KernelKeyring::has_volume_key(const std::string_view signature) {
    return find_key(user_keyring, "encrypted", signature).has_value();
}

bool KernelKeyring::has_user_key(const std::string_view signature) {
    return find_key(user_keyring, "user", signature).has_value();
}

std::optional<SecretBytes> KernelKeyring::read_user_key(const std::string_view description,
                                                        const std::size_t limit) {
    for (const key_serial_t keyring : people_keyrings) {
        const auto id = find_key(keyring, "user", description);
        if (!id) {
            continue;
        }
        const auto what = formatted("the user key {}", description);
        // What is in the session's keyring is possessed already.
        std::optional<LinkedKey> possessed;
        if (keyring != KEY_SPEC_SESSION_KEYRING) {
            if (::keyctl_link(keyring, own_keyring) < 0) {
                throw_errno(errno, "cannot reach " + what);
            }
            possessed.emplace(keyring, own_keyring);
        }
        SecretBytes payload{limit};
        const auto bytes = payload.bytes();
        const auto size = ::keyctl_read(*id, reinterpret_cast<char*>(bytes.data()), bytes.size());
        if (size < 0) {
            throw_errno(errno, "cannot read " + what);
        }
        if (static_cast<std::size_t>(size) > limit) { // the size of the whole payload (keyctl_read(3))
            throw Error{Reason::bad_data, formatted("{} holds more than {} bytes", what, limit)};
        }
        payload.shrink(static_cast<std::size_t>(size));
        return payload;
    }
    return std::nullopt;
}

bool KernelKeyring::drop_user_key(const std::string_view description) {
    bool dropped = false;
    for (const key_serial_t keyring : people_keyrings) {
        const auto id = find_key(keyring, "user", description);
        if (!id) {
            continue;
        }
        dropped = true;
        // ENOENT: found through another keyring that is linked into this one.
        if (::keyctl_unlink(*id, keyring) < 0 && errno != ENOENT) {
            throw_errno(errno, formatted("cannot drop the user key {}", description));
        }
    }
    for (const key_serial_t keyring : people_keyrings) {
        if (find_key(keyring, "user", description)) {
            throw Error{Reason::refused,
                        formatted("the user key {} is in another keyring as well", description),
                        {AdviceKind::show_keyrings}};
        }
    }
    return dropped;
}

std::expected<void, Refusal> KernelKeyring::load_volume_key(const std::string_view signature,
                                                            const std::string_view text) {
    // add_key(2) would try to update a key that is there already, which its permissions forbid.
    if (has_volume_key(signature)) {
        throw Error{Reason::internal, formatted("the encrypted key {} is loaded already", signature)};
    }
    // By way of the process's own keyring: only its possessor may change a key's permissions, and a service
    // does not possess what it adds to the user keyring.
    const auto added = add_encrypted_key(signature, text, own_keyring);
    if (!added) {
        return std::unexpected{added.error()};
    }
    const LinkedKey own{*added, own_keyring};
    make_unreadable(signature, text);
    const auto narrow = [&](const key_perm_t permissions) {
        if (::keyctl_setperm(own.id(), permissions) < 0) {
            throw_errno(errno, formatted("cannot protect the encrypted key {}", signature));
        }
    };
    narrow(possessor_search | KEY_POS_LINK | KEY_POS_SETATTR);
    if (::keyctl_link(own.id(), user_keyring) < 0) {
        throw_errno(errno, formatted("cannot load the encrypted key {}", signature));
    }
    LinkedKey key{own.id(), user_keyring};
    narrow(possessor_search);
    key.keep();
    return {};
}

bool KernelKeyring::unload_volume_key(const std::string_view signature) {
    const auto id = find_key(user_keyring, "encrypted", signature);
    if (!id) {
        return false;
    }
    if (::keyctl_unlink(*id, user_keyring) < 0) {
        const int error = errno;
        if (error == ENOENT) { // another process was faster
            return false;
        }
        throw_errno(error, formatted("cannot unload the encrypted key {}", signature));
    }
    return true;
}

std::expected<void, Refusal> KernelKeyring::prove_volume_key(const std::string_view signature,
                                                             const std::string_view text) {
    const auto added = add_encrypted_key(signature, text, own_keyring);
    if (!added) {
        return std::unexpected{added.error()};
    }
    const LinkedKey key{*added, own_keyring};
    // The kernel encrypts again for every reader, with the same initialization vector: the same text.
    std::vector<char> read_back(text.size() + 1);
    const auto size = ::keyctl_read(key.id(), read_back.data(), read_back.size());
    if (size < 0) {
        throw_errno(errno, formatted("cannot read the encrypted key {} back", signature));
    }
    // A terminating zero is not counted by the kernel, and the buffer is larger than the text: longer means
    // different.
    if (!std::ranges::equal(
            std::string_view{read_back.data(),
                             std::min<std::size_t>(static_cast<std::size_t>(size), read_back.size())},
            text)) {
        return std::unexpected{Refusal{RefusalKind::text_rejected, "the kernel reads it differently"}};
    }
    return {};
}

} // namespace

std::unique_ptr<Keyring> kernel_keyring() {
    return std::make_unique<KernelKeyring>();
}

} // namespace sealmount
