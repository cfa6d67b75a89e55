// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/import/dracut_keys.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "base/hex.hpp"
#include "core/master/tpm_key.hpp"

namespace sealmount {

namespace {

SealedObject object_in(const std::string& text) {
    const auto der = from_hex(text);
    if (!der) {
        throw Error{Reason::bad_data, "is not a trusted key in hex digits, as the kernel prints it"};
    }
    try {
        return read_tpm_key(*der);
    } catch (const Error& error) {
        throw Error{Reason::bad_data,
                    formatted("{}; dracut could not load it with a TPM 2.0 either, it may be from a TPM 1.2",
                              error.what())};
    }
}

std::string why_not(const Refusal& refusal, const SealedObject& object) {
    switch (refusal.kind) {
    case RefusalKind::srk_missing:
        return formatted(
            "the TPM has no key at {:#010x}, under which it was made: the TPM is another one, or was cleared",
            object.parent);
    case RefusalKind::object_rejected:
        return "this TPM did not make it: it is another machine's, or the TPM was cleared";
    case RefusalKind::policy_mismatch:
        return "demands a policy or a password, which dracut could not give: it was not made for dracut";
    default:
        return formatted("the TPM does not open it: {}", with_detail(refusal));
    }
}

class EncryptedKeySource final : public KeySource {
  public:
    explicit EncryptedKeySource(SecretBytes key) : key_(std::move(key)) {}

    Fekek content_key(const std::set<std::string>& /*openers*/) override {
        return {.key = key_.clone(), .signature = dracut_signature};
    }

    std::optional<Fekek> filename_key(const Fekek& /*content*/,
                                      const std::set<std::string>& /*openers*/) override {
        return std::nullopt;
    }

    std::string noun() const override { return "key"; }
    std::string it_gives() const override { return "that of dracut is always"; }

  private:
    SecretBytes key_;
};

} // namespace

SecretBytes open_trusted_blob(Tpm& tpm, const std::string& text, const std::vector<SrkPin>& pins) {
    const SealedObject object = object_in(text);
    const bool is_pinned = object.parent == srk_handle && !pins.empty();
    auto key = tpm.unseal_without_policy(object, is_pinned ? &pins.front().name : nullptr);
    if (!key) {
        throw Error{Reason::refused, why_not(key.error(), object)};
    }
    return std::move(*key);
}

std::unique_ptr<KeySource> dracut_keys(const std::string& text, const SecretBytes& master) {
    return std::make_unique<EncryptedKeySource>(open_encrypted_key(text, master));
}

} // namespace sealmount
