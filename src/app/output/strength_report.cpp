// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/output/strength_report.hpp"

#include "app/output/hints.hpp"
#include "base/format.hpp"
#include "base/strict_json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace sealmount {

namespace {

struct AttackerText {
    Attacker attacker;
    const char* name; ///< for programs: stable
    const char* words;
};

constexpr std::array attackers{
    AttackerText{Attacker::disk_thief, "disk-thief", "a thief of the disk"},
    AttackerText{Attacker::live_stick, "live-stick", "a thief of the machine with a live stick"},
    AttackerText{Attacker::hour_alone, "hour-alone", "somebody with an hour alone with it"},
    AttackerText{Attacker::on_the_bus, "on-the-bus", "somebody with tools on the TPM's bus"},
    AttackerText{Attacker::other_user, "other-user", "another user of the machine"},
    AttackerText{Attacker::old_copy, "old-copy", "whoever has a backup of /etc/sealmount"},
};
static_assert(attackers.size() == static_cast<std::size_t>(last_attacker) + 1);

struct ReasonText {
    StrengthReason reason;
    const char* name;     ///< for programs: stable
    const char* sentence; ///< "{}" is the subject
};

constexpr std::array reasons{
    ReasonText{StrengthReason::tpm_is_needed, "tpm-is-needed",
               "without this TPM, only the passphrases open its volumes"},
    ReasonText{StrengthReason::recovery_key_is_there, "recovery-key-is-there",
               "so does the recovery key, together with /etc/sealmount"},
    ReasonText{StrengthReason::slot_opens_anything, "slot-opens-anything", "slot {}: "},
    ReasonText{StrengthReason::slot_opens_any_system, "slot-opens-any-system", "slot {}: "},
    ReasonText{StrengthReason::slot_opens_vendor, "slot-opens-vendor", "slot {}: "},
    ReasonText{StrengthReason::slot_is_unknown, "slot-is-unknown", "slot {}: "},
    ReasonText{StrengthReason::slot_opens_initrd, "slot-opens-initrd", "slot {}: "},
    ReasonText{StrengthReason::slot_opens_command_line, "slot-opens-command-line", "slot {}: "},
    ReasonText{StrengthReason::slot_is_measured, "slot-is-measured",
               "slot {}: another boot loader, kernel or initrd does not satisfy it"},
    ReasonText{StrengthReason::slot_has_pin, "slot-has-pin",
               "slot {}: he would need its PIN, and the TPM limits the tries"},
    ReasonText{StrengthReason::slot_is_false, "slot-is-false",
               "slot {}: its object is sealed to another policy than the file says"},
    ReasonText{StrengthReason::root_is_open, "root-is-open",
               "the root file system is neither encrypted nor verified: what he changes there runs in the "
               "approved state"},
    ReasonText{StrengthReason::root_is_encrypted, "root-is-encrypted", "the root file system is encrypted"},
    ReasonText{StrengthReason::root_is_verified, "root-is-verified", "the root file system is verified"},
    ReasonText{StrengthReason::root_is_unknown, "root-is-unknown",
               "whether the root file system is encrypted or verified is not known"},
    ReasonText{StrengthReason::kernel_unseals_in_clear, "kernel-unseals-in-clear",
               "the kernel unseals, and the master key crosses the bus in the clear"},
    ReasonText{StrengthReason::kernel_unseals_encrypted, "kernel-unseals-encrypted",
               "the kernel unseals, and encrypts the bus under a key that nobody compared"},
    ReasonText{StrengthReason::program_unseals, "program-unseals",
               "the unlock service unseals, under the pinned key of the TPM: he reads nothing, and changes "
               "nothing unnoticed"},
    ReasonText{StrengthReason::unseal_is_unknown, "unseal-is-unknown",
               "how the machine unseals is not known"},
    ReasonText{StrengthReason::pin_crosses_in_clear, "pin-crosses-in-clear",
               "when somebody types the PIN, the kernel sends it in the clear"},
    ReasonText{
        StrengthReason::measured_by_hand, "measured-by-hand",
        "who resets the TPM alone can measure what the event log shows, and it opens each slot without "
        "a PIN"},
    ReasonText{StrengthReason::files_are_private, "files-are-private",
               "master and key files are for root alone"},
    ReasonText{StrengthReason::file_is_readable, "file-is-readable",
               "{} can be read by others than root: who may use the TPM, too, gets the key"},
    ReasonText{StrengthReason::lower_is_its_owners, "lower-is-its-owners",
               "the owner of {} can show himself the names in another directory there, but no contents"},
    ReasonText{StrengthReason::copy_needs_state, "copy-needs-state",
               "a copy opens in the states of its slots, on this machine, whatever is rotated since"},
};
static_assert(reasons.size() == static_cast<std::size_t>(last_strength_reason) + 1);

const AttackerText& text_of(const Attacker attacker) {
    return *std::ranges::find(attackers, attacker, &AttackerText::attacker);
}

const ReasonText& text_of(const StrengthReason reason) {
    return *std::ranges::find(reasons, reason, &ReasonText::reason);
}

/// A point about a slot that others satisfy: which systems, in the words of core/policy/policy_reach.hpp.
const char* reach_words(const StrengthReason reason) {
    switch (reason) {
    case StrengthReason::slot_opens_anything:
        return words_for(Reach::anything);
    case StrengthReason::slot_opens_any_system:
        return words_for(Reach::any_system);
    case StrengthReason::slot_opens_vendor:
        return words_for(Reach::vendor);
    case StrengthReason::slot_is_unknown:
        return words_for(Reach::unknown);
    case StrengthReason::slot_opens_initrd:
        return words_for(Reach::initrd);
    case StrengthReason::slot_opens_command_line:
        return words_for(Reach::command_line);
    default:
        return "";
    }
}

std::string sentence_for(const StrengthPoint& point) {
    std::string sentence = text_of(point.reason).sentence;
    if (const auto place = sentence.find("{}"); place != std::string::npos) {
        sentence.replace(place, 2, point.subject);
    }
    return sentence + reach_words(point.reason);
}

const char* name_of(const Gain gain) {
    switch (gain) {
    case Gain::nothing:
        return "nothing";
    case Gain::unknown:
        return "unknown";
    case Gain::key:
        return "key";
    }
    return "";
}

const char* words_of(const Gain gain) {
    switch (gain) {
    case Gain::nothing:
        return "gets nothing";
    case Gain::unknown:
        return "what he gets is not known";
    case Gain::key:
        return "gets the key";
    }
    return "";
}

/// Each once, in their order.
std::vector<std::string> raises_of(const std::vector<StrengthPoint>& points) {
    std::vector<std::string> raises;
    for (const StrengthPoint& point : points) {
        if (std::string hint = hint_for(point.raise);
            !hint.empty() && std::ranges::find(raises, hint) == raises.end()) {
            raises.push_back(std::move(hint));
        }
    }
    return raises;
}

Json to_json(const AttackerStrength& strength) {
    Json points = Json::array();
    for (const StrengthPoint& point : strength.points) {
        points.push_back({{"reason", text_of(point.reason).name},
                          {"gets", name_of(point.gain)},
                          {"subject", point.subject},
                          {"words", sentence_for(point)},
                          {"raise", hint_for(point.raise)}});
    }
    return {{"attacker", text_of(strength.attacker).name},
            {"gets", name_of(strength.gain())},
            {"reasons", std::move(points)}};
}

} // namespace

