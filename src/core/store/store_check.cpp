// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/store/store_check.hpp"

#include "base/format.hpp"

#include <utility>

namespace sealmount {

namespace {

bool is_under(const std::string& text, const std::string_view master) {
    return master_description_of(text) == formatted("trusted:{}", master);
}

} // namespace

KeyTexts texts_under(const Store& store, const std::string_view master) {
    KeyTexts texts;
    for (const std::string& signature : store.key_signatures()) {
        try {
            std::string text = store.key(signature);
            if (is_under(text, master)) {
                texts.emplace(signature, std::move(text));
            }
        } catch (
            const Error&) { // NOLINT(bugprone-empty-catch): whoever requires it says what is wrong with it
        }
    }
    return texts;
}

KeyTexts texts_of(const Store& store, const Volume& volume) {
    KeyTexts texts;
    for (const std::string& signature : volume.signatures()) {
        std::string text = store.key(signature);
        if (is_under(text, volume.master)) {
            texts.emplace(signature, std::move(text));
        }
    }
    return texts;
}

std::function<std::optional<Refusal>(const SecretBytes*)>
check_of_store(const Store& store, const std::string& name, const MasterFile& file) {
    return [name, &file, texts = texts_under(store, name)](const SecretBytes* const key) {
        return problem_with_store({.name = name, .file = file, .texts = texts}, *key);
    };
}

std::function<std::optional<Refusal>(const SecretBytes*)>
check_for_unlock(const Store& store, const Volume& volume, const MasterFile& file, Keyring& keyring) {
    return [name = volume.master, &file, &keyring, texts = texts_of(store, volume),
            others = file.is_sealed() ? KeyTexts{}
                                      : texts_under(store, volume.master)](const SecretBytes* const key) {
        const StoreEvidence evidence{.name = name, .file = file, .texts = texts, .others = &others};
        return key != nullptr ? problem_with_store(evidence, *key) : problem_with_store(evidence, keyring);
    };
}

void write_proved(const Store& store, const std::string& name, MasterFile& file, const SecretBytes& master) {
    file = proved(name, std::move(file), master, texts_under(store, name));
    store.write_master(name, file);
}

} // namespace sealmount
