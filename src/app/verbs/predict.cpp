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
#include "core/policy/pcr_policy.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>

namespace sealmount {

namespace {

struct PredictOptions {
    std::string pcrs;
    PredictionOptions changes;
};

/// Today's values and those to come.
struct Outcome {
    PcrBank bank;
    PcrValues now;
    Prediction next;

    [[nodiscard]] bool is_whole() const {
        return std::ranges::all_of(next, [](const auto& entry) { return entry.second.has_value(); });
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
    for (const auto& [pcr, value] : predicted_by_log(unchanged, paths, selection)) {
        if (value) {
            outcome.now.emplace(pcr, *value);
        }
    }
    outcome.next = predicted_by_log(options.changes, paths, selection);
    return outcome;
}

Json to_json(const Outcome& outcome) {
    Json json = {
        {"predicted", outcome.is_whole()}, {"bank", to_string(outcome.bank)}, {"pcrs", Json::array()}};
    for (const auto& [pcr, value] : outcome.next) {
        const auto now = outcome.now.find(pcr);
        json["pcrs"].push_back({{"pcr", pcr},
                                {"meaning", pcr_meaning(pcr)},
                                {"now", now == outcome.now.end() ? Json(nullptr) : Json(to_hex(now->second))},
                                {"next", value ? Json(to_hex(*value)) : Json(nullptr)},
                                {"reason", value ? Json(nullptr) : Json(with_hint(value.error()))}});
    }
    return json;
}

void print_table(const Outcome& outcome) {
    int width = 8;
    for (const auto& [pcr, value] : outcome.now) {
        width = std::max(width, static_cast<int>(2 * value.size()));
    }
    print("PCR  {:{}}  {:{}}  why\n", "now", width, "next boot", width);
    for (const auto& [pcr, value] : outcome.next) {
        const auto now = outcome.now.find(pcr);
        const std::string today = now == outcome.now.end() ? "-" : to_hex(now->second);
        const std::string why = !value ? formatted("cannot be predicted: {}", with_hint(value.error()))
                                : now != outcome.now.end() && now->second == *value ? "unchanged"
                                                                                    : "changes";
        print("{:3}  {:{}}  {:{}}  {}\n", pcr, today, width, value ? to_hex(*value) : "-", width, why);
    }
}

int run_predict(const PredictOptions& options, const Globals& globals, const Machine& machine) {
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
    return [options](const Globals& globals, const Machine& machine) {
        return run_predict(*options, globals, machine);
    };
}

} // namespace sealmount
