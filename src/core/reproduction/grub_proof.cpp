// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/reproduction/grub_proof.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "base/hex.hpp"
#include "base/text.hpp"
#include "core/grub/grub_comparison.hpp"
#include "core/prediction/image_authority.hpp"
#include "core/reproduction/found_environment.hpp"
#include "sys/crypto/crypto.hpp"

#include <algorithm>
#include <array>

namespace sealmount {

namespace {

std::string in_words(const GrubDifference& difference) {
    const std::string logged =
        difference.number == 0
            ? "has no more events in the log"
            : formatted("has {} as event {} of the log", in_quotes(difference.logged), difference.number);
    const std::string computed =
        !difference.reason.empty() ? difference.reason
        : difference.computed.empty()
            ? "no more was computed"
            : formatted("{} was computed", in_quotes(printable(difference.computed)));
    const std::string place =
        difference.place.file.empty() ? "" : formatted(" ({})", printable(to_string(difference.place)));
    return formatted("this boot {}, and {}{}", logged, computed, place);
}

/// The titles of the entries that were entered, as `default` names an entry in a submenu.
std::string chosen_entry(const EventLog& log) {
    constexpr std::string_view command = "grub_cmd: setparams ";
    std::string chosen;
    for (const LogEvent& event : log.events) {
        std::string text{reinterpret_cast<const char*>(event.data.data()), event.data.size()};
        text.resize(std::min(text.find('\0'), text.size()));
        if (event.pcr == grub_command_pcr && text.starts_with(command)) {
            chosen += (chosen.empty() ? "" : ">") + text.substr(command.size());
        }
    }
    return chosen;
}

/// What this boot may have been, beyond what is in files. The log decides.
struct Circumstances {
    std::optional<bool> graphics;
    bool setup_supported = true;
    std::optional<std::string> choice;
};

class GrubTrial {
  public:
    GrubTrial(const EventLog& log, const PcrBank bank, const BootedGrub& grub)
        : log_(log), bank_(bank), grub_(grub), start_(grub.start) {}

    GrubProof prove() {
        find_environment();
        GrubProof proof = with({});
        const std::string chosen = chosen_entry(log_);
        for (const auto& choice : {std::optional<std::string>{}, std::optional{chosen}}) {
            for (const bool setup_supported : {true, false}) {
                for (const std::optional<bool> graphics : {std::optional<bool>{}, {true}, {false}}) {
                    if (proof.holds(grub_command_pcr) && proof.holds(grub_file_pcr)) {
                        return proof;
                    }
                    GrubProof other = with({graphics, setup_supported, choice});
                    if (other.holds(grub_command_pcr) && other.holds(grub_file_pcr)) {
                        proof = std::move(other);
                    }
                }
            }
        }
        return proof;
    }

  private:
    void find_environment() {
        for (const GrubFile& file : run_grub(start_, *grub_.machine).environments) {
            if (auto block = found_environment(grub_.machine->read(file), log_, bank_)) {
                start_.rewritten[file] = std::move(*block);
            }
        }
    }

    GrubProof with(const Circumstances& circumstances) {
        start_.graphics = circumstances.graphics;
        start_.setup_supported = circumstances.setup_supported;
        start_.choice = circumstances.choice;
        const GrubBoot boot = run_grub(start_, *grub_.machine);
        GrubProof proof{.differences = {},
                        .disks = grub_.disks,
                        .graphics = circumstances.graphics,
                        .setup_supported = circumstances.setup_supported,
                        .signers = {}};
        for (const unsigned pcr : {grub_command_pcr, grub_file_pcr}) {
            const auto difference = first_difference(boot, *grub_.machine, log_, pcr, bank_);
            proof.differences[pcr] = difference ? in_words(*difference) : "";
        }
        look_at_kernel(boot, proof);
        return proof;
    }

    /// Where GRUB starts a kernel without the firmware, PCR 4 has no event of it, and will not have one.
    void look_at_kernel(const GrubBoot& boot, GrubProof& proof) {
        std::string& difference = proof.differences[image_pcr];
        const bool is_known = boot.kernel && boot.kernel->is_linux;
        const std::string contents = is_known ? grub_.machine->read_image(boot.kernel->image) : "";
        const auto image = PeImage::parse(as_bytes(contents));
        const Bytes digest = image ? image->authenticode(bank_) : Bytes{};
        const auto other = std::ranges::find_if(
            grub_.started, [&](const LogEvent* event) { return event->digests.at(bank_) != digest; });
        if (other == grub_.started.end()) {
            // Signatures are part of the file only.
            const bool is_same = image && is_file_of_grub(log_, bank_, as_bytes(contents));
            proof.signers = is_same ? signers_of(*image) : "";
        } else if (!is_known) {
            difference = "the image that GRUB started in this boot was not computed";
        } else {
            difference = formatted("{} is not the image that this boot has as event {} of the log",
                                   printable(boot.kernel->image.path), (*other)->number);
        }
    }

    const EventLog& log_;
    PcrBank bank_;
    const BootedGrub& grub_;
    GrubStart start_;
};

} // namespace

bool GrubProof::holds(const unsigned pcr) const {
    const auto found = differences.find(pcr);
    return found != differences.end() && found->second.empty();
}

GrubProof prove_grub(const EventLog& log, const PcrBank bank, const BootedGrub& grub) {
    try {
        return GrubTrial{log, bank, grub}.prove();
    } catch (const Error& error) {
        GrubProof proof;
        proof.disks = grub.disks;
        for (const unsigned pcr : {image_pcr, grub_command_pcr, grub_file_pcr}) {
            proof.differences[pcr] = error.what();
        }
        return proof;
    }
}

} // namespace sealmount
