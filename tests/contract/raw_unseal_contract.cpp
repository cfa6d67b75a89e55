// The unseal in one session, by bytes of our own, on swtpm: what ESYS has sealed comes back, encrypted on the
// wire, and nothing else does.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "base/hex.hpp"
#include "contract/swtpm.hpp"
#include "contract/wire.hpp"
#include "core/policy/policy.hpp"
#include "sys/crypto/crypto.hpp"
#include "sys/raw/raw_tpm.hpp"
#include "sys/raw/user_unseal.hpp"
#include "sys/tpm/esys_connection.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <thread>

namespace sealmount::testing {

namespace {

/// A whole message of the TPM's, in either direction.
Wire receive_message(const int fd) {
    Wire message(10);
    if (::recv(fd, message.data(), message.size(), MSG_WAITALL) != 10) {
        return {};
    }
    message.resize(std::max<std::size_t>(read_u32(message, 2), 10));
    const std::size_t rest = message.size() - 10;
    if (rest > 0 && ::recv(fd, message.data() + 10, rest, MSG_WAITALL) != static_cast<ssize_t>(rest)) {
        return {};
    }
    return message;
}

/// Passes everything on between a client and the TPM, but changes one byte of the answer to a command.
class Interposer {
  public:
    Interposer(UniqueFd tpm, const std::uint32_t command, const std::size_t place) {
        int ends[2] = {-1, -1};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        client_ = UniqueFd{ends[0]};
        thread_ = std::thread{[this, tpm = std::move(tpm), server = UniqueFd{ends[1]}, command, place] {
            for (;;) {
                const Wire asked = receive_message(server.get());
                if (asked.empty()) {
                    return;
                }
                ::send(tpm.get(), asked.data(), asked.size(), MSG_NOSIGNAL);
                Wire answer = receive_message(tpm.get());
                if (read_u32(asked, 6) == command && place < answer.size()) {
                    answer[place] ^= std::byte{1};
                    changed_ = true;
                }
                ::send(server.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
            }
        }};
    }
    Interposer(const Interposer&) = delete;
    Interposer& operator=(const Interposer&) = delete;
    ~Interposer() { end(); }

    [[nodiscard]] UniqueFd take() { return std::move(client_); }
    /// After the client has closed its end.
    bool end() {
        client_.reset();
        if (thread_.joinable()) {
            thread_.join();
        }
        return changed_;
    }

  private:
    UniqueFd client_;
    bool changed_ = false;
    std::thread thread_;
};

class RawUnsealTest : public ::testing::Test {
  protected:
    void SetUp() override {
        tpm_ = *opener_->open(TpmAccess::managed);
        const TpmName srk = tpm_->make_srk();
        srk_name_ = to_hex(srk);
        Policy policy;
        policy.pcrs = {{.bank = PcrBank::sha256, .values = tpm_->read_pcrs(selection_).values}};
        object_ = *tpm_->seal(srk, secret_, policy_digest(policy));
    }

    [[nodiscard]] std::optional<SecretBytes> unseal(UniqueFd device) {
        RawTpm raw{std::move(device)};
        auto secret = unseal_in_one_session(raw, {.srk_name = srk_name_,
                                                  .public_area = object_.public_area,
                                                  .private_area = object_.private_area,
                                                  .selection = selection_});
        tpm_->drop_leftovers(); // as closing /dev/tpmrm0 does
        return secret;
    }

    Swtpm chip_;
    std::unique_ptr<TpmOpener> opener_ = tpm_at(chip_.tcti());
    std::unique_ptr<Tpm> tpm_;
    const PcrSelection selection_{.bank = PcrBank::sha256, .mask = 1U << 7U | 1U << 11U};
    const SecretBytes secret_ = random_secret(32);
    std::string srk_name_;
    SealedObject object_;
};

TEST_F(RawUnsealTest, GivesWhatWasSealedAndNotInTheClear) {
    const auto before = chip_.commands_seen().size();
    RawTpm raw{chip_.connect()};
    const auto secret = unseal_in_one_session(raw, {.srk_name = srk_name_,
                                                    .public_area = object_.public_area,
                                                    .private_area = object_.private_area,
                                                    .selection = selection_});
    ASSERT_TRUE(secret);
    EXPECT_TRUE(secret->equals(secret_.bytes()));
    EXPECT_FALSE(chip_.crossed(secret_.bytes()));
    EXPECT_EQ(chip_.commands_seen().size() - before, 5U);
    EXPECT_EQ(chip_.handles(0x02000000), 0U) << "the session has ended by itself";
    tpm_->drop_leftovers();
}

TEST_F(RawUnsealTest, OftenEnoughForEveryLeadingZero) {
    for (unsigned n = 0; n < 40; ++n) {
        const auto secret = unseal(chip_.connect());
        ASSERT_TRUE(secret) << n;
        EXPECT_TRUE(secret->equals(secret_.bytes()));
    }
}

TEST_F(RawUnsealTest, AnotherStateGivesNothing) {
    chip_.extend(11, "x");
    EXPECT_FALSE(unseal(chip_.connect()));
}

TEST_F(RawUnsealTest, AnotherKeyIsNotTrustedWithASession) {
    const auto sessions = [&] {
        return std::ranges::count(chip_.commands_seen(),
                                  static_cast<std::uint32_t>(Command::start_auth_session));
    };
    const auto before = sessions();
    ASSERT_TRUE(unseal(chip_.connect()));
    EXPECT_EQ(sessions(), before + 1);
    srk_name_.back() = srk_name_.back() == '0' ? '1' : '0';
    EXPECT_FALSE(unseal(chip_.connect()));
    EXPECT_EQ(sessions(), before + 1) << "nothing is salted with it";
}

TEST_F(RawUnsealTest, AKeyThatWasExchangedOnTheWireIsNotTrusted) {
    constexpr std::uint32_t read_public = 0x173;
    // The size of the public area and its 90 bytes. The names behind it are not looked at: they are reckoned.
    for (std::size_t place = 10; place < 102; ++place) {
        Interposer between{chip_.connect(), read_public, place};
        EXPECT_FALSE(unseal(between.take())) << place;
        EXPECT_TRUE(between.end()) << place;
    }
}

TEST_F(RawUnsealTest, AnAnswerThatWasChangedIsNone) {
    bool whole = false;
    unsigned changed = 0;
    for (std::size_t place = 0; !whole; ++place) {
        if (place >= 2 && place < 6) { // the size: the rest of the answer would be waited for
            continue;
        }
        Interposer between{chip_.connect(), static_cast<std::uint32_t>(Command::unseal), place};
        const auto secret = unseal(between.take());
        whole = !between.end();
        EXPECT_EQ(secret.has_value(), whole) << place;
        changed += whole ? 0 : 1;
    }
    EXPECT_EQ(changed, 113U) << "header 6, sizes 4 + 2, data 32, nonce 2 + 32, attributes 1, HMAC 2 + 32";
}

} // namespace

} // namespace sealmount::testing
