// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/prediction/next_boot.hpp"

#include "base/byte_reader.hpp"
#include "base/error.hpp"
#include "base/format.hpp"
#include "base/text.hpp"
#include "core/events/event_text.hpp"
#include "core/prediction/boot_images.hpp"
#include "core/prediction/image_authority.hpp"
#include "core/prediction/next_boot_kernel.hpp"
#include "sys/tpm/digest.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sealmount {

namespace {

class NextBoot {
  public:
    NextBoot(Forecast& forecast, const BootFacts& facts)
        : forecast_(forecast), facts_(facts), images_(boot_images(forecast.log())),
          is_unified_(has_unified_events(forecast)), loader_version_(facts.systemd_boot.value_or("")) {}

    void apply() {
        if (images_.empty()) {
            throw Error{
                Reason::unavailable,
                formatted(
                    "{}: has no EFI boot images, so this machine does not start through UEFI, and what it "
                    "will measure cannot be found out",
                    forecast_.log().file),
                {AdviceKind::name_changes}};
        }
        if (facts_.variable) {
            apply_variables(forecast_, facts_.variable,
                            [this](const std::string& partition, const std::string& path) {
                                return program_at({.root = {}, .partition = partition, .path = path});
                            });
        }
        compare_partition_tables();
        if (is_behind_grub(forecast_.log())) {
            apply_grub();
        } else {
            choose();
        }
        for (const BootImage& image : images_) {
            if (&image != started_ && !image.path.empty()) {
                look_at(image);
            }
        }
        loader_configuration();
        if (started_ != nullptr) {
            sealmount::apply(
                forecast_,
                {.started = *started_, .before = before_, .after = after_, .loader_version = loader_version_},
                facts_.read);
        }
        look_at_others();
        spoil_behind_missing();
    }

  private:
    [[nodiscard]] std::optional<Bytes> program_at(const BootPlace& place) const {
        const auto file = place.path.empty() ? std::nullopt : facts_.read(place);
        const auto image = file ? PeImage::parse(as_bytes(file->contents)) : std::nullopt;
        return image ? std::optional{image->authenticode(forecast_.bank())} : std::nullopt;
    }

    /// UEFI_GPT_DATA (TCG PC Client Platform Firmware Profile 1.05, 10.2.7) begins with the header.
    void compare_partition_tables() {
        constexpr std::size_t header_size = 92;
        std::optional<std::vector<Bytes>> tables;
        for (const ForecastEvent& event : forecast_.events()) {
            const bool is_table = event.past != nullptr && !event.is_changed &&
                                  event.type == EventType::gpt && event.past->data.size() > header_size;
            if (!facts_.partition_tables || !is_table) {
                continue;
            }
            tables = tables ? std::move(tables) : facts_.partition_tables();
            const BytesView header = BytesView{event.past->data}.first(header_size);
            const bool is_there = std::ranges::any_of(
                *tables, [&](const Bytes& table) { return std::ranges::equal(table, header); });
            if (!is_there) {
                forecast_.spoil(event.pcr,
                                formatted("the partition table that this boot has measured (event {}) "
                                          "is not on a disk any more",
                                          event.past->number));
            }
        }
    }

    void spoil_for_grub() {
        for (const unsigned pcr : {grub_pcr, linux_pcr}) {
            forecast_.spoil(pcr, "GRUB measures each command and file of its menu, and what it will choose "
                                 "from it is not known");
        }
        if (std::ranges::any_of(images_, [](const BootImage& image) { return image.path.empty(); })) {
            forecast_.spoil(image_pcr, "GRUB starts an image that it chooses from its menu, and which one is "
                                       "not known");
        }
    }

    void apply_grub() {
        if (!facts_.grub) {
            spoil_for_grub();
            doubt_authority();
            return;
        }
        for (const auto& [pcr, digests] : facts_.grub->events) {
            if (!digests) {
                forecast_.spoil(pcr, digests.error().message, digests.error().advice);
            } else if (!forecast_.replace_all(pcr, *digests)) {
                forecast_.spoil(pcr, "what GRUB makes of the changes that were named is not computed");
            }
        }
        if (facts_.grub->authority) {
            forecast_.spoil(secure_boot_pcr, facts_.grub->authority->message, facts_.grub->authority->advice);
        }
        if (!facts_.grub->is_kernel_known) {
            doubt_authority();
        }
        if (!facts_.grub->images) {
            forecast_.spoil(image_pcr, facts_.grub->images.error().message,
                            facts_.grub->images.error().advice);
            return;
        }
        for (const BootImage& image : images_) {
            replace_by_grub(image, *facts_.grub->images);
        }
    }

