// Our bytes are those that tss2-mu marshals, and answers are read with suspicion.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/raw/raw_tpm.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <tss2/tss2_mu.h>

#include <algorithm>
#include <thread>
#include <vector>

namespace sealmount {

namespace {

using RawBytes = std::vector<std::byte>;

/// A command as tss2-mu builds it.
class MuCommand {
  public:
    explicit MuCommand(const TPM2_CC code) {
        add(&::Tss2_MU_TPM2_ST_Marshal, TPM2_ST_NO_SESSIONS);
        add(&::Tss2_MU_UINT32_Marshal, 0U);
        add(&::Tss2_MU_TPM2_CC_Marshal, code);
    }

    template<typename Marshal, typename Value>
    void add(const Marshal marshal, const Value& value) {
        EXPECT_EQ(marshal(value, buffer_.data(), buffer_.size(), &size_), TSS2_RC_SUCCESS);
    }

    [[nodiscard]] RawBytes bytes() {
        std::size_t at = 2;
        EXPECT_EQ(::Tss2_MU_UINT32_Marshal(static_cast<UINT32>(size_), buffer_.data(), buffer_.size(), &at),
                  TSS2_RC_SUCCESS);
        const auto whole = std::as_bytes(std::span{buffer_}.first(size_));
        return {whole.begin(), whole.end()};
    }

  private:
    std::vector<std::uint8_t> buffer_ = std::vector<std::uint8_t>(4096);
    std::size_t size_ = 0;
};

TPML_PCR_SELECTION mu_selection(const PcrSelection selection) {
    TPML_PCR_SELECTION list = {};
    list.count = 1;
    list.pcrSelections[0].hash = static_cast<TPMI_ALG_HASH>(selection.bank);
    list.pcrSelections[0].sizeofSelect = 3;
    for (unsigned octet = 0; octet < 3; ++octet) {
        list.pcrSelections[0].pcrSelect[octet] = static_cast<BYTE>(selection.mask >> (8 * octet) & 0xffU);
    }
    return list;
}

RawBytes bytes_of(RawCommand command) {
    const auto bytes = command.bytes();
    return {bytes.begin(), bytes.end()};
}

constexpr PcrSelection some_pcrs{.bank = PcrBank::sha384, .mask = 0x810095};

/// A TPM that gives the same answers to whoever asks, one after the other.
class AnsweringTpm {
  public:
    explicit AnsweringTpm(std::vector<RawBytes> answers) {
        int ends[2] = {-1, -1};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        client_ = UniqueFd{ends[0]};
        thread_ = std::thread{[server = UniqueFd{ends[1]}, given = std::move(answers)] {
            for (const RawBytes& answer : given) {
                RawBytes command(4096);
                if (::recv(server.get(), command.data(), command.size(), 0) <= 0) {
                    return;
                }
                // In two pieces, as a slow connection may.
                const std::size_t half = answer.size() / 2;
                ::send(server.get(), answer.data(), half, MSG_NOSIGNAL);
                ::send(server.get(), answer.data() + half, answer.size() - half, MSG_NOSIGNAL);
            }
        }};
    }
    ~AnsweringTpm() { thread_.join(); }
    AnsweringTpm(const AnsweringTpm&) = delete;
    AnsweringTpm& operator=(const AnsweringTpm&) = delete;

    [[nodiscard]] UniqueFd take() { return std::move(client_); }

