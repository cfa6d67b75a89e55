// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/prediction/image_authority.hpp"

#include "base/hex.hpp"
#include "core/events/efi_variable.hpp"
#include "core/prediction/boot_images.hpp"
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

/// Of shim's: measured as an authority, but it verifies nothing.
bool is_setting(const LogEvent& event) {
    const auto variable = variable_data_of(event.data);
    const std::string name = variable ? variable->name_text() : "";
    return name.starts_with("SbatLevel") || name.starts_with("MokListTrusted") || name.starts_with("MokSB");
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
        } else if (event.type == EventType::variable_authority && !is_setting(event)) {
            verifiers.own.push_back(certificate_in(event));
        }
    }
    return verifiers;
}

/// The image that was there before: whatever is known of what verified it holds.
bool is_verified_somehow(const std::vector<Bytes>& certificates, const std::vector<Bytes>& earlier,
                         const std::vector<Bytes>& own) {
    const auto may_be_it = [&](const Bytes& authority) {
        return authority.empty() || verifies(authority, certificates);
    };
    return std::ranges::any_of(earlier, may_be_it) || std::ranges::any_of(own, may_be_it);
}

/// Another image: of its own verifiers each verifies it, too, and there is no signature that none of all
/// verifies. Without verifiers of its own, one of the earlier.
bool is_verified_alike(const std::vector<Bytes>& certificates, const std::vector<Bytes>& earlier,
                       const std::vector<Bytes>& own) {
    std::vector<Bytes> all;
    for (const Bytes& authority : own) {
        if (!verifies(authority, certificates)) {
            return false; // also where it was a hash
        }
        all.push_back(authority);
    }
    for (const Bytes& authority : earlier) {
        // Shim measures once more what the firmware has measured.
        const bool is_again = std::ranges::find(own, authority) != own.end();
        if (!own.empty() && !is_again && verifies(authority, certificates)) {
            return false;
        }
        all.push_back(authority);
    }
    const auto is_known = [&](const Bytes& certificate) {
        return std::ranges::any_of(all, [&](const Bytes& one) { return verifies(one, {certificate}); }) ||
               std::ranges::any_of(certificates, [&](const Bytes& one) {
                   return one != certificate && is_issued_by(certificate, one);
               });
    };
    return !certificates.empty() && std::ranges::all_of(certificates, is_known);
}

} // namespace

Advice authority_advice(const EventLog& log, const LogEvent& started) {
    const LogEvent* const shim = shim_in(log);
    const bool is_firmwares = shim == nullptr || started.number <= shim->number;
    return is_firmwares ? Advice{AdviceKind::give_authority} : Advice{};
}

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
               event.type == EventType::variable_authority && !is_setting(event);
    });
}

void check_authority(Forecast& forecast, const LogEvent& started, const PeImage& image) {
    const bool is_named = std::ranges::any_of(forecast.events(), [](const ForecastEvent& event) {
        return event.past == nullptr && event.type == EventType::variable_authority;
    });
    if (!is_verified(forecast.log()) || is_named) {
        return;
    }
    const auto [earlier, own] = verifiers_until(forecast.log(), started);
    const std::vector<Bytes> certificates = image.certificates();
    const bool is_other = image.authenticode(forecast.bank()) != started.digests.at(forecast.bank());
    // The signature is not part of the digest: the same image may have been signed once more.
    const bool is_same = is_other ? is_verified_alike(certificates, earlier, own)
                                  : is_verified_somehow(certificates, earlier, own);
    if (!is_same && !image.is_signed()) {
        forecast.spoil(secure_boot_pcr, "an image is not signed, and Secure Boot is on");
    } else if (!is_same) {
        forecast.spoil(secure_boot_pcr,
                       "an image is signed with other certificates than those that verified this boot",
                       authority_advice(forecast.log(), started));
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
