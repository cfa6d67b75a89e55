// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/master/store_proof.hpp"

#include "unit/vectors.hpp"

#include <gtest/gtest.h>

namespace sealmount {

namespace {

SecretBytes proof_master(const char letter = 'm') {
    return SecretBytes{as_bytes(std::string(master_key_size, letter))};
}

MasterFile proof_file() {
    MasterFile file;
    file.srk_name = test::unhex("000b" + std::string(64, 'c'));
    return file;
}

Fekek proof_fekek(const char letter = 'f') {
    SecretBytes key{as_bytes(std::string(fekek_size, letter))};
    std::string signature = signature_of(key);
    return {.key = std::move(key), .signature = std::move(signature)};
}

KeyTexts proof_texts(const Fekek& fekek) {
    return {{fekek.signature, compose_encrypted_key("trusted:default", proof_master(), fekek.key,
                                                    bound_vector(fekek.signature))}};
}

} // namespace

/// The form never changes: files that were written with it must be believed for ever. Computed by
/// tests/vectors/make_store_proof.py from its description in DESIGN.md.
TEST(StoreProofTest, TheFormIsThatOfTheDesign) {
    const Fekek fekek = proof_fekek();
    const std::string text = compose_encrypted_key("trusted:default", proof_master(), fekek.key,
                                                   bound_vector(fekek.signature, Bytes(8, std::byte{1})));
    const MasterFile file = proved("default", proof_file(), proof_master(), {{fekek.signature, text}});
    const Json vector = test::vectors("store-proof.json");
    EXPECT_EQ(text, test::text_of(vector, "key_text"));
    EXPECT_EQ(to_base64(file.key_proofs.at(fekek.signature)), test::text_of(vector, "key_proof"));
    EXPECT_EQ(sealed_form(file), test::text_of(vector, "sealed_form"));
    EXPECT_EQ(file.seal, test::text_of(vector, "seal"));
    const RecoverySlot slot{.id = 2,
                            .salt = std::vector(recovery_salt_size, std::byte{1}),
                            .nonce = std::vector(recovery_nonce_size, std::byte{2}),
                            .wrapped = std::vector(wrapped_master_size, std::byte{3}),
                            .created = "2026-11-25T09:00:00Z",
                            .note = ""};
    EXPECT_EQ(to_base64(recovery_proof("default", slot, proof_master())),
              test::text_of(vector, "recovery_proof"));
}

TEST(StoreProofTest, AnotherMasterKeyOrNameProvesNothing) {
    const Fekek fekek = proof_fekek();
    const KeyTexts texts = proof_texts(fekek);
    const MasterFile file = proved("default", proof_file(), proof_master(), texts);
    const auto problem = [&](const std::string_view name, const SecretBytes& master) {
        const auto found = problem_with_store({.name = name, .file = file, .texts = texts}, master);
        return found ? std::optional{found->kind} : std::nullopt;
    };
    EXPECT_EQ(problem("default", proof_master()), std::nullopt);
    EXPECT_EQ(problem("default", proof_master('o')), RefusalKind::store_changed);
    EXPECT_EQ(problem("other", proof_master()), RefusalKind::store_changed);
    EXPECT_EQ(is_proved_by("default", file, fekek), true);
    EXPECT_EQ(is_proved_by("other", file, fekek), false);
    MasterFile edited = file;
    edited.may_rebind = true;
    EXPECT_EQ(is_proved_by("default", edited, fekek), false);
    EXPECT_EQ(is_proved_by("default", proof_file(), fekek), std::nullopt);
}

TEST(StoreProofTest, KnownProofsStandAsLongAsTheSlotsDo) {
    const Fekek old = proof_fekek();
    const MasterFile before = proved("default", proof_file(), proof_master(), proof_texts(old));
    const Fekek added = proof_fekek('g');
    const MasterFile kept = proved("default", before, proof_master(), proof_texts(added), KnownProofs::kept);
    EXPECT_EQ(is_proved_by("default", kept, old), true) << "without its text";
    EXPECT_EQ(is_proved_by("default", kept, added), true);
    MasterFile edited = before;
    edited.may_rebind = true;
    const MasterFile dropped = proved("default", edited, proof_master(), proof_texts(added));
    EXPECT_EQ(is_proved_by("default", dropped, old), std::nullopt);
    EXPECT_EQ(is_proved_by("default", dropped, added), true);
}

TEST(StoreProofTest, AKeyWhoseNameSaysNothingIsProvedAgain) {
    Fekek key = proof_fekek();
    key.signature = dracut_signature;
    const MasterFile before = proved("default", proof_file(), proof_master(), proof_texts(key));
    Fekek other = proof_fekek('g');
    other.signature = dracut_signature;
    const MasterFile after = proved("default", before, proof_master(), proof_texts(other), KnownProofs::kept);
    EXPECT_EQ(is_proved_by("default", after, other), true);
    EXPECT_EQ(is_proved_by("default", after, key), false);
}

} // namespace sealmount