Json strength_json(const std::vector<MasterStrength>& strengths) {
    Json masters = Json::array();
    for (const MasterStrength& master : strengths) {
        Json json = {{"master", master.name},
                     {"failure", master.failure ? Json(master.failure->what()) : Json(nullptr)},
                     {"attackers", Json::array()}};
        for (const AttackerStrength& strength : master.attackers) {
            json["attackers"].push_back(to_json(strength));
        }
        masters.push_back(std::move(json));
    }
    return {{"masters", std::move(masters)}};
}

std::vector<std::string> strength_lines(const std::vector<MasterStrength>& strengths) {
    std::vector<std::string> lines;
    for (const MasterStrength& master : strengths) {
        lines.push_back(formatted("master {}", master.name));
        if (master.failure) {
            lines.push_back(formatted("  not known: {}", with_hint(*master.failure)));
        }
        for (const AttackerStrength& strength : master.attackers) {
            lines.push_back(
                formatted("  {}: {}", text_of(strength.attacker).words, words_of(strength.gain())));
            for (const StrengthPoint& point : strength.points) {
                lines.push_back(formatted("    {}", sentence_for(point)));
            }
            for (const std::string& raise : raises_of(strength.points)) {
                lines.push_back(formatted("    -> {}", raise));
            }
        }
    }
    if (lines.empty()) {
        lines.emplace_back("There are no volumes.");
    }
    return lines;
}

} // namespace sealmount
