// PolicyContract: swtpm, and everything that tests of policies do with it.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "contract/swtpm.hpp"
#include "core/policy/policy_digest.hpp"
#include "sys/crypto/crypto.hpp"
#include "sys/crypto/openssl.hpp"
#include "sys/tpm/esys_policy.hpp"
#include "sys/tpm/esys_session.hpp"
#include "sys/tpm/esys_tpm.hpp"
#include "sys/tpm/object_demands.hpp"
#include "sys/tpm/public_key.hpp"
#include "sys/tpm/sealed_object.hpp"

#include <gtest/gtest.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

namespace sealmount::testing {

inline constexpr PcrSelection pcr7 = {.bank = PcrBank::sha256, .mask = 1U << 7};
inline constexpr PcrSelection pcr11_sha384 = {.bank = PcrBank::sha384, .mask = 1U << 11};
inline constexpr std::uint32_t index_number = 0x01800042;
inline constexpr std::string_view secret = "0123456789abcdef0123456789abcdef";

inline Bytes bytes_of(const std::span<const std::uint8_t> data) {
    const auto bytes = std::as_bytes(data);
    return {bytes.begin(), bytes.end()};
}

/// A key of the test's own, with OpenSSL alone.
class Signer {
  public:
    explicit Signer(EVP_PKEY* const key) : key_(key) {
        unsigned char* made = nullptr;
        const int size = ::i2d_PUBKEY(key, &made);
        public_key = bytes_of({made, static_cast<std::size_t>(size)});
        ::OPENSSL_free(made);
    }

    [[nodiscard]] Bytes sign(const BytesView data) const {
        const OpensslPtr<EVP_MD_CTX> context{::EVP_MD_CTX_new()};
        std::array<std::uint8_t, 512> signature{};
        std::size_t size = signature.size();
        EXPECT_EQ(::EVP_DigestSignInit(context.get(), nullptr, ::EVP_sha256(), nullptr, key_.get()), 1);
        EXPECT_EQ(::EVP_DigestSign(context.get(), signature.data(), &size,
                                   reinterpret_cast<const unsigned char*>(data.data()), data.size()),
                  1);
        return bytes_of(std::span{signature}.first(size));
    }

    [[nodiscard]] AuthorizeStep step(const PolicyDigest& approved) const {
        return {.public_key = public_key, .approved = approved, .signature = sign(approved)};
    }

    Bytes public_key;

  private:
    OpensslPtr<EVP_PKEY> key_;
};

inline Signer rsa_signer(const unsigned bits = 2048) {
    return Signer{EVP_RSA_gen(bits)};
}

inline Signer ecc_signer() {
    return Signer{EVP_EC_gen("P-256")};
}

inline bool steps_have_password(const PolicySteps& steps) {
    return std::ranges::any_of(
        steps, [](const PolicyStep& step) { return std::holds_alternative<PasswordStep>(step); });
}

class PolicyContract : public ::testing::Test {
  protected:
    static void SetUpTestSuite() { ::setenv("TSS2_LOG", "all+NONE", 0); } // refusals are what is wanted here

    PolicyContract()
        : tpm_(esys_tpm(device_tcti(swtpm_.connect()))), context_(device_tcti(swtpm_.connect())) {
        srk_ = tpm_->make_srk();
        swtpm_.extend(7, "seven");
        swtpm_.extend(11, "eleven");
    }

    void TearDown() override {
        EXPECT_EQ(swtpm_.handles(0x02000000), 0U); // sessions loaded and saved, transient objects
        EXPECT_EQ(swtpm_.handles(0x03000000), 0U);
        EXPECT_EQ(swtpm_.handles(0x80000000), 0U);
        EXPECT_EQ(SecretBytes::alive(), 0U);
    }

    PolicyDigest present(const PcrSelection selection, const PolicyDigest& policy = {}) {
        return after_pcr(policy, selection, tpm_->read_pcrs(selection).values);
    }

