// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/tpm/esys_connection.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "sys/tpm/esys_context.hpp"
#include "sys/tpm/esys_tpm.hpp"
#include "sys/tpm/tpm_device.hpp"

#include <tss2/tss2_tctildr.h>

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <system_error>

namespace sealmount {

namespace {

/// tpm2-tss writes every error to standard error as well; what matters of them is in our messages.
void silence_tss2() {
    ::setenv("TSS2_LOG", "all+NONE", 0);
}

class DeviceOpener final : public TpmOpener {
  public:
    DeviceOpener() { silence_tss2(); }

    std::expected<std::unique_ptr<Tpm>, Refusal> open(const TpmAccess access) override {
        const char* const node = access == TpmAccess::raw ? raw_tpm_node : managed_tpm_node;
        if (is_tpm_1_2()) {
            return std::unexpected{Refusal{RefusalKind::no_tpm, "it has a TPM 1.2"}};
        }
        auto device = UniqueFd{::open(node, O_RDWR | O_CLOEXEC)};
        if (!device) {
            const int error = errno;
            const auto detail = formatted("{}: {}", node, std::generic_category().message(error));
            switch (error) {
            case ENOENT:
            case ENODEV:
            case ENXIO:
                return std::unexpected{Refusal{RefusalKind::no_tpm, detail}};
            case EBUSY:
                return std::unexpected{Refusal{RefusalKind::tpm_busy, detail}};
            case EIO:
                return std::unexpected{Refusal{RefusalKind::tpm_failed, detail}};
            default:
                throw_errno(error, node);
            }
        }
        return esys_tpm(device_tcti(std::move(device)));
    }

    bool is_announced() override { return firmware_announces_tpm(); }
    bool wait_for_device(const std::chrono::milliseconds limit) override { return wait_for_tpm_nodes(limit); }
    bool kernel_needs_room() override { return kernel_encrypts_tpm_traffic(); }
    std::vector<std::string> holders() override { return holders_of(raw_tpm_node); }
};

class TctiOpener final : public TpmOpener {
  public:
    explicit TctiOpener(std::string tcti) : tcti_(std::move(tcti)) { silence_tss2(); }

    std::expected<std::unique_ptr<Tpm>, Refusal> open(TpmAccess /*access*/) override {
        TSS2_TCTI_CONTEXT* context = nullptr;
        if (const auto rc = ::Tss2_TctiLdr_Initialize(tcti_.c_str(), &context); rc != TSS2_RC_SUCCESS) {
            return std::unexpected{Refusal{RefusalKind::no_tpm, formatted("{}: {}", tcti_, text_of(rc))}};
        }
        return esys_tpm(TctiPtr{context, [](TSS2_TCTI_CONTEXT* tcti) { ::Tss2_TctiLdr_Finalize(&tcti); }});
    }

    bool is_announced() override { return false; }
    bool wait_for_device(std::chrono::milliseconds /*limit*/) override { return false; }
    bool kernel_needs_room() override { return false; }
    std::vector<std::string> holders() override { return {}; }

  private:
    std::string tcti_;
};

} // namespace

std::unique_ptr<TpmOpener> machine_tpm() {
    return std::make_unique<DeviceOpener>();
}

std::unique_ptr<TpmOpener> tpm_at(std::string tcti) {
    return std::make_unique<TctiOpener>(std::move(tcti));
}

} // namespace sealmount
