// Fuzz target: any bytes as a firmware's event log, as systemd's log, and as what their events hold: images,
// variables, device paths. What must hold: no crash, only Error is thrown, text has no control characters,
// and what was accepted replays.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "base/error.hpp"
#include "base/text.hpp"
#include "core/events/device_path.hpp"
#include "core/events/efi_variable.hpp"
#include "core/events/event_text.hpp"
#include "core/prediction/pe_image.hpp"
#include "core/prediction/uki.hpp"

#include <algorithm>
#include <cstdlib>

using namespace sealmount;

namespace {

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

void look_at_text(const std::string& text) {
    require(utf16(text).has_value());
    require(
        std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }));
}

void look_at(const EventLog& log) {
    for (const LogEvent& event : log.events) {
        look_at_text(describe(event));
        (void)event_type_name(event.type);
    }
    for (const PcrBank bank : log.banks) {
        require(replay(log, bank).size() == pcr_count);
    }
}

void look_at_image(BytesView bytes) {
    if (const auto image = PeImage::parse(bytes)) {
        (void)image->authenticode(PcrBank::sha1);
        if (is_uki(*image)) {
            try {
                (void)stub_version(*image);
                (void)section_digests(*image, SectionSet::of_newer, PcrBank::sha1);
                (void)initrd_for_kernel(*image, InitrdForm::of_newer);
            } catch (const Error& error) {
                require(error.reason() == Reason::bad_data);
            }
        }
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const BytesView bytes = std::as_bytes(std::span{data, size});
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    try {
        look_at(parse_event_log(bytes, "log"));
    } catch (const Error& error) {
        require(error.reason() != Reason::internal);
    }
    try {
        for (const MeasureEvent& event : parse_measure_log(text, "log").events) {
            look_at_text(describe(event));
        }
    } catch (const Error& error) {
        require(error.reason() == Reason::bad_data);
    }
    look_at_text(printable(device_path_text(bytes)));
    require(file_in(bytes).path.find('/') == std::string::npos);
    if (const auto variable = variable_data_of(bytes)) {
        require(variable_data_of(to_bytes(*variable)).has_value());
    }
    (void)signatures_of(bytes);
    look_at_image(bytes);
    return 0;
}
