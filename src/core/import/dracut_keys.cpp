// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/import/dracut_keys.hpp"

#include "base/error.hpp"
#include "base/hex.hpp"
#include "core/master/tpm_key.hpp"

#include <array>
#include <cstdio>

namespace sealmount {

namespace {

std::string hex_of(const std::uint32_t handle) {
    std::array<char, 16> text{};
    std::snprintf(text.data(), text.size(), "0x%08x", handle);
    return text.data();
}

SealedObject object_in(const std::string& text) {
    const auto der = from_hex(text);
    if (!der) {
        throw Error{Reason::bad_data, "is not the hex digits that 'keyctl pipe' gives of a trusted key"};
    }
    try {
        return read_tpm_key(*der);
    } catch (const Error& error) {
        throw Error{Reason::bad_data,
                    std::string{error.what()} +
                        "; dracut could not load it with a TPM 2.0 either, it may be of a TPM 1.2"};
    }
}

std::string why_not(const Refusal& refusal, const SealedObject& object) {
    switch (refusal.kind) {
    case RefusalKind::srk_missing:
        return "the TPM has no key at " + hex_of(object.parent) +
               ", under which it was made: the TPM is another one, or was cleared";
    case RefusalKind::object_rejected:
        return "this TPM did not make it: it is another machine's, or the TPM was cleared";
    case RefusalKind::policy_mismatch:
        return "demands a policy or a password, which dracut could not give: it was not made for dracut";
    default:
        return "the TPM does not open it: " + with_detail(refusal);
    }
}

class EncryptedKeySource final : public KeySource {
  public:
    explicit EncryptedKeySource(SecretBytes key) : key_(std::move(key)) {}

    Fekek content_key(const std::set<std::string>& /*wanted*/) override {
        return {.key = key_.clone(), .signature = dracut_signature};
    }

    std::optional<Fekek> filename_key(const Fekek& /*content*/,
                                      const std::set<std::string>& /*wanted*/) override {
        return std::nullopt;
    }

    std::string noun() const override { return "key"; }
    std::string it_gives() const override { return "that of dracut is always"; }

  private:
    SecretBytes key_;
};

} // namespace

SecretBytes open_trusted_blob(Tpm& tpm, const std::string& text) {
    const SealedObject object = object_in(text);
    auto key = tpm.unseal_without_policy(object);
    if (!key) {
        throw Error{Reason::refused, why_not(key.error(), object)};
    }
    return std::move(*key);
}

std::unique_ptr<KeySource> dracut_keys(const std::string& text, const SecretBytes& master) {
    return std::make_unique<EncryptedKeySource>(open_encrypted_key(text, master));
}

} // namespace sealmount
