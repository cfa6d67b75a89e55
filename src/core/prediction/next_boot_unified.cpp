// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "base/error.hpp"
#include "core/prediction/command_line_forms.hpp"
#include "core/prediction/next_boot_kernel.hpp"
#include "core/prediction/prediction_command_line.hpp"
#include "core/prediction/uki.hpp"
#include "sys/tpm/digest.hpp"

#include <algorithm>

namespace sealmount {

namespace {

/// The image that was started has been overwritten: all that is known of it is its events.
class Overwritten {
  public:
    Overwritten(Forecast& forecast, const BootImage& started, const PeImage& after)
        : forecast_(forecast), bank_(forecast.bank()), started_(started), after_(after) {}

    void apply() {
        inner_kernel();
        initrd();
        command_line();
        replace_image(forecast_, *started_.event, after_);
        sections(); // last: it moves events
    }

  private:
    /// While Secure Boot is off, the stub starts the kernel inside as an image from memory.
    void inner_kernel() {
        const std::vector<BootImage> images = boot_images(forecast_.log());
        const auto own = std::ranges::find(images, started_.event, &BootImage::event);
        const auto inner = own == images.end() ? images.end() : own + 1;
        if (inner == images.end()) {
            return;
        }
        const Bytes section = after_.section(".linux").value_or(Bytes{});
        const auto kernel = PeImage::parse(section);
        if (!kernel || inner + 1 != images.end()) {
            forecast_.spoil(image_pcr,
                            "which image of the log is the kernel inside the unified image is not known");
            return;
        }
        replace_image(forecast_, *inner->event, *kernel);
    }

    void initrd() {
        const ForecastEvent* const event = tagged_event(forecast_, linux_initrd_tag);
        const auto is_it = [&](const InitrdForm form) {
            const auto bytes = initrd_for_kernel(after_, form);
            return bytes && digest(bank_, {*bytes}) == event->digest;
        };
        if (event != nullptr && !is_it(InitrdForm::plain) && !is_it(InitrdForm::of_252) &&
            !is_it(InitrdForm::of_newer)) {
            forecast_.spoil(linux_pcr, "the unified image was overwritten, so whether credentials or "
                                       "extensions came along with its initrd is not known");
        }
    }

    void command_line() {
        const std::string line = command_line_for_kernel(after_);
        const ForecastEvent* const event = tagged_event(forecast_, linux_options_tag);
        const bool is_linux_same = event == nullptr || form_of(bank_, event->digest, line);
        const bool is_loader_same = std::ranges::all_of(forecast_.events(), [&](const ForecastEvent& e) {
            return e.pcr != parameters_pcr || e.type != EventType::ipl || form_of(bank_, e.digest, line);
        });
        const char* const why = "the unified image was overwritten with one that has another command line";
        if (!is_linux_same) {
            forecast_.spoil(linux_pcr, why);
        }
        if (!is_loader_same) {
            forecast_.spoil(parameters_pcr, why);
        }
    }

    void sections() {
        if (has_choices(after_)) {
            forecast_.spoil(uki_pcr,
                            "the image has several profiles or device trees, of which the boot takes one");
            return;
        }
        const auto of_252 = section_digests(after_, SectionSet::of_252, bank_);
        const auto of_newer = section_digests(after_, SectionSet::of_newer, bank_);
        const std::string version = major_version(stub_version(after_));
        if (of_252 != of_newer && (version.empty() || version == "253")) {
            forecast_.spoil(uki_pcr, "which sections its systemd-stub measures is not known");
            return;
        }
        std::vector<ForecastEvent>& events = forecast_.events();
        std::erase_if(events, [](const ForecastEvent& e) { return e.pcr == uki_pcr && !e.is_changed; });
        for (const Bytes& value : version == "252" ? of_252 : of_newer) {
            events.push_back({.pcr = uki_pcr,
                              .type = EventType::ipl,
                              .digest = value,
                              .past = nullptr,
                              .is_changed = true});
        }
    }

    Forecast& forecast_;
    PcrBank bank_;
    const BootImage& started_;
    const PeImage& after_;
};

} // namespace

void apply_unified(Forecast& forecast, const KernelChange& change, const NamedFile* const before,
                   const NamedFile& after) {
    const PeImage image = PeImage::parse(as_bytes(after.contents)).value();
    if (before == nullptr) {
        Overwritten{forecast, change.started, image}.apply();
        return;
    }
    if (before->contents == after.contents) {
        return;
    }
    const PeImage old_image = PeImage::parse(as_bytes(before->contents)).value();
    try {
        replace_file(forecast, *before, after);
    } catch (const Error& error) {
        spoil_kernel(forecast, error.what(), error.advice());
        return;
    }
    const std::string old_line = command_line_for_kernel(old_image);
    const std::string new_line = command_line_for_kernel(image);
    if (old_line != new_line) {
        change_command_line(forecast, old_line, new_line, 0);
    }
}

} // namespace sealmount
