// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/tpm/device_tcti.hpp"

#include <cerrno>
#include <poll.h>
#include <type_traits>

namespace sealmount {

namespace {

constexpr std::uint64_t device_magic = 0x7365616c6d6e7431; // "sealmnt1": any number that no other TCTI uses
constexpr std::size_t largest_response = 4096;             // TPM_BUFSIZE of the driver

/// tss2 sees only the first member (TSS 2.0 TCTI specification, 3.2.1).
struct DeviceTcti {
    TSS2_TCTI_CONTEXT_COMMON_V1 common = {};
    UniqueFd device;
};
static_assert(std::is_standard_layout_v<DeviceTcti>);

DeviceTcti* device_of(TSS2_TCTI_CONTEXT* const context) {
    auto* const tcti = reinterpret_cast<DeviceTcti*>(context);
    return tcti != nullptr && tcti->common.magic == device_magic ? tcti : nullptr;
}

TSS2_RC transmit(TSS2_TCTI_CONTEXT* const context, const std::size_t size,
                 const std::uint8_t* const command) {
    const auto* const tcti = device_of(context);
    if (tcti == nullptr) {
        return TSS2_TCTI_RC_BAD_CONTEXT;
    }
    ssize_t written = 0;
    do {
        written = ::write(tcti->device.get(), command, size);
    } while (written < 0 && errno == EINTR);
    return written == static_cast<ssize_t>(size) ? TSS2_RC_SUCCESS : TSS2_TCTI_RC_IO_ERROR;
}

TSS2_RC receive(TSS2_TCTI_CONTEXT* const context, std::size_t* const size, std::uint8_t* const response,
                const std::int32_t timeout) {
    const auto* const tcti = device_of(context);
    if (tcti == nullptr) {
        return TSS2_TCTI_RC_BAD_CONTEXT;
    }
    if (response == nullptr) {
        *size = largest_response;
        return TSS2_RC_SUCCESS;
    }
    if (timeout != TSS2_TCTI_TIMEOUT_BLOCK) {
        ::pollfd ready = {.fd = tcti->device.get(), .events = POLLIN, .revents = 0};
        const int polled = ::poll(&ready, 1, timeout);
        if (polled <= 0) {
            return polled == 0 ? TSS2_TCTI_RC_TRY_AGAIN : TSS2_TCTI_RC_IO_ERROR;
        }
    }
    ssize_t got = 0;
    do {
        got = ::read(tcti->device.get(), response, *size);
    } while (got < 0 && errno == EINTR);
    if (got <= 0) {
        return TSS2_TCTI_RC_IO_ERROR;
    }
    *size = static_cast<std::size_t>(got);
    return TSS2_RC_SUCCESS;
}

void destroy(TSS2_TCTI_CONTEXT* const context) {
    delete device_of(context);
}

} // namespace

TctiPtr device_tcti(UniqueFd device) {
    auto tcti = std::make_unique<DeviceTcti>();
    tcti->common.magic = device_magic;
    tcti->common.version = 1;
    tcti->common.transmit = &transmit;
    tcti->common.receive = &receive;
    tcti->device = std::move(device);
    return TctiPtr{reinterpret_cast<TSS2_TCTI_CONTEXT*>(tcti.release()), &destroy};
}

} // namespace sealmount
