// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/tpm/esys_policy.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "sys/crypto/crypto.hpp"
#include "sys/tpm/esys_session.hpp"
#include "sys/tpm/public_area.hpp"

#include <algorithm>

namespace sealmount {

namespace {

using Answer = std::expected<void, Refusal>;

Answer mismatch(const std::string& detail) {
    return std::unexpected{Refusal{RefusalKind::policy_mismatch, detail}};
}

/// `unsatisfied` is the TPM's code for a state that does not satisfy the step, `detail` the sentence for it.
Answer answer_of(const TSS2_RC rc, const TPM2_RC unsatisfied, const std::string_view detail,
                 const std::string_view what) {
    if (tpm_code(rc) == unsatisfied) {
        return mismatch(formatted("{} ({})", detail, text_of(rc)));
    }
    if (auto refusal = refusal_of(rc)) {
        return std::unexpected{std::move(*refusal)};
    }
    check_tpm(rc, what);
    return {};
}

TPM2B_DIGEST digest_for_tpm(const PolicyDigest& digest) noexcept {
    TPM2B_DIGEST result = {};
    result.size = static_cast<UINT16>(digest.size());
    std::ranges::copy(digest, std::as_writable_bytes(std::span{result.buffer}).begin());
    return result;
}

std::string name_of_index(const std::uint32_t index) {
    return formatted("the NV index 0x{:x}", index);
}

std::expected<EsysHandle, Refusal> find_index(EsysContext& context, const std::uint32_t index) {
    ESYS_TR handle = ESYS_TR_NONE;
    const auto rc =
        ::Esys_TR_FromTPMPublic(context.get(), index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &handle);
    // A number that cannot be that of an NV index is not found either (TPM_RC_VALUE).
    if (tpm_code(rc) == TPM2_RC_HANDLE || tpm_code(rc) == TPM2_RC_VALUE) {
        return std::unexpected{
            Refusal{RefusalKind::policy_mismatch, name_of_index(index) + " does not exist in this TPM"}};
    }
    if (auto refusal = refusal_of(rc)) {
        return std::unexpected{std::move(*refusal)};
    }
    check_tpm(rc, "cannot look at " + name_of_index(index));
    return EsysHandle{context, handle, EsysHandle::End::forget};
}

/// What it means that a counter or clock has moved on.
std::string_view lapsed(const CounterStep& step) {
    switch (step.offset) {
    case time_offset:
        return "the machine has been on for longer than the policy allows";
    case reset_count_offset:
        return "the machine was restarted more often than the policy allows";
    case restart_count_offset:
        return "the machine was resumed more often than the policy allows";
    default:
        return "the TPM's clock or counters are not what the policy requires";
    }
}

/// Takes one step; one call operator for each kind.
class Walker {
  public:
    Walker(EsysContext& context, const EsysHandle& session) noexcept : context_(context), session_(session) {}

    Answer operator()(const PcrStep& step) const {
        const TPM2B_DIGEST present = {}; // empty: whatever the PCRs hold now
        const auto pcrs = to_tpm(step.selection);
        const auto rc = ::Esys_PolicyPCR(context_.get(), session_.get(), ESYS_TR_NONE, ESYS_TR_NONE,
                                         ESYS_TR_NONE, &present, &pcrs);
        return answer_of(rc, TPM2_RC_VALUE, "the PCRs do not satisfy the policy",
                         "cannot bind a session to the PCRs");
    }

    Answer operator()(const OrStep& step) const {
        TPML_DIGEST branches = {};
        if (step.branches.size() > std::size(branches.digests)) {
            throw Error{Reason::unavailable,
                        formatted("a policy with a choice of {} branches, more than a TPM takes",
                                  step.branches.size())};
        }
        for (const PolicyDigest& branch : step.branches) {
            branches.digests[branches.count++] = digest_for_tpm(branch);
        }
        const auto rc = ::Esys_PolicyOR(context_.get(), session_.get(), ESYS_TR_NONE, ESYS_TR_NONE,
                                        ESYS_TR_NONE, &branches);
        return answer_of(
            rc, TPM2_RC_VALUE,
            formatted("the present state is none of the {} that the policy allows", step.branches.size()),
            "cannot give a session a choice of policies");
    }

    Answer operator()(const AuthorizeStep& step) const;
    Answer operator()(const AuthorizeNvStep& step) const;

