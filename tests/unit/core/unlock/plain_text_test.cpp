// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/unlock/plain_user_kernel.hpp"

#include "core/ecryptfs/encrypted_key.hpp"
#include "sys/crypto/crypto.hpp"
#include "sys/raw/raw_crypto.hpp"
#include "unit/vectors.hpp"

#include <gtest/gtest.h>

namespace sealmount {

TEST(PlainTextTest, ATextUnderAnotherNameIsThatOfTheStore) {
    for (const std::size_t size : {32U, 64U, 128U}) {
        const SecretBytes master = random_secret(size);
        const SecretBytes fekek = random_secret(fekek_size);
        const std::string text = compose_encrypted_key("trusted:default", master, fekek, random_bytes(16));
        EXPECT_EQ(plain_text_under(text, master.bytes(), "user:sealmount-00"),
                  with_master_description(text, master, "user:sealmount-00"));
        EXPECT_FALSE(plain_text_under(text, random_secret(size).bytes(), "user:sealmount-00"));
        for (std::size_t at = 0; at < text.size(); at += 5) {
            std::string changed = text;
            changed[at] = changed[at] == '0' ? '1' : '0';
            if (plain_text_under(changed, master.bytes(), "user:x")) {
                EXPECT_EQ(plain_text_under(changed, master.bytes(), "user:x"),
                          with_master_description(changed, master, "user:x"))
                    << "only the byte between IV and contents means nothing";
            }
        }
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
