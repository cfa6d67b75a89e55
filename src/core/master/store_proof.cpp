// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/master/store_proof.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "sys/crypto/aead.hpp"

#include <algorithm>

namespace sealmount {

namespace {

constexpr std::string_view file_label = "sealmount master file, version 2\n";
constexpr std::string_view key_proof_info = "sealmount master file, version 2, under a volume's key";
constexpr std::string_view recovery_info = "sealmount recovery slot, version 2, under its master key";
constexpr std::size_t derived_size = 32;

ProofDigest digest_of(const MasterFile& file) {
    return sha256({as_bytes(file_label), as_bytes(sealed_form(file))});
}

std::string description_of(const std::string_view name) {
    return formatted("trusted:{}", name);
}

/// `form`: slots_form() of the file.
Bytes key_proof_of_form(const std::string_view name, const std::string_view form, const Fekek& fekek) {
    const SecretBytes key = hkdf_sha256(fekek.key, as_bytes(fekek.signature), key_proof_info, derived_size);
    const auto mac = hmac_sha256(key, {as_bytes(name), as_bytes("\n"), as_bytes(form)});
    return {mac.begin(), mac.end()};
}

Refusal changed(std::string why) {
    return {.kind = RefusalKind::store_changed, .detail = std::move(why)};
}

std::string file_of(const std::string_view name) {
    return formatted("masters/{}.json", name);
}

Refusal not_proved(const std::string_view name) {
    return changed(
        formatted("{} is not as it was written: its proof fails under the master key", file_of(name)));
}

/// Version 1 of the file belongs to keys of version 1. Of texts that nobody has found authentic it says only
/// what they claim.
std::optional<Refusal> problem_with_era(const StoreEvidence& evidence, const std::string& signature,
                                        const std::string& text) {
    const bool is_new = is_bound(text, signature);
    if (is_new && !evidence.file.is_sealed()) {
        return changed(formatted("{} has no proof, and keys/{}.key was written with one",
                                 file_of(evidence.name), signature));
    }
    if (!is_new && evidence.file.is_sealed()) {
        return changed(
            formatted("keys/{}.key is not the one that was written with {}: it is older, or another key's",
                      signature, file_of(evidence.name)));
    }
    return std::nullopt;
}

/// One text, which is authentic under the master key.
std::optional<Refusal> problem_with_key(const StoreEvidence& evidence, const SecretBytes& master,
                                        const std::string& signature, const std::string& text) {
    if (auto problem = problem_with_era(evidence, signature, text)) {
        return problem;
    }
    try {
        static_cast<void>(open_volume_key(text, master, signature));
    } catch (const Error& error) {
        return changed(formatted("keys/{}.key {}", signature, error.what()));
    }
    return std::nullopt;
}

bool is_authentic(const std::string& text, const SecretBytes& master) {
    try {
        static_cast<void>(open_encrypted_key(text, master));
        return true;
    } catch (const Error&) {
        return false; // damaged, or under another master key: it cannot be loaded
    }
}

/// Is one of them of version 2, under a file of version 1?
std::optional<Refusal> problem_with_others(const StoreEvidence& evidence, const SecretBytes* const master) {
    if (evidence.others == nullptr) {
        return std::nullopt;
    }
    for (const auto& [signature, text] : *evidence.others) {
        if (master != nullptr && !is_authentic(text, *master)) {
            continue;
        }
        if (auto problem = problem_with_era(evidence, signature, text);
            problem && !evidence.file.is_sealed()) {
            return problem;
        }
    }
    return std::nullopt;
}

/// Opens each text, one at a time: there may be more keys than locked memory.
std::optional<Refusal> problem_with_keys(const StoreEvidence& evidence, const SecretBytes& master) {
    const bool has_telling = has_telling_names(evidence.texts);
    bool is_one_good = evidence.texts.empty();
    for (const auto& [signature, text] : evidence.texts) {
        if (!is_authentic(text, master)) {
            continue;
        }
        if (auto problem = problem_with_key(evidence, master, signature, text)) {
            return problem;
        }
        is_one_good = is_one_good || !has_telling || signature != dracut_signature;
    }
    if (!is_one_good) {
        return Refusal{.kind = RefusalKind::text_rejected,
                       .detail = formatted("no key opens under what the TPM released: {} or the keys are "
                                           "damaged, or were replaced",
                                           file_of(evidence.name))};
    }
    return std::nullopt;
}

} // namespace

bool has_telling_names(const KeyTexts& texts) {
    return std::ranges::any_of(texts, [](const auto& text) { return text.first != dracut_signature; });
}

std::optional<Refusal> problem_with_store(const StoreEvidence& evidence, const SecretBytes& master) {
    const MasterFile& file = evidence.file;
    if (!file.is_sealed()) {
        auto problem = problem_with_others(evidence, &master);
        return problem ? problem : problem_with_keys(evidence, master);
    }
    if (!proves(file.seal, master, description_of(evidence.name), digest_of(file))) {
        return not_proved(evidence.name);
    }
    for (const RecoverySlot& slot : file.recovery) {
        if (!equal_constant_time(slot.proof, recovery_proof(evidence.name, slot, master))) {
            return changed(formatted("{}: slot {} is not a recovery key that was made for this master key",
                                     file_of(evidence.name), slot.id));
        }
    }
    return problem_with_keys(evidence, master);
}

std::optional<Refusal> problem_with_store(const StoreEvidence& evidence, Keyring& keyring) {
    for (const auto& [signature, text] : evidence.texts) {
        if (auto problem = problem_with_era(evidence, signature, text)) {
            return problem;
        }
    }
    const MasterFile& file = evidence.file;
    if (file.is_sealed()) {
        if (!names_digest(file.seal, description_of(evidence.name), digest_of(file))) {
            return not_proved(evidence.name);
        }
        const auto loaded = keyring.prove_volume_key(formatted("sealmount:{}", evidence.name), file.seal);
        if (!loaded && loaded.error().kind == RefusalKind::text_rejected) {
            return not_proved(evidence.name);
        }
        return std::nullopt;
    }
    if (auto problem = problem_with_others(evidence, nullptr)) {
        return problem;
    }
    if (evidence.texts.empty()) {
        return std::nullopt;
    }
    const auto& [signature, text] = *evidence.texts.begin();
    const auto opened = keyring.prove_volume_key(signature, text);
    return !opened && opened.error().kind == RefusalKind::text_rejected ? std::optional{opened.error()}
                                                                        : std::nullopt;
}

Bytes recovery_proof(const std::string_view name, const RecoverySlot& slot, const SecretBytes& master) {
    const SecretBytes key = hkdf_sha256(master, slot.salt, recovery_info, derived_size);
    const auto mac = hmac_sha256(key, {as_bytes(name), as_bytes("\n"), as_bytes(recovery_form(slot))});
    return {mac.begin(), mac.end()};
}

Bytes key_proof(const std::string_view name, const MasterFile& file, const Fekek& fekek) {
    return key_proof_of_form(name, slots_form(file), fekek);
}

std::optional<bool> is_proved_by(const std::string_view name, const MasterFile& file, const Fekek& fekek) {
    const auto known = file.key_proofs.find(fekek.signature);
    if (!file.is_sealed() || known == file.key_proofs.end()) {
        return std::nullopt;
    }
    return equal_constant_time(known->second, key_proof(name, file, fekek));
}

MasterFile proved(const std::string_view name, MasterFile file, const SecretBytes& master,
                  const KeyTexts& texts, const KnownProofs known) {
    if (known == KnownProofs::dropped) {
        file.key_proofs.clear();
    }
    const std::string form = slots_form(file);
    for (const auto& [signature, text] : texts) {
        if (file.key_proofs.contains(signature) && signature != dracut_signature) {
            continue; // the same slots under the same key
        }
        try {
            const Fekek fekek{.key = open_volume_key(text, master, signature), .signature = signature};
            file.key_proofs[signature] = key_proof_of_form(name, form, fekek);
        } catch (const Error& error) {
            if (error.reason() != Reason::bad_data) {
                throw;
            }
        }
    }
    file.seal = compose_proof(description_of(name), master, digest_of(file));
    return file;
}

} // namespace sealmount
