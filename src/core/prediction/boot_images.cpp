// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/prediction/boot_images.hpp"

#include "base/byte_reader.hpp"
#include "core/events/device_path.hpp"
#include "core/prediction/image_authority.hpp"
#include "core/prediction/uki.hpp"
#include "sys/tpm/digest.hpp"

#include <algorithm>

namespace sealmount {

namespace {

char folded(const char c) {
    return c == '/' ? '\\' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
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
        if (file.partition.empty() && !file.path_alone.empty() && !images.empty()) {
            file.partition = images.back().partition;
            file.path = file.partition.empty() ? "" : file.path_alone;
        }
        images.push_back({.event = &event,
                          .partition = std::move(file.partition),
                          .path = std::move(file.path),
                          .path_alone = std::move(file.path_alone),
                          .is_in_firmware = file.is_in_firmware});
    }
    return images;
}

const LogEvent* shim_in(const EventLog& log) {
    const LogEvent* last = nullptr;
    for (const LogEvent& event : log.events) {
        if (event.is_measured() && event.pcr == shim_pcr) {
            return last;
        }
        if (event.pcr == image_pcr && event.type == EventType::boot_services_application) {
            last = &event;
        }
    }
    return nullptr;
}

bool is_behind_grub(const EventLog& log) {
    return std::ranges::any_of(log.events, [](const LogEvent& event) {
        return event.pcr == grub_pcr && event.type == EventType::ipl;
    });
}

bool is_file_of_grub(const EventLog& log, const PcrBank bank, const BytesView contents) {
    const Bytes value = digest(bank, {contents});
    return std::ranges::any_of(log.events, [&](const LogEvent& event) {
        return event.is_measured() && event.pcr == linux_pcr && event.digests.at(bank) == value;
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
    if (found == nullptr || found->is_changed) {
        return;
    }
    if (found->digest == value) {
        check_authority(forecast, event, image);
        return;
    }
    // An image that shim verifies for others is measured twice, and has no path in one of both.
    const Bytes before = found->digest;
    (void)forecast.replace(before, value, image_pcr);
    check_authority(forecast, event, image);
    if (&event == shim_in(forecast.log()) || is_shim(image)) {
        spoil_for_shim(forecast);
    }
}

bool is_shim(const PeImage& image) {
    const Bytes sbat = image.section(".sbat").value_or(Bytes{});
    const std::string_view text{reinterpret_cast<const char*>(sbat.data()), sbat.size()};
    return text.find("\nshim,") != std::string_view::npos;
}

void spoil_for_shim(Forecast& forecast) {
    for (const unsigned pcr : {secure_boot_pcr, shim_pcr}) {
        forecast.spoil(pcr, "shim was replaced, and what the new one measures of its own keys and "
                            "generations is not known");
    }
}

std::string boot_loader_version(const PeImage& image) {
    return component_version(image, "systemd-boot");
}

std::string major_version(const std::string_view version) {
    return std::string{version.substr(0, version.find_first_of(".-~ "))};
}

} // namespace sealmount