    SealedObject sealed(const PolicyDigest& policy) {
        return tpm_->seal(srk_, SecretBytes{as_bytes(secret)}, policy).value();
    }

    /// What comes out, or the refusal of a step or of the unseal; `encrypted`: through a salted session.
    std::expected<Bytes, Refusal> unseal(const SealedObject& object, const PolicySteps& steps,
                                         const bool encrypted = false, const std::string_view password = "") {
        const auto srk = find_srk(context_);
        const bool has_password = steps_have_password(steps);
        const auto session = encrypted && !has_password
                                 ? start_salted_session(context_, TPM2_SE_POLICY, *srk, false)
                                 : start_plain_policy_session(context_);
        if (const auto led = follow(context_, session.value(), steps); !led) {
            return std::unexpected{led.error()};
        }
        std::optional<EsysHandle> second;
        if (encrypted && has_password) {
            second.emplace(start_salted_session(context_, TPM2_SE_HMAC, *srk, false).value());
        }
        const auto areas = from_object(object).value();
        ESYS_TR loaded = ESYS_TR_NONE;
        check_tpm(::Esys_Load(context_.get(), srk->get(), ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                              &areas.private_area, &areas.public_area, &loaded),
                  "load");
        const EsysHandle owner{context_, loaded, EsysHandle::End::flush};
        TPM2B_AUTH authorization = {};
        authorization.size = static_cast<UINT16>(
            password.copy(reinterpret_cast<char*>(authorization.buffer), sizeof authorization.buffer));
        check_tpm(::Esys_TR_SetAuth(context_.get(), loaded, &authorization), "password");
        EsysResult<TPM2B_SENSITIVE_DATA> data;
        const auto rc = ::Esys_Unseal(context_.get(), loaded, session->get(),
                                      second ? second->get() : ESYS_TR_NONE, ESYS_TR_NONE, data.out());
        if (rc != TSS2_RC_SUCCESS) {
            return std::unexpected{refusal_of(rc).value_or(Refusal{RefusalKind::tpm_failed, text_of(rc)})};
        }
        return bytes_of({data->buffer, data->size});
    }

    void expect_opens(const PolicyDigest& policy, const PolicySteps& steps) {
        const auto object = sealed(policy);
        for (const bool encrypted : {false, true}) {
            const auto opened = unseal(object, steps, encrypted);
            ASSERT_TRUE(opened) << opened.error().detail;
            EXPECT_TRUE(std::ranges::equal(*opened, as_bytes(secret)));
        }
    }

    /// An object as 0.1.0 sealed them: without adminWithPolicy.
    SealedObject sealed_by_old_release(const PolicyDigest& policy, const std::string_view pin) {
        TPM2B_SENSITIVE_CREATE sensitive = {};
        sensitive.sensitive.data.size = static_cast<UINT16>(
            secret.copy(reinterpret_cast<char*>(sensitive.sensitive.data.buffer), secret.size()));
        sensitive.sensitive.userAuth.size = static_cast<UINT16>(
            pin.copy(reinterpret_cast<char*>(sensitive.sensitive.userAuth.buffer), pin.size()));
        TPM2B_PUBLIC area = sealed_template(policy, true);
        area.publicArea.objectAttributes &= ~TPMA_OBJECT_ADMINWITHPOLICY;
        const TPM2B_DATA outside = {};
        const TPML_PCR_SELECTION creation_pcrs = {};
        const auto srk = find_srk(context_);
        EsysResult<TPM2B_PRIVATE> private_area;
        EsysResult<TPM2B_PUBLIC> public_area;
        check_tpm(::Esys_Create(context_.get(), srk->get(), ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                                &sensitive, &area, &outside, &creation_pcrs, private_area.out(),
                                public_area.out(), nullptr, nullptr, nullptr),
                  "create");
        return to_object(*public_area, *private_area);
    }