  private:
    UniqueFd client_;
    std::thread thread_;
};

RawBytes answer(const std::uint32_t code, const RawBytes& body = {}) {
    RawCommand header{code};
    RawBytes whole = bytes_of(header);
    whole.insert(whole.end(), body.begin(), body.end());
    whole[5] = static_cast<std::byte>(whole.size() & 0xffU);
    whole[4] = static_cast<std::byte>(whole.size() >> 8U);
    return whole;
}

/// PCR 7 of SHA-256 with one value, as TPM2_PCR_Read gives it.
RawBytes pcr_answer(const std::size_t digest_size) {
    RawBytes body(4); // the update counter
    for (const unsigned byte : {0U, 0U, 0U, 1U, 0U, 0x0bU, 3U, 0x80U, 0U, 0U, 0U, 0U, 0U, 1U, 0U}) {
        body.push_back(static_cast<std::byte>(byte));
    }
    body.push_back(static_cast<std::byte>(digest_size));
    body.resize(body.size() + 32, std::byte{0x5a});
    return body;
}

constexpr PcrSelection pcr_seven{.bank = PcrBank::sha256, .mask = 0x80};

} // namespace

TEST(RawTpmTest, PcrReadIsThatOfTss2) {
    MuCommand expected{TPM2_CC_PCR_Read};
    const auto list = mu_selection(some_pcrs);
    expected.add(&::Tss2_MU_TPML_PCR_SELECTION_Marshal, &list);
    EXPECT_EQ(bytes_of(pcr_read_command(some_pcrs)), expected.bytes());
}

TEST(RawTpmTest, StartAuthSessionIsThatOfTss2) {
    std::array<std::byte, 16> nonce{};
    TPM2B_NONCE tss_nonce = {.size = 16, .buffer = {}};
    for (unsigned i = 0; i < nonce.size(); ++i) {
        nonce[i] = static_cast<std::byte>(0xf0U + i);
        tss_nonce.buffer[i] = static_cast<BYTE>(0xf0U + i);
    }
    const TPM2B_ENCRYPTED_SECRET no_salt = {};
    TPMT_SYM_DEF no_encryption = {};
    no_encryption.algorithm = TPM2_ALG_NULL;
    MuCommand expected{TPM2_CC_StartAuthSession};
    expected.add(&::Tss2_MU_UINT32_Marshal, static_cast<UINT32>(TPM2_RH_NULL));
    expected.add(&::Tss2_MU_UINT32_Marshal, static_cast<UINT32>(TPM2_RH_NULL));
    expected.add(&::Tss2_MU_TPM2B_NONCE_Marshal, &tss_nonce);
    expected.add(&::Tss2_MU_TPM2B_ENCRYPTED_SECRET_Marshal, &no_salt);
    expected.add(&::Tss2_MU_TPM2_SE_Marshal, static_cast<TPM2_SE>(TPM2_SE_POLICY));
    expected.add(&::Tss2_MU_TPMT_SYM_DEF_Marshal, &no_encryption);
    expected.add(&::Tss2_MU_UINT16_Marshal, static_cast<UINT16>(TPM2_ALG_SHA256));
    EXPECT_EQ(bytes_of(start_policy_session_command(nonce)), expected.bytes());
}

TEST(RawTpmTest, PolicyPcrIsThatOfTss2) {
    MuCommand expected{TPM2_CC_PolicyPCR};
    const TPM2B_DIGEST present_values = {};
    const auto list = mu_selection(some_pcrs);
    expected.add(&::Tss2_MU_UINT32_Marshal, 0x03000001U);
    expected.add(&::Tss2_MU_TPM2B_DIGEST_Marshal, &present_values);
    expected.add(&::Tss2_MU_TPML_PCR_SELECTION_Marshal, &list);
    EXPECT_EQ(bytes_of(policy_pcr_command(0x03000001, some_pcrs)), expected.bytes());
}

TEST(RawTpmTest, FlushContextIsThatOfTss2) {
    MuCommand expected{TPM2_CC_FlushContext};
    expected.add(&::Tss2_MU_UINT32_Marshal, 0x03000001U);
    EXPECT_EQ(bytes_of(flush_context_command(0x03000001)), expected.bytes());
}

TEST(RawTpmTest, GetCapabilityIsThatOfTss2) {
    MuCommand expected{TPM2_CC_GetCapability};
    expected.add(&::Tss2_MU_UINT32_Marshal, static_cast<UINT32>(TPM2_CAP_HANDLES));
    expected.add(&::Tss2_MU_UINT32_Marshal, static_cast<UINT32>(TPM2_TRANSIENT_FIRST));
    expected.add(&::Tss2_MU_UINT32_Marshal, 1U);
    EXPECT_EQ(bytes_of(get_handles_command(TPM2_TRANSIENT_FIRST)), expected.bytes());
}

TEST(RawTpmTest, ReadsValues) {
    AnsweringTpm chip{{answer(0, pcr_answer(32))}};
    RawTpm tpm{chip.take()};
    const auto pcrs = tpm.read_pcrs(pcr_seven);
    ASSERT_TRUE(pcrs);
    EXPECT_EQ(pcrs->value(7).size(), 32U);
    EXPECT_EQ(pcrs->value(7)[31], std::byte{0x5a});
    EXPECT_TRUE(pcrs->value(8).empty());
    EXPECT_TRUE(pcrs->value(100).empty());
}

TEST(RawTpmTest, AnAnswerThatIsCutOffIsNone) {
    const RawBytes good = pcr_answer(32);
    for (std::size_t size = 0; size < good.size(); ++size) {
        AnsweringTpm chip{{answer(0, {good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)})}};
        RawTpm tpm{chip.take()};
        EXPECT_FALSE(tpm.read_pcrs(pcr_seven)) << size;
    }
}

