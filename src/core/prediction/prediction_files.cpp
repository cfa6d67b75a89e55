// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/prediction/prediction_files.hpp"

#include "base/byte_reader.hpp"
#include "base/error.hpp"
#include "base/format.hpp"
#include "core/prediction/command_line_forms.hpp"
#include "core/prediction/image_authority.hpp"
#include "core/prediction/uki.hpp"
#include "sys/tpm/digest.hpp"

#include <algorithm>
#include <array>

namespace sealmount {

namespace {

bool is_tagged(const ForecastEvent& event, const std::uint32_t tag) {
    return event.past != nullptr && event.type == EventType::event_tag &&
           ByteReader{event.past->data}.u32() == tag;
}

Bytes padded_digest(const PcrBank bank, const BytesView bytes) {
    constexpr std::size_t unit = 4;
    const Bytes padding((unit - bytes.size() % unit) % unit);
    return digest(bank, {bytes, padding});
}

/// One replacement of one image by another; counts what it changes.
class ImageChange {
  public:
    ImageChange(Forecast& forecast, const PeImage& before, const PeImage& after)
        : forecast_(forecast), bank_(forecast.bank()), before_(before), after_(after) {}

    unsigned apply_image() {
        const unsigned count = forecast_.replace(before_.authenticode(bank_), after_.authenticode(bank_));
        return count;
    }

    /// By whom will the new image be verified?
    void check_signatures() {
        if (!is_verified_by_unknown()) {
            return;
        }
        if (before_.is_signed() && !after_.is_signed()) {
            forecast_.spoil(secure_boot_pcr, "the new image is not signed, and Secure Boot is on");
        } else if (before_.certificates() != after_.certificates()) {
            const Bytes digest = before_.authenticode(bank_);
            const auto& events = forecast_.log().events;
            const auto started = std::ranges::find_if(events, [&](const LogEvent& event) {
                return event.is_measured() && event.digests.at(bank_) == digest;
            });
            forecast_.spoil(secure_boot_pcr, "the new image is signed with other certificates",
                            started == events.end() ? Advice{} : authority_advice(forecast_.log(), *started));
        }
    }

    unsigned apply_uki() {
        if (stub_version(before_) != stub_version(after_)) {
            return apply_other_stub();
        }
        return apply_kernel() + apply_sections() + apply_initrd() + apply_command_line();
    }

  private:
    /// Are images verified, and is it not known by whom at the next boot?
    [[nodiscard]] bool is_verified_by_unknown() const {
        const bool is_known = std::ranges::any_of(forecast_.events(), [](const ForecastEvent& event) {
            return event.past == nullptr && event.type == EventType::variable_authority;
        });
        return is_verified(forecast_.log()) && !is_known;
    }

    /// Versions of the stub differ in what they measure, and in which order.
    unsigned apply_other_stub() {
        const auto major = [](const std::string& version) {
            return version.substr(0, version.find_first_of(".-~"));
        };
        if (major(stub_version(before_)) == major(stub_version(after_))) {
            return apply_kernel() + apply_sections() + apply_initrd() + apply_command_line();
        }
        for (const unsigned pcr : {image_pcr, linux_pcr, uki_pcr, parameters_pcr}) {
            forecast_.spoil(
                pcr, formatted("the images have different versions of systemd-stub ({} and {}), which may "
                               "measure differently",
                               stub_version(before_), stub_version(after_)));
        }
        return 1;
    }

    /// The stub starts .linux as an image of its own.
    unsigned apply_kernel() {
        const Bytes old_kernel = before_.section(".linux").value_or(Bytes{});
        const Bytes new_kernel = after_.section(".linux").value_or(Bytes{});
        const auto old_image = PeImage::parse(old_kernel);
        const auto new_image = PeImage::parse(new_kernel);
        if (!old_image) {
            return 0;
        }
        if (!new_image) {
            forecast_.spoil(image_pcr, "the new image's kernel has no EFI stub");
            return 1;
        }
        return forecast_.replace(old_image->authenticode(bank_), new_image->authenticode(bank_));
    }

    unsigned apply_sections() {
        std::vector<ForecastEvent>& events = forecast_.events();
        if (std::ranges::none_of(events,
                                 [](const ForecastEvent& e) { return e.pcr == uki_pcr && !e.is_changed; })) {
            return 0;
        }
        if (has_choices(before_) || has_choices(after_)) {
            forecast_.spoil(uki_pcr,
                            "the image has several profiles or device trees, of which the boot takes one");
            return 1;
        }
        const std::vector<Bytes> of_252 = section_digests(before_, SectionSet::of_252, bank_);
        const std::vector<Bytes> of_newer = section_digests(before_, SectionSet::of_newer, bank_);
        const bool fits_252 = find_run(of_252) != nullptr;
        const bool fits_newer = find_run(of_newer) != nullptr;
        if (!fits_252 && !fits_newer) {
            forecast_.spoil(uki_pcr, "its events are not the sections of the old image");
            return 0;
        }
        SectionSet set = fits_newer ? SectionSet::of_newer : SectionSet::of_252;
        if (fits_252 && fits_newer &&
            section_digests(after_, SectionSet::of_252, bank_) !=
                section_digests(after_, SectionSet::of_newer, bank_)) {
            const std::string version = stub_version(after_);
            if (version.starts_with("252")) {
                set = SectionSet::of_252;
            } else if (version.starts_with("253") || version.empty()) {
                forecast_.spoil(uki_pcr, "which sections its systemd-stub measures is not known");
                return 1;
            }
        }
        replace_run(set == SectionSet::of_252 ? of_252 : of_newer, section_digests(after_, set, bank_));
        return 1;
    }

