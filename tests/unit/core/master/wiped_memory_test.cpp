// What is left in the heap of secrets that have been used and freed, by our own code or by a library: the
// whole of it is searched. With glibc's free(3) each of these fails.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "base/strict_json.hpp"
#include "core/master/recovery_key.hpp"
#include "sys/crypto/crypto.hpp"
#include "sys/crypto/qr_code.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <span>
#include <sstream>
#include <string>
#include <string_view>

namespace sealmount {

namespace {

constexpr std::size_t piece = 12;
constexpr unsigned char mask = 0x5a;

/// What is looked for, masked, so that it is not found in here.
class Needle {
  public:
    explicit Needle(const std::span<const std::byte> secret) {
        for (std::size_t i = 0; i < masked_.size(); ++i) {
            masked_[i] = static_cast<unsigned char>(static_cast<unsigned char>(secret[i]) ^ mask);
        }
    }

    /// How often a piece of it is in the heap; of the whole program, whoever allocated there.
    [[nodiscard]] std::size_t copies_in_heap() const {
        std::size_t copies = 0;
        std::ifstream maps{"/proc/self/maps"};
        for (std::string line; std::getline(maps, line);) {
            if (line.find("[heap]") == std::string::npos) {
                continue;
            }
            std::uintptr_t begin = 0;
            std::uintptr_t end = 0;
            char dash = 0;
            std::istringstream{line} >> std::hex >> begin >> dash >> end;
            copies += copies_between(reinterpret_cast<const unsigned char*>(begin),
                                     reinterpret_cast<const unsigned char*>(end));
        }
        return copies;
    }

  private:
    [[nodiscard]] std::size_t copies_between(const unsigned char* at, const unsigned char* const end) const {
        std::size_t copies = 0;
        for (; at + piece <= end; ++at) {
            std::size_t same = 0;
            while (same < piece && (at[same] ^ mask) == masked_[same]) {
                ++same;
            }
            copies += same == piece ? 1 : 0;
        }
        return copies;
    }

    std::array<unsigned char, piece> masked_{};
};

/// Letters, as a recovery key has them, of which nothing was freed unwiped: they come from locked memory.
SecretBytes some_text() {
    return recovery_key_text(random_secret(recovery_key_size));
}

std::string_view as_view(const SecretBytes& secret) {
    return {reinterpret_cast<const char*>(secret.bytes().data()), secret.size()};
}

/// The compiler must not leave out what it sees nobody read.
void is_read(const void* const memory) {
    asm volatile("" : : "r"(memory) : "memory");
}

class WipedMemoryTest : public testing::Test {
  protected:
    void SetUp() override {
#if defined(__SANITIZE_ADDRESS__)
        GTEST_SKIP() << "the sanitizer has a free(3) of its own";
#endif
    }

    SecretBytes text = some_text();
    Needle needle{text.bytes()};
};

} // namespace

TEST_F(WipedMemoryTest, TheSearchFindsWhatIsThere) {
    const auto copy = std::make_unique<std::string>(as_view(text));
    is_read(copy->data());
    EXPECT_EQ(needle.copies_in_heap(), 1U);
}

TEST_F(WipedMemoryTest, NothingIsLeftOfStrings) {
    for (const std::size_t size : {40U, 71U}) {
        const std::string first{as_view(text).substr(0, size)};
        std::string second = first;
        second += first; // moves to a larger block
        is_read(first.data());
        is_read(second.data());
    }
    EXPECT_EQ(needle.copies_in_heap(), 0U);
}

TEST_F(WipedMemoryTest, NothingIsLeftOfJson) {
    {
        Json json;
        json["passphrase"] = std::string{as_view(text)};
        const std::string dumped = json.dump();
        static_cast<void>(parse_json(dumped));
    }
    EXPECT_EQ(needle.copies_in_heap(), 0U);
}

TEST_F(WipedMemoryTest, NothingIsLeftOfAQrCode) {
    static_cast<void>(qr_code_for_terminal(text));
    EXPECT_EQ(needle.copies_in_heap(), 0U);
}

TEST_F(WipedMemoryTest, NothingIsLeftOfARecoveryKey) {
    const SecretBytes key = random_secret(recovery_key_size);
    const Needle of_key{key.bytes()};
    const SecretBytes master = random_secret(32);
    const Needle of_master{master.bytes()};
    {
        MasterFile file;
        file.recovery.push_back(make_recovery_slot("default", 1, master, key, "test"));
        EXPECT_TRUE(open_with_recovery_key("default", file, key));
    }
    EXPECT_EQ(of_key.copies_in_heap(), 0U);
    EXPECT_EQ(of_master.copies_in_heap(), 0U);
}

TEST_F(WipedMemoryTest, NothingIsLeftOfWhatALibraryReallocates) {
    char* block = static_cast<char*>(std::malloc(80));
    ASSERT_NE(block, nullptr);
    std::memcpy(block, text.bytes().data(), text.size());
    is_read(block);
    block = static_cast<char*>(std::realloc(block, 4000));
    ASSERT_NE(block, nullptr);
    is_read(block);
    EXPECT_EQ(needle.copies_in_heap(), 1U) << "where it is now";
    std::free(block);
    EXPECT_EQ(needle.copies_in_heap(), 0U);
}

} // namespace sealmount