    /// Whichever kernel GRUB starts: are all signed as the one of this boot?
    void doubt_authority() {
        if (!is_verified(forecast_.log())) {
            return;
        }
        constexpr std::string_view unknown = "which kernel GRUB will start is not known";
        std::optional<std::string> signers;
        const std::vector<NamedFile> kernels = facts_.kernels ? facts_.kernels() : std::vector<NamedFile>{};
        for (const NamedFile& kernel : kernels) {
            const auto image = PeImage::parse(as_bytes(kernel.contents));
            if (image && is_file_of_grub(forecast_.log(), forecast_.bank(), as_bytes(kernel.contents))) {
                signers = signers_of(*image);
            }
        }
        if (!signers) {
            forecast_.spoil(
                secure_boot_pcr,
                formatted("{}, and that of this boot is not in /boot to compare signatures with", unknown));
            return;
        }
        for (const NamedFile& kernel : kernels) {
            const auto image = PeImage::parse(as_bytes(kernel.contents));
            if (image && signers_of(*image) != *signers) {
                forecast_.spoil(secure_boot_pcr,
                                formatted("{}, and {} is signed with other certificates than "
                                          "that of this boot",
                                          unknown, printable(kernel.name)));
            }
        }
    }

    /// What GRUB is, and what it starts. Other images have a path of their own.
    void replace_by_grub(const BootImage& image, const std::map<unsigned, Bytes>& digests) {
        const auto found = digests.find(image.event->number);
        ForecastEvent* const event = forecast_of(forecast_, *image.event);
        if (found != digests.end() && event != nullptr && !event->is_changed) {
            event->is_changed = event->digest != found->second;
            event->digest = found->second;
        } else if (found == digests.end() && image.path.empty()) {
            forecast_.spoil(image_pcr, formatted("which image is event {} of the next boot is not known",
                                                 image.event->number));
        }
    }

    /// Which image of the log is the kernel, and which entry comes next?
    void choose() {
        if (facts_.entries.empty()) {
            const auto last = std::ranges::find_if(
                images_.rbegin(), images_.rend(), [](const BootImage& image) { return !image.path.empty(); });
            if (last == images_.rend() || facts_.systemd_boot) {
                spoil_kernel(forecast_, "which kernel is next is not known: bootctl lists no boot entry");
                return;
            }
            // Whatever started it, it is still there or something else is.
            const auto file = facts_.read(place_of(*last));
            started_ = file ? &*last : nullptr;
            before_.image = last->path;
            after_ = before_;
            return;
        }
        const auto selected = std::ranges::find_if(facts_.entries, &BootEntry::is_selected);
        const auto next = std::ranges::find_if(facts_.entries, &BootEntry::is_default);
        if (selected == facts_.entries.end() || next == facts_.entries.end()) {
            spoil_kernel(forecast_,
                         selected == facts_.entries.end()
                             ? "the boot entry that this boot used is gone, or bootctl does not mark it"
                             : "bootctl does not mark the boot entry that the next boot uses");
            return;
        }
        const auto image = std::ranges::find_if(images_.rbegin(), images_.rend(), [&](const BootImage& i) {
            return is_same_path(i.path, selected->image);
        });
        if (image == images_.rend()) {
            spoil_kernel(forecast_, formatted("the log has no image {}, which is that of the boot entry",
                                              printable(selected->image)));
            return;
        }
        started_ = &*image;
        before_ = *selected;
        after_ = *next;
    }

    static BootPlace place_of(const BootImage& image) {
        return {.root = {}, .partition = image.partition, .path = image.path};
    }