    Answer operator()(const CounterStep& step) const {
        TPM2B_OPERAND operand = {};
        if (step.operand.size() > sizeof operand.buffer) {
            throw Error{Reason::unavailable, "a policy with an operand that is too long for a TPM"};
        }
        operand.size = static_cast<UINT16>(step.operand.size());
        std::ranges::copy(step.operand, std::as_writable_bytes(std::span{operand.buffer}).begin());
        const auto rc = ::Esys_PolicyCounterTimer(context_.get(), session_.get(), ESYS_TR_NONE, ESYS_TR_NONE,
                                                  ESYS_TR_NONE, &operand, step.offset,
                                                  static_cast<TPM2_EO>(step.comparison));
        return answer_of(rc, TPM2_RC_POLICY, lapsed(step), "cannot bind a session to the TPM's counters");
    }

    Answer operator()(const PasswordStep& /*step*/) const {
        const auto rc =
            ::Esys_PolicyPassword(context_.get(), session_.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE);
        check_tpm(rc, "cannot make a session take a password");
        return {};
    }

  private:
    EsysContext& context_;
    const EsysHandle& session_;
};

Answer Walker::operator()(const AuthorizeStep& step) const {
    const auto area = public_area_of(step.public_key);
    const auto signature = signature_by(area.publicArea, step.signature);
    if (!signature) {
        return mismatch(
            "the signature of the policy does not verify: a key of this kind cannot have made it");
    }
    ESYS_TR loaded = ESYS_TR_NONE;
    // Not the null hierarchy: its tickets are empty, and PolicyAuthorize does not take those.
    auto rc = ::Esys_LoadExternal(context_.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, nullptr, &area,
                                  ESYS_TR_RH_OWNER, &loaded);
    if (auto refusal = refusal_of(rc)) {
        return std::unexpected{std::move(*refusal)};
    }
    check_tpm(rc, "cannot load the public key of a signed policy");
    const EsysHandle key{context_, loaded, EsysHandle::End::flush};
    const auto digest = digest_for_tpm(sha256({step.approved})); // and of the policyRef, which is empty
    EsysResult<TPMT_TK_VERIFIED> ticket;
    rc = ::Esys_VerifySignature(context_.get(), key.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &digest,
                                &*signature, ticket.out());
    if (auto answer = answer_of(rc, TPM2_RC_SIGNATURE, "the signature of the policy does not verify",
                                "cannot verify the signature of a policy");
        !answer) {
        return answer;
    }
    EsysResult<TPM2B_NAME> name;
    check_tpm(::Esys_TR_GetName(context_.get(), key.get(), name.out()), "cannot read the name of a key");
    const auto approved = digest_for_tpm(step.approved);
    const TPM2B_NONCE no_reference = {};
    rc = ::Esys_PolicyAuthorize(context_.get(), session_.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                &approved, &no_reference, name.get(), ticket.get());
    return answer_of(rc, TPM2_RC_VALUE, "the signed policy is not that of the present state",
                     "cannot authorize a session");
}

Answer Walker::operator()(const AuthorizeNvStep& step) const {
    const auto index = find_index(context_, step.nv_index);
    if (!index) {
        return std::unexpected{index.error()};
    }
    const std::string index_name = name_of_index(step.nv_index);
    const auto rc = ::Esys_PolicyAuthorizeNV(context_.get(), ESYS_TR_RH_OWNER, index->get(), session_.get(),
                                             ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE);
    switch (tpm_code(rc)) {
    case TPM2_RC_NV_UNINITIALIZED:
        return mismatch(index_name + " was never written");
    case TPM2_RC_BAD_AUTH:
    case TPM2_RC_AUTH_FAIL:
        return mismatch(index_name + " cannot be read: the TPM's owner hierarchy has a password");
    case TPM2_RC_HASH:
    case TPM2_RC_NV_RANGE:
    case TPM2_RC_NV_AUTHORIZATION:
    case TPM2_RC_INSUFFICIENT:
    case TPM2_RC_SIZE:
        return mismatch(formatted("{} does not hold a policy ({})", index_name, text_of(rc)));
    default:
        return answer_of(rc, TPM2_RC_VALUE,
                         index_name + " holds another policy than that of the present state",
                         "cannot authorize a session from NV");
    }
}

} // namespace

std::expected<void, Refusal> follow(EsysContext& context, const EsysHandle& session,
                                    const PolicySteps& steps) {
    const Walker walker{context, session};
    for (const PolicyStep& step : steps) {
        if (auto answer = std::visit(walker, step); !answer) {
            return answer;
        }
    }
    return {};
}

std::expected<TpmName, Refusal> nv_name(EsysContext& context, const std::uint32_t index) {
    const auto found = find_index(context, index);
    if (!found) {
        return std::unexpected{found.error()};
    }
    EsysResult<TPM2B_NAME> name;
    check_tpm(::Esys_TR_GetName(context.get(), found->get(), name.out()),
              "cannot read the name of an NV index");
    const auto bytes = std::as_bytes(std::span{name->name, name->size});
    return TpmName{bytes.begin(), bytes.end()};
}

} // namespace sealmount