TEST(RawTpmTest, ADigestLongerThanTheAnswerIsNone) {
    AnsweringTpm chip{{answer(0, pcr_answer(33))}};
    RawTpm tpm{chip.take()};
    EXPECT_FALSE(tpm.read_pcrs(pcr_seven));
}

TEST(RawTpmTest, ABankThatIsNotKeptIsNone) {
    AnsweringTpm chip{{answer(0, RawBytes(12))}};
    RawTpm tpm{chip.take()};
    EXPECT_FALSE(tpm.read_pcrs(pcr_seven));
}

TEST(RawTpmTest, ASessionThatFailsItsPolicyIsFlushed) {
    RawBytes handle = {std::byte{3}, std::byte{0}, std::byte{0}, std::byte{2}};
    AnsweringTpm chip{{answer(0, handle), answer(0x1c4), answer(0)}};
    RawTpm tpm{chip.take()};
    EXPECT_FALSE(tpm.start_pcr_session(pcr_seven));
}

TEST(RawTpmTest, ASessionThatIsGoneAlreadyIsFlushed) {
    AnsweringTpm chip{{answer(0x1cb), answer(0x18b), answer(0x101)}};
    RawTpm tpm{chip.take()};
    EXPECT_TRUE(tpm.flush(0x03000000));
    EXPECT_TRUE(tpm.flush(0x03000000));
    EXPECT_FALSE(tpm.flush(0x03000000)) << "TPM_RC_FAILURE";
}

TEST(RawTpmTest, LeftoversAreSeen) {
    const auto handles = [](const RawBytes& list) {
        RawBytes body = {std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{1}};
        body.insert(body.end(), list.begin(), list.end());
        return answer(0, body);
    };
    const RawBytes none(4);
    RawBytes one = {std::byte{0}, std::byte{0}, std::byte{0}, std::byte{1},
                    std::byte{2}, std::byte{0}, std::byte{0}, std::byte{0}};
    {
        AnsweringTpm chip{{handles(none), handles(none)}};
        RawTpm tpm{chip.take()};
        EXPECT_FALSE(tpm.may_hold_leftovers());
    }
    {
        AnsweringTpm chip{{handles(none), handles(one)}};
        RawTpm tpm{chip.take()};
        EXPECT_TRUE(tpm.may_hold_leftovers());
    }
    AnsweringTpm chip{{answer(0x101)}};
    RawTpm tpm{chip.take()};
    EXPECT_TRUE(tpm.may_hold_leftovers()) << "a TPM that does not say";
}

} // namespace sealmount
