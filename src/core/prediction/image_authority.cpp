// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/prediction/image_authority.hpp"

#include "base/hex.hpp"
#include "core/events/efi_variable.hpp"
#include "sys/crypto/certificate.hpp"
#include "sys/tpm/pcr_registry.hpp"

#include <algorithm>

namespace sealmount {

namespace {

bool is_image(const EventType type) {
    return type == EventType::boot_services_application || type == EventType::boot_services_driver ||
           type == EventType::runtime_services_driver;
}

bool verifies(const Bytes& authority, const std::vector<Bytes>& certificates) {
    return !authority.empty() && std::ranges::any_of(certificates, [&](const Bytes& certificate) {
        return certificate == authority || is_issued_by(certificate, authority);
    });
}

bool is_generation(const LogEvent& event) {
    const auto variable = variable_data_of(event.data);
    return variable && variable->name_text().starts_with("SbatLevel");
}

/// What verified the images until one of them.
struct Verifiers {
    std::vector<Bytes> earlier; ///< of the images before
    std::vector<Bytes> own;     ///< measured since the image before this one; empty bytes for a hash
};

Verifiers verifiers_until(const EventLog& log, const LogEvent& started) {
    Verifiers verifiers;
    for (const LogEvent& event : log.events) {
        if (&event == &started) {
            break;
        }
        if (is_image(event.type)) {
            verifiers.earlier.insert(verifiers.earlier.end(), verifiers.own.begin(), verifiers.own.end());
            verifiers.own.clear();
        } else if (event.type == EventType::variable_authority && !is_generation(event)) {
            verifiers.own.push_back(certificate_in(event));
        }
    }
    return verifiers;
}

} // namespace

Bytes certificate_in(const LogEvent& event) {
    const auto variable =
        event.type == EventType::variable_authority ? variable_data_of(event.data) : std::nullopt;
    for (const std::size_t owner : {std::size_t{0}, sizeof(Guid)}) {
        if (variable && variable->contents.size() > owner &&
            certificate_subject(BytesView{variable->contents}.subspan(owner))) {
            return {variable->contents.begin() + static_cast<std::ptrdiff_t>(owner),
                    variable->contents.end()};
        }
    }
    return {};
}

bool is_verified(const EventLog& log) {
    return std::ranges::any_of(log.events, [](const LogEvent& event) {
        return event.is_measured() && event.pcr == secure_boot_pcr &&
               event.type == EventType::variable_authority;
    });
}

void check_authority(Forecast& forecast, const LogEvent& started, const PeImage& image) {
    const bool is_named = std::ranges::any_of(forecast.events(), [](const ForecastEvent& event) {
        return event.past == nullptr && event.type == EventType::variable_authority;
    });
    if (!is_verified(forecast.log()) || is_named) {
        return;
    }
    if (!image.is_signed()) {
        forecast.spoil(secure_boot_pcr, "an image is not signed, and Secure Boot is on");
        return;
    }
    const auto [earlier, own] = verifiers_until(forecast.log(), started);
    const std::vector<Bytes> certificates = image.certificates();
    const auto is_one = [&](const Bytes& authority) { return verifies(authority, certificates); };
    const bool has_earlier = std::ranges::any_of(earlier, is_one);
    const bool has_own = !own.empty() && is_one(own.back());
    // Shim measures once more what the firmware has measured.
    const bool has_other = std::ranges::any_of(earlier, [&](const Bytes& authority) {
        return !own.empty() && authority != own.back() && is_one(authority);
    });
    const bool is_other = image.authenticode(forecast.bank()) != started.digests.at(forecast.bank());
    const bool has_hash =
        std::ranges::any_of(earlier, &Bytes::empty) || std::ranges::any_of(own, &Bytes::empty);
    // The signature is not part of the digest: the same image may have been signed once more.
    const bool is_same = !is_other     ? has_earlier || has_own || has_hash
                         : own.empty() ? has_earlier
                                       : has_own && !has_other;
    if (!is_same) {
        forecast.spoil(secure_boot_pcr,
                       "an image is signed with other certificates than those that verified this boot",
                       {AdviceKind::give_authority});
    }
}

std::string signers_of(const PeImage& image) {
    Bytes all;
    for (const Bytes& certificate : image.certificates()) {
        const auto mark = sha256({certificate});
        all.insert(all.end(), mark.begin(), mark.end());
    }
    return to_hex(sha256({all}));
}

} // namespace sealmount
