// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/reproduction/grub_outlook.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "base/text.hpp"
#include "core/grub/grub_states.hpp"
#include "core/prediction/image_authority.hpp"

#include <algorithm>
#include <array>

namespace sealmount {

namespace {

constexpr std::array script_pcrs = {grub_command_pcr, grub_file_pcr};

class NextGrub {
  public:
    NextGrub(const BootedGrub& grub, const GrubProof& proof, const PcrBank bank)
        : grub_(grub), proof_(proof), bank_(bank) {}

    [[nodiscard]] GrubOutlook outlook(const GrubState& state) const {
        GrubOutlook outlook{.origin = state.origin, .forecast = {}};
        for (const unsigned pcr : script_pcrs) {
            outlook.forecast.events.emplace(pcr, events_of(state.boot, pcr));
        }
        look_at_kernel(state.boot, outlook.forecast);
        return outlook;
    }

  private:
    [[nodiscard]] std::unexpected<Problem> not_reproduced(const unsigned pcr) const {
        const auto found = proof_.differences.find(pcr);
        return std::unexpected{
            Problem{formatted("what is computed of GRUB's part is not what this boot measured: {}",
                              found == proof_.differences.end() ? "nothing was compared" : found->second)}};
    }

    [[nodiscard]] std::expected<std::vector<Bytes>, Problem> events_of(const GrubBoot& boot,
                                                                       const unsigned pcr) const {
        if (!proof_.holds(pcr)) {
            return not_reproduced(pcr);
        }
        if (const auto unknown = boot.unknown.find(pcr); unknown != boot.unknown.end()) {
            return std::unexpected{
                Problem{formatted("GRUB's script, at {}: {}", printable(to_string(unknown->second.place)),
                                  unknown->second.reason)}};
        }
        std::vector<Bytes> digests;
        for (const GrubEvent& event : boot.events) {
            if (event.pcr != pcr) {
                continue;
            }
            if (const std::string disk = strange_disk(event); !disk.empty()) {
                return std::unexpected{
                    Problem{formatted("GRUB's script, at {}, comes to a disk ({}) whose name this boot's "
                                      "log does not show",
                                      printable(to_string(event.place)), disk)}};
            }
            digests.push_back(digest(event, *grub_.machine, bank_));
        }
        return digests;
    }

    /// "" when all disks that the event names are known.
    [[nodiscard]] std::string strange_disk(const GrubEvent& event) const {
        if (grub_.known_names) {
            for (const std::string& name : disks_named_in(event.text)) {
                if (!grub_.known_names->contains(name) && !grub_.disks.contains(name)) {
                    return name;
                }
            }
        }
        return {};
    }

    void look_at_kernel(const GrubBoot& boot, GrubForecast& forecast) const {
        // Which kernel is started follows from the script.
        for (const unsigned pcr : {image_pcr, grub_command_pcr}) {
            if (!proof_.holds(pcr)) {
                forecast.images = not_reproduced(pcr);
                return;
            }
        }
        const bool is_known = boot.kernel && boot.kernel->is_linux;
        const std::string contents = is_known ? grub_.machine->read_image(boot.kernel->image) : "";
        const auto image = PeImage::parse(as_bytes(contents));
        std::map<unsigned, Bytes> images{{grub_.image->number, grub_.image->digests.at(bank_)}};
        if (!is_known && !grub_.started.empty()) {
            forecast.images = std::unexpected{Problem{"what GRUB will start is not known"}};
        } else if (!image && !grub_.started.empty()) {
            forecast.images = std::unexpected{Problem{formatted(
                "{}, which GRUB will start, is not an EFI program", printable(boot.kernel->image.path))}};
        } else {
            for (const LogEvent* const event : grub_.started) {
                images.emplace(event->number, image->authenticode(bank_));
            }
            forecast.images = std::move(images);
        }
        if (is_known && image) {
            forecast.is_kernel_known = true;
            compare_signers(*image, *boot.kernel, forecast);
        }
    }

    void compare_signers(const PeImage& image, const GrubKernel& kernel, GrubForecast& forecast) const {
        if (grub_.start.secure_boot && signers_of(image) != proof_.signers) {
            forecast.authority =
                Problem{formatted("{} is signed with other certificates than the kernel of this boot, so "
                                  "what verifies it is not known",
                                  printable(kernel.image.path))};
        }
    }

    const BootedGrub& grub_;
    const GrubProof& proof_;
    PcrBank bank_;
};

/// The record only saves work, and keeps a proof for when the files have changed.
void record_if_possible(const Paths& paths, const GrubProof& proof) {
    try {
        record_proof(paths, proof);
    } catch (const Error&) {
        return;
    }
}

} // namespace

GrubOutlook nothing_known(const Problem& why) {
    GrubOutlook outlook;
    for (const unsigned pcr : script_pcrs) {
        outlook.forecast.events.emplace(pcr, std::unexpected{why});
    }
    outlook.forecast.images = std::unexpected{why};
    return outlook;
}

std::vector<GrubOutlook> grub_outlooks(const BootedGrub& grub, const GrubProof& proof, const EventLog& log,
                                       const PcrBank bank) {
    if (std::ranges::find(log.banks, bank) == log.banks.end()) {
        return {nothing_known({formatted("{}: it has no digests of that bank", log.file)})};
    }
    GrubStart start = grub.start;
    start.graphics = proof.graphics;
    start.setup_supported = proof.setup_supported;
    std::vector<GrubOutlook> outlooks;
    try {
        for (const GrubState& state : grub_states(start, *grub.machine)) {
            outlooks.push_back(NextGrub{grub, proof, bank}.outlook(state));
        }
    } catch (const Error& error) {
        outlooks.assign(1, nothing_known({.message = error.what(), .advice = error.advice()}));
    }
    return outlooks;
}

std::expected<GrubProof, Problem> proof_now(const Paths& paths, const EventLog& log, const PcrBank bank) {
    const auto grub = booted_grub(log, bank, disks_of(paths.below_root("/")));
    if (!grub) {
        return std::unexpected{grub.error()};
    }
    return prove_grub(log, bank, *grub);
}

PcrBank proof_bank(const EventLog& log) {
    const bool has_usual = std::ranges::find(log.banks, PcrBank::sha256) != log.banks.end();
    return has_usual || log.banks.empty() ? PcrBank::sha256 : log.banks.front();
}

std::vector<GrubOutlook> grub_outlooks(const Paths& paths, const EventLog& log, const PcrBank bank,
                                       const bool may_record) {
    auto proof = recorded_proof(paths);
    const auto grub =
        booted_grub(log, bank, disks_of(paths.below_root("/")), proof ? proof->disks : GrubDisks{});
    if (!grub) {
        return {nothing_known(grub.error())};
    }
    if (!proof) {
        proof = prove_grub(log, bank, *grub);
        if (may_record && proof->holds(grub_command_pcr) && proof->holds(grub_file_pcr)) {
            record_if_possible(paths, *proof);
        }
    }
    return grub_outlooks(*grub, *proof, log, bank);
}

} // namespace sealmount
