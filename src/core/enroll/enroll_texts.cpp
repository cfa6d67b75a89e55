// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/enroll/enroll_texts.hpp"

#include "base/format.hpp"
#include "core/ecryptfs/encrypted_key.hpp"
#include "sys/crypto/crypto.hpp"

#include <algorithm>
#include <optional>

namespace sealmount {

namespace {

void check_master_of_others(const Store& store, const Manifest& manifest, const Volume& volume,
                            const std::string& signature) {
    for (const Volume& other : manifest.volumes) {
        if (other.master != volume.master && std::ranges::count(other.signatures(), signature) > 0) {
            throw Error{Reason::refused,
                        formatted("{}: this key is already enrolled under trusted:{}, for the volume \"{}\"",
                                  store.paths().key(signature).string(), other.master, other.name),
                        {.kind = AdviceKind::give_master, .subject = other.master}};
        }
    }
}

/// Is it the text of this key, under this master key and its name?
bool is_text_of(const std::string& text, const std::string& description, const EnrolledMaster& master,
                const Fekek& fekek) {
    try {
        return master_description_of(text) == description && is_bound(text, fekek.signature) &&
               open_encrypted_key(text, master.key).equals(fekek.key.bytes());
    } catch (const Error&) { // damaged: it is made again then
        return false;
    }
}

/// Nothing when the file is missing or damaged.
std::optional<std::string> text_on_disk(const Store& store, const std::string& signature) {
    if (!store.has_key(signature)) {
        return std::nullopt;
    }
    try {
        return store.key(signature);
    } catch (const Error&) {
        return std::nullopt;
    }
}

/// The key file of a passphrase that another volume uses already stays as it is, if it is what we would have
/// made. One under another master key is replaced only when no volume needs it.
std::string text_for(const Store& store, const KeyTexts& waiting, const std::string& description,
                     const EnrolledMaster& master, const Fekek& fekek) {
    const auto waits = waiting.find(fekek.signature);
    if (waits != waiting.end() && is_text_of(waits->second, description, master, fekek)) {
        return waits->second;
    }
    auto present = text_on_disk(store, fekek.signature);
    if (present && is_text_of(*present, description, master, fekek)) {
        return std::move(*present);
    }
    std::string composed =
        compose_encrypted_key(description, master.key, fekek.key, bound_vector(fekek.signature));
    if (!is_text_of(composed, description, master, fekek)) {
        throw Error{
            Reason::internal,
            formatted("the composed key {} does not open again: nothing was written", fekek.signature)};
    }
    return composed;
}

} // namespace

KeyTexts key_texts_for(const Store& store, const Manifest& manifest, const KeyTexts& waiting,
                       const Volume& volume, const EnrolledMaster& master, const std::vector<Fekek>& keys) {
    const std::string description = formatted("trusted:{}", volume.master);
    KeyTexts texts;
    for (const Fekek& fekek : keys) {
        check_master_of_others(store, manifest, volume, fekek.signature);
        texts[fekek.signature] = text_for(store, waiting, description, master, fekek);
    }
    return texts;
}

} // namespace sealmount