    /// TPM2_ObjectChangeAuth with this PIN, in whatever state the machine is: does the TPM say that the PIN
    /// is right? Nothing when it does not look at it.
    std::optional<bool> tries_pin(const SealedObject& object, const std::string_view pin) {
        const auto srk = find_srk(context_);
        const auto areas = from_object(object).value();
        ESYS_TR loaded = ESYS_TR_NONE;
        check_tpm(::Esys_Load(context_.get(), srk->get(), ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                              &areas.private_area, &areas.public_area, &loaded),
                  "load");
        const EsysHandle owner{context_, loaded, EsysHandle::End::flush};
        TPM2B_AUTH authorization = {};
        authorization.size = static_cast<UINT16>(
            pin.copy(reinterpret_cast<char*>(authorization.buffer), sizeof authorization.buffer));
        check_tpm(::Esys_TR_SetAuth(context_.get(), loaded, &authorization), "PIN");
        const TPM2B_AUTH another = {};
        EsysResult<TPM2B_PRIVATE> changed;
        const auto rc = ::Esys_ObjectChangeAuth(context_.get(), loaded, srk->get(), ESYS_TR_PASSWORD,
                                                ESYS_TR_NONE, ESYS_TR_NONE, &another, changed.out());
        if (rc == TSS2_RC_SUCCESS) {
            return true;
        }
        return tpm_code(rc) == TPM2_RC_AUTH_FAIL ? std::optional{false} : std::nullopt;
    }

    /// The refusal of the steps alone.
    Refusal refusal_of_steps(const PolicySteps& steps) {
        const auto session = start_plain_policy_session(context_);
        const auto led = follow(context_, session.value(), steps);
        EXPECT_FALSE(led);
        return led ? Refusal{RefusalKind::no_prompt, "none"} : led.error();
    }

    void expect_mismatch(const PolicySteps& steps, const std::string_view words) {
        const auto refusal = refusal_of_steps(steps);
        EXPECT_EQ(refusal.kind, RefusalKind::policy_mismatch);
        EXPECT_NE(refusal.detail.find(words), std::string::npos) << refusal.detail;
    }

    void define_index(const std::uint16_t size = 34) {
        TPM2B_NV_PUBLIC area = {};
        area.nvPublic = {.nvIndex = index_number,
                         .nameAlg = TPM2_ALG_SHA256,
                         .attributes = TPMA_NV_OWNERWRITE | TPMA_NV_OWNERREAD | TPMA_NV_NO_DA,
                         .authPolicy = {},
                         .dataSize = size};
        const TPM2B_AUTH no_password = {};
        ESYS_TR index = ESYS_TR_NONE;
        check_tpm(::Esys_NV_DefineSpace(context_.get(), ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                        ESYS_TR_NONE, &no_password, &area, &index),
                  "define");
        check_tpm(::Esys_TR_Close(context_.get(), &index), "close");
    }

    void write_index(const BytesView contents) {
        ESYS_TR index = ESYS_TR_NONE;
        check_tpm(::Esys_TR_FromTPMPublic(context_.get(), index_number, ESYS_TR_NONE, ESYS_TR_NONE,
                                          ESYS_TR_NONE, &index),
                  "find");
        TPM2B_MAX_NV_BUFFER data = {};
        data.size = static_cast<UINT16>(contents.size());
        std::ranges::copy(contents, std::as_writable_bytes(std::span{data.buffer}).begin());
        check_tpm(::Esys_NV_Write(context_.get(), ESYS_TR_RH_OWNER, index, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                  ESYS_TR_NONE, &data, 0),
                  "write");
        check_tpm(::Esys_TR_Close(context_.get(), &index), "close");
    }

    void write_index(const PolicyDigest& policy) {
        Bytes contents = {std::byte{0x00}, std::byte{0x0b}}; // TPMT_HA of SHA-256
        contents.insert(contents.end(), policy.begin(), policy.end());
        write_index(BytesView{contents});
    }

    Swtpm swtpm_;
    std::unique_ptr<Tpm> tpm_;
    EsysContext context_;
    TpmName srk_;
};

} // namespace sealmount::testing
