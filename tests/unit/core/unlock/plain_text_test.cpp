// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/unlock/plain_user_kernel.hpp"

#include "core/ecryptfs/encrypted_key.hpp"
#include "core/ecryptfs/passphrase.hpp"
#include "sys/crypto/crypto.hpp"
#include "sys/raw/raw_crypto.hpp"
#include "sys/raw/raw_digest.hpp"
#include "unit/vectors.hpp"

#include <gtest/gtest.h>

namespace sealmount {

TEST(PlainTextTest, ATextUnderAnotherNameIsThatOfTheStore) {
    for (const std::size_t size : {32U, 64U, 128U}) {
        const SecretBytes master = random_secret(size);
        const SecretBytes fekek = random_secret(fekek_size);
        const std::string name = signature_of(fekek);
        const std::string text = compose_encrypted_key("trusted:default", master, fekek, random_bytes(16));
        EXPECT_EQ(plain_text_under(text, master.bytes(), "user:sealmount-00", name),
                  with_master_description(text, master, "user:sealmount-00"));
        EXPECT_FALSE(plain_text_under(text, random_secret(size).bytes(), "user:sealmount-00", name));
        EXPECT_FALSE(plain_text_under(text, master.bytes(), "user:sealmount-00", "0000000000000000"));
        EXPECT_TRUE(plain_text_under(text, master.bytes(), "user:sealmount-00", dracut_signature));
        for (std::size_t at = 0; at < text.size(); at += 5) {
            std::string changed = text;
            changed[at] = changed[at] == '0' ? '1' : '0';
            if (plain_text_under(changed, master.bytes(), "user:x", name)) {
                EXPECT_EQ(plain_text_under(changed, master.bytes(), "user:x", name),
                          with_master_description(changed, master, "user:x"))
                    << "only the byte between IV and contents means nothing";
            }
        }
    }
}

TEST(PlainTextTest, AProofIsThatOfTheStore) {
    const SecretBytes master = random_secret(32);
    const std::string proof = compose_proof("trusted:default", master, sha256({Bytes(3)}));
    EXPECT_TRUE(is_plain_proof_under(proof, master.bytes()));
    EXPECT_FALSE(is_plain_proof_under(proof, random_secret(32).bytes()));
    std::string changed = proof;
    changed.back() = changed.back() == '0' ? '1' : '0';
    EXPECT_FALSE(is_plain_proof_under(changed, master.bytes()));
    EXPECT_FALSE(is_plain_proof_under("default", master.bytes()));
}

TEST(PlainTextTest, DigestsOfTextsAreThoseOfEvp) {
    for (std::size_t size = 0; size < 200; ++size) {
        const std::string text(size, 'x');
        EXPECT_EQ(digest_of_texts({text, "y"}), sha256({as_bytes(text), as_bytes("y")})) << size;
    }
}

TEST(PlainTextTest, HashesAreThoseOfEvp) {
    const Bytes data = random_bytes(100);
    EXPECT_EQ(raw_sha256({data, data}), sha256({data, data}));
    for (const std::size_t size : {1U, 32U, 64U}) {
        const SecretBytes key = random_secret(size);
        EXPECT_EQ(raw_hmac(key.bytes(), {data}), hmac_sha256(key, {data})) << size;
    }
}

} // namespace sealmount
