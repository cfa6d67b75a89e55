// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sys/esys_tpm.hpp"

#include "base/error.hpp"
#include "sys/esys_connection.hpp"
#include "sys/esys_context.hpp"

#include <tss2/tss2_tctildr.h>

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <system_error>

namespace sealmount {

namespace {

/// tpm2-tss writes to standard error whatever it does not like; what matters of that is in our messages.
void silence_tss2() {
    ::setenv("TSS2_LOG", "all+NONE", 0);
}

class DeviceOpener final : public TpmOpener {
  public:
    DeviceOpener() { silence_tss2(); }

    std::expected<std::unique_ptr<Tpm>, Refusal> open(const TpmAccess access) override {
        const char* const node = access == TpmAccess::raw ? "/dev/tpm0" : "/dev/tpmrm0";
        auto device = UniqueFd{::open(node, O_RDWR | O_CLOEXEC)};
        if (!device) {
            const int error = errno;
            const auto words = std::string{node} + ": " + std::generic_category().message(error);
            switch (error) {
            case ENOENT:
            case ENODEV:
            case ENXIO:
                return std::unexpected{Refusal{RefusalKind::no_tpm, words}};
            case EBUSY:
                return std::unexpected{Refusal{RefusalKind::tpm_busy, words}};
            case EIO:
                return std::unexpected{Refusal{RefusalKind::tpm_failed, words}};
            default:
                throw_errno(error, node);
            }
        }
        return esys_tpm(device_tcti(std::move(device)));
    }
};

class TctiOpener final : public TpmOpener {
  public:
    explicit TctiOpener(std::string tcti) : tcti_(std::move(tcti)) { silence_tss2(); }

    std::expected<std::unique_ptr<Tpm>, Refusal> open(TpmAccess /*access*/) override {
        TSS2_TCTI_CONTEXT* context = nullptr;
        if (const auto rc = ::Tss2_TctiLdr_Initialize(tcti_.c_str(), &context); rc != TSS2_RC_SUCCESS) {
            return std::unexpected{Refusal{RefusalKind::no_tpm, tcti_ + ": " + words_of(rc)}};
        }
        return esys_tpm(TctiPtr{context, [](TSS2_TCTI_CONTEXT* tcti) { ::Tss2_TctiLdr_Finalize(&tcti); }});
    }

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
