// Policies from files on swtpm: signed ones, and systemd-pcrlock's.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "contract/policy_fixture.hpp"
#include "core/policy/pcr_signatures.hpp"
#include "core/policy/pcrlock_file.hpp"

#include <tss2/tss2_mu.h>

namespace sealmount::testing {

namespace {

class PolicyFilesContract : public PolicyContract {
  protected:
    /// What systemd-pcrlock would write for these values and the test's index.
    PcrlockFile pcrlock(const std::map<unsigned, std::vector<Bytes>>& allowed) {
        ESYS_TR index = ESYS_TR_NONE;
        check_tpm(::Esys_TR_FromTPMPublic(context_.get(), index_number, ESYS_TR_NONE, ESYS_TR_NONE,
                                          ESYS_TR_NONE, &index),
                  "find");
        const EsysHandle owner{context_, index, EsysHandle::End::forget};
        EsysResult<TPM2B_NV_PUBLIC> area;
        check_tpm(::Esys_NV_ReadPublic(context_.get(), index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                       area.out(), nullptr),
                  "public area");
        std::array<std::uint8_t, sizeof(TPM2B_NV_PUBLIC)> marshalled{};
        std::size_t size = 0;
        check_tpm(::Tss2_MU_TPM2B_NV_PUBLIC_Marshal(area.get(), marshalled.data(), marshalled.size(), &size),
                  "marshal");
        return {.bank = PcrBank::sha256,
                .allowed = allowed,
                .nv = nv_index_from(bytes_of(std::span{marshalled}.first(size))).value()};
    }

    Bytes pcr(const unsigned number) {
        return tpm_->read_pcrs({.bank = PcrBank::sha256, .mask = PcrMask{1} << number}).values.at(number);
    }
};

} // namespace

TEST_F(PolicyFilesContract, PcrlockOpensInEveryAllowedState) {
    define_index();
    const Bytes some(32, std::byte{1});
    const auto seven = pcr(7);
    swtpm_.extend(7, "update");
    const PcrlockFile file =
        pcrlock({{0, {pcr(0)}}, {4, {some, pcr(4)}}, {7, {seven, pcr(7)}}, {11, {pcr(11)}}});
    write_index(pcrlock_digest(file));
    EXPECT_EQ(file.nv.written_name, nv_name(context_, index_number).value());
    const auto present = tpm_->read_pcrs(file.selection()).values;
    expect_opens(after_authorize_nv(file.nv.written_name), pcrlock_steps(file, present).value());
    swtpm_.extend(7, "another");
    expect_mismatch(pcrlock_steps(file, present).value(), "none of the 2 that the policy allows");
}

TEST_F(PolicyFilesContract, NameOfAnUnwrittenIndexIsForetold) {
    define_index();
    const PcrlockFile file = pcrlock({{7, {pcr(7)}}});
    EXPECT_NE(file.nv.written_name, nv_name(context_, index_number).value());
    write_index(pcrlock_digest(file));
    EXPECT_EQ(file.nv.written_name, nv_name(context_, index_number).value());
}

TEST_F(PolicyFilesContract, OutdatedFileIsRefused) {
    define_index();
    write_index(pcrlock_digest(pcrlock({{7, {Bytes(32)}}})));
    const PcrlockFile newer = pcrlock({{7, {pcr(7)}}});
    expect_mismatch(pcrlock_steps(newer, {{7, pcr(7)}}).value(), "holds another policy");
}

TEST_F(PolicyFilesContract, SignedPolicyFromAFileOpens) {
    for (const Signer& signer : {rsa_signer(), ecc_signer()}) {
        PcrSignatures signatures;
        EXPECT_TRUE(signatures.add(pcr7, signer.step(PolicyDigest{}))); // another kernel's
        EXPECT_TRUE(signatures.add(pcr7, signer.step(present(pcr7))));
        const auto step = PcrSignatures{signatures.text()}.find(pcr7, signer.public_key, present(pcr7));
        ASSERT_TRUE(step) << step.error().problem.message;
        expect_opens(after_authorize(key_name(signer.public_key)), {PcrStep{pcr7}, *step});
    }
}

} // namespace sealmount::testing
