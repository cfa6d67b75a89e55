// Owners of what ESYS hands out, and what its response codes mean.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/refusal.hpp"
#include "base/secret_bytes.hpp"
#include "sys/tpm/device_tcti.hpp"

#include <tss2/tss2_esys.h>

#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace sealmount {

/// The TPM's own code in `rc`, with the layer and, for format-one codes, the number of the handle, session or
/// parameter taken out (TPM 2.0 Part 2, 6.6.2); 0 when the code is not the TPM's. The kernel's resource
/// manager passes the TPM's codes on under its own layer.
[[nodiscard]] TPM2_RC tpm_code(TSS2_RC rc) noexcept;

/// Does the TPM report a parameter (rather than a handle or a session) as wrong?
[[nodiscard]] bool blames_parameter(TSS2_RC rc) noexcept;

/// The text and the number of a code, e.g. "tpm:session(1):a policy check failed (0x99d)".
[[nodiscard]] std::string text_of(TSS2_RC rc);

/// tpm_lockout, tpm_full, policy_mismatch or pcr_changed when that is what the code says.
[[nodiscard]] std::optional<Refusal> refusal_of(TSS2_RC rc);

/// Throws Error{unavailable} "WHAT: text" unless `rc` is success.
void check_tpm(TSS2_RC rc, std::string_view what);

/// An ESYS context together with its TCTI.
class EsysContext {
  public:
    /// Sends no TPM command.
    explicit EsysContext(TctiPtr tcti);
    EsysContext(const EsysContext&) = delete;
    EsysContext& operator=(const EsysContext&) = delete;
    ~EsysContext();

    [[nodiscard]] ESYS_CONTEXT* get() const noexcept { return context_; }

  private:
    TctiPtr tcti_;
    ESYS_CONTEXT* context_ = nullptr;
};

/// Something in the TPM that this process refers to. Must not outlive its context.
class EsysHandle {
  public:
    /// On destruction, a transient object or session leaves the TPM; a persistent one is only forgotten here.
    enum class End { flush, forget };

    EsysHandle(EsysContext& context, ESYS_TR handle, End end) noexcept
        : context_(&context), handle_(handle), end_(end) {}
    EsysHandle(EsysHandle&& other) noexcept
        : context_(other.context_), handle_(std::exchange(other.handle_, ESYS_TR_NONE)), end_(other.end_) {}
    EsysHandle& operator=(EsysHandle&&) = delete;
    EsysHandle(const EsysHandle&) = delete;
    EsysHandle& operator=(const EsysHandle&) = delete;
    ~EsysHandle();

    [[nodiscard]] ESYS_TR get() const noexcept { return handle_; }

  private:
    EsysContext* context_;
    ESYS_TR handle_;
    End end_;
};

/// A structure that ESYS allocates as a result: wiped, because it may be a secret, and freed.
template<typename T>
class EsysResult {
  public:
    EsysResult() = default;
    EsysResult(const EsysResult&) = delete;
    EsysResult& operator=(const EsysResult&) = delete;
    ~EsysResult() {
        if (data_ != nullptr) {
            wipe(std::as_writable_bytes(std::span{data_, 1}));
            ::Esys_Free(data_);
        }
    }

    /// Where an ESYS function puts it.
    [[nodiscard]] T** out() noexcept { return &data_; }
    [[nodiscard]] const T* get() const noexcept { return data_; }
    [[nodiscard]] const T& operator*() const noexcept { return *data_; }
    [[nodiscard]] const T* operator->() const noexcept { return data_; }

  private:
    T* data_ = nullptr;
};

} // namespace sealmount