    /// An image that is not the kernel's: a boot loader, shim.
    void look_at(const BootImage& image) {
        const auto file = facts_.read(place_of(image));
        const auto now = file ? PeImage::parse(as_bytes(file->contents)) : std::nullopt;
        if (!now) {
            const std::string why =
                formatted("{}, which this boot started, {}", printable(image.path),
                          file ? "is no longer an EFI program" : "is not on a mounted boot partition");
            forecast_.spoil(image_pcr, why);
            missing_.emplace_back(image.event, why);
            return;
        }
        replace_image(forecast_, *image.event, *now);
        if (const std::string version = boot_loader_version(*now); !version.empty()) {
            change_loader(version);
        }
    }

    /// What an image measures that has not been found, and what is measured by those that it starts.
    void spoil_behind_missing() {
        constexpr std::array of_programs = {secure_boot_pcr, grub_pcr,       linux_pcr,
                                            uki_pcr,         parameters_pcr, shim_pcr};
        for (const auto& [image, why] : missing_) {
            if (is_verified(forecast_.log())) {
                forecast_.spoil(secure_boot_pcr, why);
            }
            for (const LogEvent& event : forecast_.log().events) {
                const bool is_of_program = std::ranges::find(of_programs, event.pcr) != of_programs.end() ||
                                           (event.pcr == loader_pcr && event.type == EventType::event_tag);
                if (event.number > image->number && event.is_measured() && is_of_program) {
                    forecast_.spoil(event.pcr, why);
                }
            }
        }
    }

    /// Images that are not files of their own: those in the firmware are as it is, a kernel in a unified
    /// image has been looked at with that, and what shim verifies for others is there twice.
    void look_at_others() {
        if (is_behind_grub(forecast_.log())) {
            return;
        }
        for (const BootImage& image : images_) {
            const ForecastEvent* const event = forecast_of(forecast_, *image.event);
            const bool is_in_unified = started_ != nullptr && &image == started_ + 1 && is_unified_;
            if (!image.path.empty() || image.is_in_firmware || event == nullptr || event->is_changed ||
                is_in_unified || is_also_file(image)) {
                continue;
            }
            forecast_.spoil(image_pcr,
                            formatted("where event {}, an image, comes from is not known, so whether "
                                      "it will be the same is not, either",
                                      image.event->number));
        }
    }

    [[nodiscard]] bool is_also_file(const BootImage& image) const {
        return std::ranges::any_of(images_, [&](const BootImage& other) {
            return !other.path.empty() && other.event->digests == image.event->digests;
        });
    }

    void change_loader(const std::string& version) {
        if (!loader_version_.empty() && major_version(loader_version_) != major_version(version)) {
            for (const unsigned pcr : {loader_pcr, linux_pcr, parameters_pcr}) {
                forecast_.spoil(
                    pcr, formatted("systemd-boot was replaced by another version ({} by {}), which may "
                                   "measure differently",
                                   printable(loader_version_), printable(version)));
            }
        }
        if (!facts_.entries.empty()) {
            loader_version_ = version;
        }
    }

    /// From 257 on, systemd-boot measures its loader.conf.
    void loader_configuration() {
        for (const ForecastEvent& event : forecast_.events()) {
            if (event.pcr != loader_pcr || event.type != EventType::event_tag || event.is_changed) {
                continue;
            }
            const auto file = facts_.read({.root = {}, .partition = {}, .path = "/loader/loader.conf"});
            if (!file || digest(forecast_.bank(), {as_bytes(file->contents)}) != event.digest) {
                forecast_.spoil(loader_pcr, "loader.conf, which systemd-boot measures, has changed");
            }
        }
    }

    Forecast& forecast_;
    const BootFacts& facts_;
    std::vector<BootImage> images_;
    bool is_unified_; ///< this boot was that of a unified image
    const BootImage* started_ = nullptr;
    BootEntry before_;
    BootEntry after_;
    std::vector<std::pair<const LogEvent*, std::string>> missing_; ///< images, and what is said of them
    std::string loader_version_; ///< of the next boot, once all images have been looked at
};

} // namespace

void apply_next_boot(Forecast& forecast, const BootFacts& facts) {
    NextBoot{forecast, facts}.apply();
}

} // namespace sealmount