    /// The first event of PCR 11 from which its unchanged events have these digests; null when there is none.
    ForecastEvent* find_run(const std::vector<Bytes>& digests) {
        std::vector<ForecastEvent*> own;
        for (ForecastEvent& event : forecast_.events()) {
            if (event.pcr == uki_pcr) {
                own.push_back(&event);
            }
        }
        const auto found = std::ranges::search(
            own, digests, {}, [](const ForecastEvent* e) { return e->is_changed ? Bytes{} : e->digest; });
        return found.empty() ? nullptr : found.front();
    }

    void replace_run(const std::vector<Bytes>& before, const std::vector<Bytes>& after) {
        std::vector<ForecastEvent>& events = forecast_.events();
        const auto first = events.begin() + (find_run(before) - events.data());
        auto at = first;
        for (std::size_t left = before.size(); left > 0;) {
            const bool is_own = at->pcr == uki_pcr;
            at = is_own ? events.erase(at) : at + 1;
            left -= is_own ? 1 : 0;
        }
        // The order among PCRs does not matter; that within PCR 11 does, and nothing of it was passed.
        std::vector<ForecastEvent> fresh;
        for (const Bytes& value : after) {
            fresh.push_back({.pcr = uki_pcr,
                             .type = EventType::ipl,
                             .digest = value,
                             .past = nullptr,
                             .is_changed = true});
        }
        events.insert(at, fresh.begin(), fresh.end());
    }

    unsigned apply_initrd() {
        const auto is_it = [](const ForecastEvent& e) {
            return !e.is_changed && is_tagged(e, linux_initrd_tag);
        };
        const auto event = std::ranges::find_if(forecast_.events(), is_it);
        if (event == forecast_.events().end()) {
            return 0;
        }
        for (const InitrdForm form : {InitrdForm::plain, InitrdForm::of_252, InitrdForm::of_newer}) {
            const auto old_initrd = initrd_for_kernel(before_, form);
            if (!old_initrd || digest(bank_, {*old_initrd}) != event->digest) {
                continue;
            }
            const auto new_initrd = initrd_for_kernel(after_, form_after(form));
            if (!new_initrd) {
                forecast_.spoil(event->pcr, "the new image has no initrd");
                return 1;
            }
            event->digest = digest(bank_, {*new_initrd});
            event->is_changed = true;
            return 1;
        }
        if (initrd_for_kernel(before_, InitrdForm::of_newer) !=
            initrd_for_kernel(after_, InitrdForm::of_newer)) {
            forecast_.spoil(event->pcr, "the initrd that the kernel got is not that of the old image alone: "
                                        "credentials or extensions came with it");
        }
        return 0;
    }

    /// Version 252 puts archives together only where there is a signature or a key.
    [[nodiscard]] InitrdForm form_after(const InitrdForm form) const {
        const bool brings_files = after_.section(".pcrsig") || after_.section(".pcrpkey");
        return form == InitrdForm::of_newer ? form : brings_files ? InitrdForm::of_252 : InitrdForm::plain;
    }

    unsigned apply_command_line() {
        const std::string before = command_line_for_kernel(before_);
        const std::string after = command_line_for_kernel(after_);
        const auto is_it = [](const ForecastEvent& e) {
            return !e.is_changed && is_tagged(e, linux_options_tag);
        };
        const auto event = std::ranges::find_if(forecast_.events(), is_it);
        if (before == after || event == forecast_.events().end()) {
            return 0;
        }
        if (const auto form = form_of(bank_, event->digest, before)) {
            event->digest = digest(bank_, {in_form(after, *form)});
            event->is_changed = true;
            return 1;
        }
        if (!is_logged_elsewhere(event->digest)) {
            forecast_.spoil(event->pcr,
                            "the kernel's command line is neither that of the old image nor one that "
                            "the boot loader measured");
        }
        return 0;
    }

    /// A command line that the boot loader passed was measured by it, too.
    [[nodiscard]] bool is_logged_elsewhere(const Bytes& value) const {
        return std::ranges::any_of(forecast_.log().events, [&](const LogEvent& event) {
            return event.type == EventType::ipl && event.digests.at(bank_) == value;
        });
    }

    Forecast& forecast_;
    PcrBank bank_;
    const PeImage& before_;
    const PeImage& after_;
};

} // namespace

void replace_file(Forecast& forecast, const NamedFile& before, const NamedFile& after) {
    const PcrBank bank = forecast.bank();
    const BytesView old_bytes = as_bytes(before.contents);
    const BytesView new_bytes = as_bytes(after.contents);
    unsigned count = forecast.replace(digest(bank, {old_bytes}), digest(bank, {new_bytes}));
    count += forecast.replace(padded_digest(bank, old_bytes), padded_digest(bank, new_bytes));
    if (const auto old_image = PeImage::parse(old_bytes)) {
        const auto new_image = PeImage::parse(new_bytes);
        if (!new_image) {
            throw Error{Reason::bad_data,
                        formatted("{}: is not an EFI program, but {}, which it replaces, is one", after.name,
                                  before.name)};
        }
        ImageChange change{forecast, *old_image, *new_image};
        count += change.apply_image();
        if (count > 0) { // also where it is only a file to GRUB
            change.check_signatures();
        }
        if (is_uki(*old_image)) {
            if (!is_uki(*new_image)) {
                throw Error{Reason::bad_data,
                            formatted("{}: is not a unified kernel image, but {}, which it replaces, is one",
                                      after.name, before.name)};
            }
            try {
                count += change.apply_uki();
            } catch (const Error& error) {
                throw error.in(formatted("{} or {}", before.name, after.name));
            }
        }
    }
    if (count == 0) {
        throw Error{Reason::no_input,
                    formatted("{}: is not measured anywhere in {}: this boot did not use it, or not "
                              "this version of it",
                              before.name, forecast.log().file)};
    }
}

} // namespace sealmount
