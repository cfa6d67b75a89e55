// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/tpm/esys_context.hpp"

#include "base/error.hpp"
#include "base/format.hpp"

#include <tss2/tss2_rc.h>

namespace sealmount {

namespace {

constexpr TSS2_RC format_one = TPM2_RC_FMT1;
constexpr TSS2_RC parameter_bit = TPM2_RC_P;
constexpr TSS2_RC format_one_code = 0x0bf; // bit 7 and the error number of bits 0 to 5

/// The response code as the TPM sent it, or nothing when another layer made it.
std::optional<TPM2_RC> raw_code(const TSS2_RC rc) {
    const auto layer = rc & TSS2_RC_LAYER_MASK;
    if (layer != TSS2_TPM_RC_LAYER && layer != TSS2_RESMGR_RC_LAYER && layer != TSS2_RESMGR_TPM_RC_LAYER) {
        return std::nullopt;
    }
    return rc & ~TSS2_RC_LAYER_MASK;
}

} // namespace

TPM2_RC tpm_code(const TSS2_RC rc) noexcept {
    const auto code = raw_code(rc).value_or(0);
    return (code & format_one) != 0 ? code & format_one_code : code;
}

bool blames_parameter(const TSS2_RC rc) noexcept {
    const auto code = raw_code(rc).value_or(0);
    return (code & format_one) != 0 && (code & parameter_bit) != 0;
}

std::string text_of(const TSS2_RC rc) {
    return formatted("{} (0x{:x})", ::Tss2_RC_Decode(rc), rc);
}

std::optional<Refusal> refusal_of(const TSS2_RC rc) {
    switch (tpm_code(rc)) {
    case TPM2_RC_POLICY_FAIL:
        return Refusal{RefusalKind::policy_mismatch, text_of(rc)};
    case TPM2_RC_PCR_CHANGED:
        return Refusal{RefusalKind::pcr_changed, text_of(rc)};
    case TPM2_RC_LOCKOUT:
        return Refusal{RefusalKind::tpm_lockout, text_of(rc)};
    case TPM2_RC_OBJECT_MEMORY:
    case TPM2_RC_OBJECT_HANDLES:
    case TPM2_RC_SESSION_MEMORY:
    case TPM2_RC_SESSION_HANDLES:
    case TPM2_RC_MEMORY:
        return Refusal{RefusalKind::tpm_full, text_of(rc)};
    default:
        return std::nullopt;
    }
}

void check_tpm(const TSS2_RC rc, const std::string_view what) {
    if (rc != TSS2_RC_SUCCESS) {
        throw Error{Reason::unavailable, formatted("{}: {}", what, text_of(rc))};
    }
}

EsysContext::EsysContext(TctiPtr tcti) : tcti_(std::move(tcti)) {
    check_tpm(::Esys_Initialize(&context_, tcti_.get(), nullptr), "cannot talk to the TPM");
}

EsysContext::~EsysContext() {
    ::Esys_Finalize(&context_);
}

EsysHandle::~EsysHandle() {
    if (handle_ == ESYS_TR_NONE) {
        return;
    }
    // Flushing fails with TPM_RC_HANDLE when the TPM has flushed a session itself, as after the unseal of
    // kernels from 6.10 on; what ESYS knows of it goes all the same.
    if (end_ == End::forget || ::Esys_FlushContext(context_->get(), handle_) != TSS2_RC_SUCCESS) {
        ::Esys_TR_Close(context_->get(), &handle_);
    }
}

} // namespace sealmount
