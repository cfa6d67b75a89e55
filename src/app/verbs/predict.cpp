// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/options/prediction_options.hpp"
#include "app/output/exit_code.hpp"
#include "app/output/hints.hpp"
#include "app/output/print.hpp"
#include "app/verbs/verbs.hpp"
#include "base/error.hpp"
#include "base/format.hpp"
#include "base/hex.hpp"
#include "base/strict_json.hpp"
#include "core/events/log_files.hpp"
#include "core/policy/pcr_policy.hpp"
#include "core/prediction/boot_images.hpp"
#include "core/reproduction/grub_outlook.hpp"
#include "core/store/store.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>

namespace sealmount {

namespace {

struct PredictOptions {
    std::string pcrs;
    PredictionOptions changes;
    bool after_boot = false;
};

/// Today's values and those to come.
struct Outcome {
    PcrBank bank;
    PcrValues now;
    std::vector<PredictedBoot> next; ///< the first is for the state of now

    [[nodiscard]] bool is_whole() const {
        return std::ranges::all_of(next, [](const PredictedBoot& boot) {
            return std::ranges::all_of(boot.values, [](const auto& one) { return one.second.has_value(); });
        });
    }
};

std::unique_ptr<Tpm> open_tpm(const Machine& machine) {
    auto tpm = machine.tpm.open(TpmAccess::managed);
    if (!tpm) {
        throw Error{Reason::unavailable,
                    formatted("the PCRs cannot be read: {}", describe(tpm.error().kind)),
                    {.kind = AdviceKind::read_log_instead}};
    }
    return std::move(*tpm);
}

Outcome predict_it(const PredictOptions& options, const Globals& globals, const Machine& machine) {
    const Paths paths = globals.paths();
    PcrSelection selection;
    if (options.pcrs.empty()) {
        selection.mask = logged_pcrs(options.changes, paths);
    } else {
        selection = parse_pcr_selection(options.pcrs);
    }
    Outcome outcome{.bank = selection.bank, .now = {}, .next = {}};
    if (options.changes.log.empty()) {
        const auto tpm = open_tpm(machine);
        outcome.now = tpm->read_pcrs(selection).values;
        outcome.next = predicted(options.changes, paths, *tpm, selection);
        return outcome;
    }
    PredictionOptions unchanged;
    unchanged.log = options.changes.log;
    unchanged.systemd_log = options.changes.systemd_log;
    const std::vector<PredictedBoot> today = predicted_by_log(unchanged, paths, selection);
    for (const auto& [pcr, value] : today.front().values) {
        if (value) {
            outcome.now.emplace(pcr, *value);
        }
    }
    outcome.next = predicted_by_log(options.changes, paths, selection);
    return outcome;
}

Json to_json(const Outcome& outcome, const PredictedBoot& boot) {
    Json json = Json::array();
    for (const auto& [pcr, value] : boot.values) {
        const auto now = outcome.now.find(pcr);
        json.push_back({{"pcr", pcr},
                        {"meaning", pcr_meaning(pcr)},
                        {"now", now == outcome.now.end() ? Json(nullptr) : Json(to_hex(now->second))},
                        {"next", value ? Json(to_hex(*value)) : Json(nullptr)},
                        {"reason", value ? Json(nullptr) : Json(with_hint(value.error()))}});
    }
    return json;
}

Json to_json(const Outcome& outcome) {
    Json json = {{"predicted", outcome.is_whole()},
                 {"bank", to_string(outcome.bank)},
                 {"pcrs", to_json(outcome, outcome.next.front())}};
    if (outcome.next.size() > 1) {
        json["states"] = Json::array();
        for (const PredictedBoot& boot : outcome.next) {
            json["states"].push_back({{"grubenv", boot.origin}, {"pcrs", to_json(outcome, boot)}});
        }
    }
    return json;
}

bool is_same(const std::expected<Bytes, Problem>& one, const std::expected<Bytes, Problem>& other) {
    return one.has_value() == other.has_value() && (!one || *one == *other);
}

/// The rows of a state; of any but the first only those that are not as in the first.
void print_rows(const Outcome& outcome, const PredictedBoot& boot, const int width) {
    const bool is_first = &boot == &outcome.next.front();
    for (const auto& [pcr, value] : boot.values) {
        if (!is_first && is_same(value, outcome.next.front().values.at(pcr))) {
            continue;
        }
        const auto now = outcome.now.find(pcr);
        const std::string today = now == outcome.now.end() ? "-" : to_hex(now->second);
        const std::string why = !value ? formatted("cannot be predicted: {}", with_hint(value.error()))
                                : now != outcome.now.end() && now->second == *value ? "unchanged"
                                                                                    : "changes";
        print("{:3}  {:{}}  {:{}}  {}\n", pcr, today, width, value ? to_hex(*value) : "-", width, why);
    }
}

void print_table(const Outcome& outcome) {
    int width = 8;
    for (const auto& [pcr, value] : outcome.now) {
        width = std::max(width, static_cast<int>(2 * value.size()));
    }
    print("PCR  {:{}}  {:{}}  why\n", "now", width, "next boot", width);
    for (const PredictedBoot& boot : outcome.next) {
        const bool is_first = &boot == &outcome.next.front();
        const bool differs = std::ranges::any_of(boot.values, [&](const auto& one) {
            return !is_same(one.second, outcome.next.front().values.at(one.first));
        });
        if (!is_first && differs) {
            print("A boot that finds grubenv {}:\n", boot.origin);
        }
        print_rows(outcome, boot, width);
    }
}

/// Has a slot of a volume's master key a PCR that GRUB measures into, so that a proof of this boot may be of
/// use?
bool has_slot_behind_grub(const Store& store) {
    constexpr PcrMask measured = PcrMask{1} << image_pcr | PcrMask{1} << grub_pcr | PcrMask{1} << linux_pcr;
    return std::ranges::any_of(store.manifest().volumes, [&](const Volume& volume) {
        return std::ranges::any_of(store.master(volume.master).slots, [](const Slot& slot) {
            return std::ranges::any_of(slot.policy.pcrs, [](const PcrPolicy& literal) {
                return (literal.selection().mask & measured) != 0;
            });
        });
    });
}

/// For a service: while the files of this boot are there.
int remember_boot(const Globals& globals) {
    const Paths paths = globals.paths();
    if (!has_slot_behind_grub(Store{paths})) {
        return 0;
    }
    const EventLog log = read_event_log("", paths);
    if (!is_behind_grub(log) || log.banks.empty() || recorded_proof(paths)) {
        return 0;
    }
    const auto proof = proof_now(paths, log, proof_bank(log));
    if (!proof) {
        print("What this boot has measured through GRUB cannot be computed: {}\n", proof.error().message);
        return 0;
    }
    record_proof(paths, *proof);
    for (const auto& [pcr, difference] : proof->differences) {
        print("PCR {}: {}\n", pcr, difference.empty() ? "computed as this boot measured it" : difference);
    }
    return 0;
}

int run_predict(const PredictOptions& options, const Globals& globals, const Machine& machine) {
    if (options.after_boot) {
        return remember_boot(globals);
    }
    const Outcome outcome = predict_it(options, globals, machine);
    if (globals.json) {
        print_json(to_json(outcome));
    } else {
        print_table(outcome);
        std::fflush(stdout); // before what goes to standard error
    }
    if (!outcome.is_whole() && !globals.json) {
        print_error("sealmount: not every PCR can be predicted\n");
    }
    return outcome.is_whole() ? 0 : exit_code(Reason::unavailable);
}

} // namespace

Run declare_predict(Arguments& verb) {
    const auto options = std::make_shared<PredictOptions>();
    verb.option("--pcrs", "LIST", options->pcrs,
                "the PCRs and their bank, such as 4+7+9:sha256 (default: all in the log)");
    verb.option("--replace", "OLD=NEW", options->changes.replacements,
                "the file NEW takes the place of the file OLD: kernel, initrd, boot loader, UKI");
    add_prediction_options(verb, options->changes);
    verb.flag("--after-boot", options->after_boot,
              "only remember, for later, whether what this boot measured through GRUB can be computed");
    return [options](const Globals& globals, const Machine& machine) {
        return run_predict(*options, globals, machine);
    };
}

} // namespace sealmount
