// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/prediction/boot_images.hpp"

#include "base/byte_reader.hpp"
#include "core/events/device_path.hpp"
#include "core/events/efi_variable.hpp"
#include "core/prediction/uki.hpp"

#include <algorithm>

namespace sealmount {

namespace {

char folded(const char c) {
    return c == '/' ? '\\' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// The certificate that verified an image, by an EV_EFI_VARIABLE_AUTHORITY; empty when the event holds none.
Bytes authority_in(const ForecastEvent& event) {
    if (event.past == nullptr || event.type != EventType::variable_authority) {
        return {};
    }
    const auto variable = variable_data_of(event.past->data);
    if (!variable || variable->contents.size() <= sizeof(Guid)) {
        return {};
    }
    return {variable->contents.begin() + sizeof(Guid), variable->contents.end()};
}

void check_authority(Forecast& forecast, const PeImage& image) {
    bool is_verified = false;
    bool is_known = false;
    const std::vector<Bytes> certificates = image.certificates();
    for (const ForecastEvent& event : forecast.events()) {
        if (event.type != EventType::variable_authority) {
            continue;
        }
        is_verified = true;
        is_known = is_known || event.past == nullptr ||
                   std::ranges::find(certificates, authority_in(event)) != certificates.end();
    }
    if (is_verified && !image.is_signed()) {
        forecast.spoil(secure_boot_pcr, "a new image is not signed, and Secure Boot is on");
    } else if (is_verified && !is_known) {
        forecast.spoil(secure_boot_pcr,
                       "a new image is signed with other certificates than those that verified this boot",
                       {AdviceKind::give_authority});
    }
}

} // namespace

std::vector<BootImage> boot_images(const EventLog& log) {
    constexpr std::uint64_t in_memory = 24; // location, length and link-time address
    std::vector<BootImage> images;
    for (const LogEvent& event : log.events) {
        if (event.pcr != image_pcr || event.type != EventType::boot_services_application) {
            continue;
        }
        ByteReader reader{event.data};
        (void)reader.take(in_memory);
        const auto size = reader.u64();
        const auto path = size ? reader.take(*size) : std::nullopt;
        FileOnPartition file = path ? file_in(*path) : FileOnPartition{};
        images.push_back({.event = &event,
                          .partition = std::move(file.partition),
                          .path = std::move(file.path),
                          .path_alone = std::move(file.path_alone)});
    }
    return images;
}

bool is_behind_grub(const EventLog& log) {
    return std::ranges::any_of(log.events, [](const LogEvent& event) {
        return event.pcr == grub_pcr && event.type == EventType::ipl;
    });
}

bool is_same_path(const std::string_view one, const std::string_view other) {
    return std::ranges::equal(one, other, {}, folded, folded);
}

ForecastEvent* forecast_of(Forecast& forecast, const LogEvent& event) {
    const auto found = std::ranges::find(forecast.events(), &event, &ForecastEvent::past);
    return found == forecast.events().end() ? nullptr : &*found;
}

void replace_image(Forecast& forecast, const LogEvent& event, const PeImage& image) {
    ForecastEvent* const found = forecast_of(forecast, event);
    const Bytes value = image.authenticode(forecast.bank());
    if (found == nullptr || found->is_changed || found->digest == value) {
        return;
    }
    found->digest = value;
    found->is_changed = true;
    check_authority(forecast, image);
}

std::string boot_loader_version(const PeImage& image) {
    return component_version(image, "systemd-boot");
}

std::string major_version(const std::string_view version) {
    return std::string{version.substr(0, version.find_first_of(".-~ "))};
}

} // namespace sealmount
